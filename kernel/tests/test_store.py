"""The store: opened with care, migrated once, and shut to other tenants."""

import sqlite3
import subprocess
import sys

import pytest

from codeforge.errors import Unavailable
from codeforge.events import said
from codeforge.forge import history
from codeforge.store import Store
from codeforge.store import tables as t


async def test_a_database_from_a_newer_version_is_refused_and_left_alone(tmp_path):
    store = await Store.open(tmp_path)
    await store.close()
    with sqlite3.connect(tmp_path / "codeforge.db") as database:
        database.execute("insert into schema_migration (name, applied) values ('9999_from_the_future', '2030-01-01')")
    database.close()
    with pytest.raises(Unavailable, match=r"written by a newer CodeForge \(it has 9999_from_the_future\)"):
        await Store.open(tmp_path)


async def test_a_file_that_is_no_database_is_told_in_a_sentence(tmp_path):
    (tmp_path / "codeforge.db").write_bytes(b"not a database at all" * 100)
    with pytest.raises(Unavailable, match=r"The database .* cannot be used: file is not a database"):
        await Store.open(tmp_path)


async def test_the_migrated_schema_is_that_of_the_tables(tmp_path):
    store = await Store.open(tmp_path)
    await store.close()
    with sqlite3.connect(tmp_path / "codeforge.db") as database:
        found = {
            name: {column[1] for column in database.execute(f'pragma table_info("{name}")')}
            for (name,) in database.execute("select name from sqlite_master where type = 'table'")
        }
    database.close()
    for table in t.TABLES:
        assert found[table._meta.table_name] == set(table._meta.columns), table


def test_two_processes_that_open_a_new_database_at_once_both_get_it(tmp_path):
    code = """
import asyncio, sys
from pathlib import Path
from codeforge.store import Store
async def main():
    store = await Store.open(Path(sys.argv[1]))
    await store.close()
asyncio.run(main())
"""
    opening = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path)]) for _ in range(3)]
    assert [process.wait() for process in opening] == [0, 0, 0]


async def test_offsets_of_events_that_are_gone_are_not_given_again(tmp_path):
    store = await Store.open(tmp_path)

    def number(door):
        history.append(door, {"id": "r", "tenant_id": "x"}, [said("a"), said("b")])
        [*_, last] = door.all(t.Event)
        door.delete(t.Event)
        return last["offset"]

    first, second = [await store.run("x", number) for _ in range(2)]
    assert (first, second) == (2, 4)  # who has read up to 2 must be told of the next
    await store.close()


async def test_a_unit_of_work_that_fails_leaves_nothing(tmp_path):
    store = await Store.open(tmp_path)

    def work(door):
        door.insert(t.Alias, name="fast", target="m")
        raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError):
        await store.run("tenant", work)
    assert await store.run("tenant", lambda door: door.all(t.Alias)) == []
    await store.close()


async def test_a_door_shows_and_changes_its_own_tenants_rows_only(tmp_path):
    store = await Store.open(tmp_path)
    for tenant in ("one", "two"):
        await store.run(tenant, lambda door: door.insert(t.Alias, name="fast", target="m"))
    assert await store.run("one", lambda door: len(door.all(t.Alias))) == 1
    assert await store.run("one", lambda door: door.update(t.Alias, t.Alias.name == "fast", target="x")) == 1
    assert await store.run("one", lambda door: door.delete(t.Alias)) == 1
    [left] = await store.run(None, lambda door: door.all(t.Alias))
    assert (left["tenant_id"], left["target"]) == ("two", "m")
    await store.close()
