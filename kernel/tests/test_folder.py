"""A run's folder: the agent's memory comes back as it was, and nothing of an archive lands elsewhere."""

import io
import tarfile

import pytest

from codeforge.worker.folder import TURNS, RunFolder


def test_what_an_agent_left_is_there_again_in_the_next_runs_folder(tmp_path):
    first, second = RunFolder(tmp_path / "r1-1"), RunFolder(tmp_path / "r2-1")
    first.make(None, "p")
    (first.state / "deep" / "er").mkdir(parents=True)
    (first.state / "deep" / "er" / "thoughts").write_text("recalled")
    (first.state / "tool").write_text("#!/bin/sh\n")
    (first.state / "tool").chmod(0o755)
    (first.state / "link").symlink_to("/etc/passwd")
    second.make(first.memory(), "p")
    assert (second.state / "deep" / "er" / "thoughts").read_text() == "recalled"
    assert (second.state / "tool").stat().st_mode & 0o777 == 0o700
    assert not (second.state / "link").is_symlink()


def test_the_turns_come_back_beside_the_state_and_not_as_the_agent_would_have_them(tmp_path):
    first, second, third = (RunFolder(tmp_path / f"r{number}-1") for number in range(3))
    assert first.make(None, "p") == b""
    assert first.memory("told") is None
    assert second.make(first.memory("told", alone=True), "p") == b"told"
    assert list(second.state.iterdir()) == []
    (second.state / TURNS).write_text("made up")
    assert third.make(second.memory("told"), "p") == b"told"


def test_turns_are_kept_where_the_state_is_too_large(tmp_path):
    first, second = RunFolder(tmp_path / "r1-1"), RunFolder(tmp_path / "r2-1")
    first.make(None, "p")
    with (first.state / "large").open("wb") as file:
        file.truncate(33 * 2**20)
    assert first.memory() is None
    assert second.make(first.memory("told"), "p") == b"told"
    assert list(second.state.iterdir()) == []


@pytest.mark.parametrize("name", ["../outside", "/tmp/codeforge-outside", "a/../../outside"])
def test_an_archive_that_points_elsewhere_writes_nothing_there(tmp_path, name):
    memory = io.BytesIO()
    with tarfile.open(fileobj=memory, mode="w:gz") as archive:
        for member, kind in ((name, tarfile.REGTYPE), ("link", tarfile.SYMTYPE), ("good", tarfile.REGTYPE)):
            info = tarfile.TarInfo(member)
            info.type, info.linkname, info.size = kind, "/etc/passwd", 1 if kind == tarfile.REGTYPE else 0
            archive.addfile(info, io.BytesIO(b"x"))
    folder = RunFolder(tmp_path / "runs" / "r1-1")
    folder.make(memory.getvalue(), "p")
    assert sorted(path.name for path in folder.state.rglob("*")) == ["good"]
    assert not (tmp_path / "runs" / "outside").exists()
