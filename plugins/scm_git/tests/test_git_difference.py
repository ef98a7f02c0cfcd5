"""The list of changed paths, and the diff."""

import os

import pytest


@pytest.fixture
async def change(desk, origin):
    origin.commit({"old.txt": "line\n" * 30, "gone": "farewell\n", "type": "x\n", "bin": b"\0\1\2"})
    origin.commit({"crlf": "a\r\nb\r\n"})
    workspace = await desk.prepare()
    root = workspace.path
    (root / "old.txt").rename(root / "new.txt")
    with (root / "new.txt").open("a") as file:
        file.write("more\n")
    (root / "gone").unlink()
    (root / "type").unlink()
    (root / "type").symlink_to("a.py")
    (root / "bin").write_bytes(b"\0\2\3")
    (root / "a.py").write_text("print('b')\nprint('c')\n")
    (root / "crlf").write_bytes(b"a\r\nb\r\nc\r\n")
    (root / ":(glob)*").write_text("magic\n")
    (root / "näme\n\t").write_text("x\n")
    (root / os.fsdecode(b"caf\xe9")).write_text("x\n")
    (root / "-p").write_text("x\n")
    return await desk.escrow(workspace)


async def test_every_kind_of_change_is_told_with_its_counts(desk, change):
    found = await desk.scm.changes(desk.project, change.base, change.head)
    told = {c.path: (c.status, c.old_path, c.added, c.deleted) for c in found}
    assert told == {
        "new.txt": ("renamed", "old.txt", 1, 0),
        "gone": ("deleted", None, 0, 1),
        "type": ("typechange", None, 1, 1),
        "bin": ("modified", None, None, None),
        "a.py": ("modified", None, 2, 1),
        "crlf": ("modified", None, 1, 0),
        ":(glob)*": ("added", None, 1, 0),
        "näme\n\t": ("added", None, 1, 0),
        "caf\\xe9": ("added", None, 1, 0),
        "-p": ("added", None, 1, 0),
    }
    assert (change.files, change.added, change.deleted) == (10, 9, 3)


async def test_the_diff_of_one_path_is_of_this_path_alone(desk, change):
    for path in ("a.py", ":(glob)*", "näme\n\t", "caf\\xe9", "-p", "gone", "new.txt"):
        diff = await desk.scm.diff(desk.project, change.base, change.head, path)
        assert diff.count("diff --git") == 1, path
    assert "rename from old.txt\nrename to new.txt" in diff
    assert await desk.scm.diff(desk.project, change.base, change.head, "docs/b.md") == ""
    assert await desk.scm.diff(desk.project, change.base, change.head, "*") == ""


async def test_the_diff_of_all_has_binary_files_as_one_line_and_names_in_their_own_script(desk, change, origin):
    origin.git("config", "diff.noprefix", "true")
    diff = await desk.scm.diff(desk.project, change.base, change.head)
    assert diff.count("diff --git") == 11  # a file that became a link goes and comes
    assert "Binary files a/bin and b/bin differ" in diff
    assert "diff --git a/a.py b/a.py" in diff
    assert "näme" in diff
    assert "+c\r\n" in diff


async def test_no_difference_is_an_empty_list_and_an_empty_text(desk, change):
    assert await desk.scm.changes(desk.project, change.head, change.head) == []
    assert await desk.scm.diff(desk.project, change.head, change.head) == ""
