"""A folder in which an agent writes, too: nothing that it lays there leads what CodeForge does elsewhere."""

import os

import pytest

from codeforge import LentFolder, drop_git_locks


@pytest.fixture
def outside(tmp_path):
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "file").write_text("theirs")
    return tmp_path / "outside"


@pytest.fixture
def lent(tmp_path):
    (tmp_path / "lent").mkdir()
    return tmp_path / "lent"


def test_what_is_written_is_read_again(lent):
    with LentFolder(lent, "a/b", make=True) as folder:
        folder.write("file", "ours")
        assert (folder.read("file", most=4), folder.names(), folder.holds("file")) == ("ours", ["file"], True)
        with pytest.raises(ValueError, match="more than 3 bytes"):
            folder.read("file", most=3)
        folder.remove("file")
        folder.remove("file")
        assert not folder.holds("file")
    assert (lent / "a" / "b").is_dir()


def test_a_link_is_replaced_and_never_read(lent, outside):
    (lent / "file").symlink_to(outside / "file")
    with LentFolder(lent) as folder:
        with pytest.raises(OSError, match="file"):
            folder.read("file", most=100)
        folder.write("file", "ours")
    assert ((outside / "file").read_text(), (lent / "file").read_text()) == ("theirs", "ours")


def test_a_pipe_blocks_nobody_and_is_replaced(lent):
    os.mkfifo(lent / "file")
    with LentFolder(lent) as folder:
        with pytest.raises(OSError, match="no file"):
            folder.read("file", most=100)
        folder.write("file", "ours")
    assert (lent / "file").read_text() == "ours"


def test_a_folder_in_the_place_of_a_file_stays_and_nothing_else(lent):
    (lent / "file").mkdir()
    with LentFolder(lent) as folder:
        with pytest.raises(OSError, match="file"):
            folder.read("file", most=100)
        with pytest.raises(OSError, match="file"):
            folder.write("file", "ours")
    assert [path.name for path in lent.iterdir()] == ["file"]


def test_a_folder_on_the_way_that_is_a_link_is_not_entered(lent, outside):
    (lent / "a").symlink_to(outside)
    with pytest.raises(OSError, match="a"), LentFolder(lent, "a/b", make=True):
        pass
    assert not (outside / "b").exists()


def test_locks_of_a_killed_git_go_but_not_behind_a_link(lent, outside):
    drop_git_locks(lent)
    (lent / ".git").mkdir()
    (lent / ".git" / "index.lock").touch()
    (lent / ".git" / "index").touch()
    drop_git_locks(lent)
    assert [path.name for path in (lent / ".git").iterdir()] == ["index"]
    (outside / "their.lock").touch()
    (lent / ".git").rename(lent / "away")
    (lent / ".git").symlink_to(outside)
    drop_git_locks(lent)
    assert (outside / "their.lock").exists()
