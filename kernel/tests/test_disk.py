"""Sizes on disk: as du counts them, whatever lies there."""

import os
import subprocess

from codeforge import disk


def du(folder):
    return int(
        subprocess.run(["du", "-s", "-B1", str(folder)], capture_output=True, text=True, check=True).stdout.split()[0]
    )


def test_a_folder_takes_what_du_says_with_links_holes_and_names_of_every_kind(tmp_path):
    folder = tmp_path / "folder"
    (folder / "a" / "b").mkdir(parents=True)
    (folder / "a" / "big").write_bytes(b"x" * 300_000)
    os.link(folder / "a" / "big", folder / "a" / "b" / "same")
    (folder / "outside").symlink_to(tmp_path)
    (tmp_path / "not-mine").write_bytes(b"x" * 500_000)
    with (folder / "hole").open("wb") as file:
        file.truncate(50_000_000)
    (folder / os.fsdecode(b"caf\xe9")).write_bytes(b"x" * 5000)
    assert disk.taken(folder) == du(folder)


def test_what_is_not_there_takes_nothing(tmp_path):
    assert disk.taken(tmp_path / "gone") == 0
    assert disk.of_projects(tmp_path) == {}


def test_workspaces_are_counted_by_project(tmp_path):
    for name, project in (("r1-1", "p"), ("r2-1", "p"), ("r3-1", "q"), ("r4-1", None)):
        (tmp_path / "runs" / name).mkdir(parents=True)
        (tmp_path / "runs" / name / "file").write_bytes(b"x" * 100_000)
        if project:
            (tmp_path / "runs" / name / "project").write_text(project)
    found = disk.of_projects(tmp_path)
    assert set(found) == {"p", "q", ""}
    assert found["p"] == sum(du(tmp_path / "runs" / name) for name in ("r1-1", "r2-1"))


def test_a_full_disk_is_known_by_its_error_and_by_what_that_caused():
    error = RuntimeError("it could not be written")
    error.__cause__ = OSError(28, "No space left on device")
    assert disk.is_full(error)
    assert not disk.is_full(OSError(2, "No such file"))
