"""`codeforge backup` and `codeforge restore`, as people call them."""

import os
import signal


def test_a_backup_of_a_server_that_runs_is_restored_into_another_folder(codeforge):
    with codeforge.up():
        codeforge("projects", "add", str(codeforge.repository()))
        done = codeforge("backup", "all.tgz")
        assert "all.tgz: 1 project, 0 runs, 0 events, 0 mirrors" in done.out
        refused = codeforge("restore", "all.tgz", "--force", code=1)
        assert "Another CodeForge is running" in refused.err
    facts = codeforge("backup", "more.tar", "--without", "mirrors", "--json").json
    assert (facts["parts"], facts["rows"]["project"]) == (["database", "cassettes", "key"], 1)
    assert "is there already: choose another name" in codeforge("backup", "more.tar", code=1).err
    done = codeforge("restore", "all.tgz", "--data-dir", "other")
    assert done.out.startswith("Restored database, mirrors, cassettes, key of ")
    with codeforge.up("up", "--data-dir", "other"):
        assert [p["name"] for p in codeforge("projects", "list", "--json", "--data-dir", "other").json] == ["repo"]


def test_what_was_there_is_told_where_it_is(codeforge):
    with codeforge.up():
        codeforge("backup", "all.tar")
    assert "would be replaced" in codeforge("restore", "all.tar", code=1).err
    assert "What was there before is in " in codeforge("restore", "all.tar", "--force").err
    assert len(list(codeforge.data.glob("replaced-*/codeforge.db"))) == 1


def test_a_wrong_folder_file_or_part_is_told(codeforge):
    assert "There is no database" in codeforge("backup", code=1, CODEFORGE_DATA_DIR=str(codeforge.folder / "no")).err
    assert "There is no file" in codeforge("restore", "nothing.tar", code=1).err
    assert "'keys' is no part of a backup" in codeforge("backup", "--only", "keys", code=1).err
    assert not list(codeforge.folder.glob("*.t*"))


def test_a_polite_end_leaves_nothing_behind(codeforge):
    with codeforge.up():
        pass
    cassettes = codeforge.data / "cassettes"
    cassettes.mkdir()
    for n in range(20):
        (cassettes / f"{n}.json").touch()
        os.truncate(cassettes / f"{n}.json", 50_000_000)

    def what_is_there():
        return {path for path in codeforge.folder.iterdir() if path.suffix not in (".out", ".err")}

    before = what_is_there()
    for number in (signal.SIGINT, signal.SIGTERM):
        with codeforge.start("backup", "big.tar") as command:
            codeforge.until(lambda: list(codeforge.folder.glob(".big.tar.*")))
            command.interrupt(number)
            done = command.end()
        assert (done.code, done.err.strip()) == (130, "Interrupted.")
        assert what_is_there() == before
