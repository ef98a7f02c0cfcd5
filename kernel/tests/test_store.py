"""The store: opened with care, migrated once, shut to other tenants, and the same on SQLite and PostgreSQL."""

import asyncio
import os
import sqlite3
import subprocess
import sys
import threading

import pytest

from codeforge.errors import Unavailable
from codeforge.events import said
from codeforge.forge import history
from codeforge.forge.calls import usage_of
from codeforge.store import Store
from codeforge.store import tables as t

OPEN = """
import asyncio, sys
from pathlib import Path
from codeforge.store import Store
async def main():
    store = await Store.open(Path(sys.argv[1]), sys.argv[2])
    await store.close()
asyncio.run(main())
"""


@pytest.fixture
async def store(tmp_path, database_url):
    store = await Store.open(tmp_path, database_url)
    yield store
    await store.close()


async def test_a_database_from_a_newer_version_is_refused_and_left_alone(tmp_path, database_url):
    store = await Store.open(tmp_path, database_url)
    await store.run(
        None,
        lambda door: door.database.execute_sql(
            "insert into schema_migration (name, applied) values ('9999_from_the_future', '2030-01-01')"
        ),
    )
    await store.close()
    with pytest.raises(Unavailable, match=r"written by a newer CodeForge \(it has 9999_from_the_future\)"):
        await Store.open(tmp_path, database_url)


async def test_a_file_that_is_no_database_is_told_in_a_sentence(tmp_path):
    (tmp_path / "codeforge.db").write_bytes(b"not a database at all" * 100)
    with pytest.raises(Unavailable, match=r"The database .* cannot be used: file is not a database"):
        await Store.open(tmp_path)


async def test_a_kind_of_database_that_nobody_knows_is_told_in_a_sentence(tmp_path):
    with pytest.raises(Unavailable, match=r"database_url names no database that CodeForge can use") as refused:
        await Store.open(tmp_path, "mysql://root:canary@localhost/x")
    assert "canary" not in str(refused.value)


async def test_the_migrated_schema_is_that_of_the_tables(store):
    def columns(door, table):
        return {column.name for column in door.database.get_columns(table)}

    for table in t.TABLES:
        found = await store.read(None, columns, table._meta.table_name)
        assert found == set(table._meta.columns), table


async def test_processes_that_open_a_new_database_at_once_all_get_it(tmp_path, database_url):
    opening = [subprocess.Popen([sys.executable, "-c", OPEN, str(tmp_path), database_url]) for _ in range(4)]
    assert [process.wait() for process in opening] == [0, 0, 0, 0]


async def test_offsets_of_events_that_are_gone_are_not_given_again(store):
    def number(door):
        history.append(door, {"id": "r", "tenant_id": "x"}, [said("a"), said("b")])
        [*_, last] = door.all(t.Event)
        door.delete(t.Event)
        return last["offset"]

    first, second = [await store.run("x", number) for _ in range(2)]
    assert (first, second) == (2, 4)  # who has read up to 2 must be told of the next


async def test_a_unit_of_work_that_fails_leaves_nothing(store):
    def work(door):
        door.insert(t.Alias, name="fast", target="m")
        raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError):
        await store.run("tenant", work)
    assert await store.run("tenant", lambda door: door.all(t.Alias)) == []


async def test_a_door_shows_and_changes_its_own_tenants_rows_only(store):
    for tenant in ("one", "two"):
        await store.run(tenant, lambda door: door.insert(t.Alias, name="fast", target="m"))
    assert await store.run("one", lambda door: len(door.all(t.Alias))) == 1
    assert await store.run("one", lambda door: door.update(t.Alias, t.Alias.name == "fast", target="x")) == 1
    assert await store.run("one", lambda door: door.delete(t.Alias)) == 1
    [left] = await store.run(None, lambda door: door.all(t.Alias))
    assert (left["tenant_id"], left["target"]) == ("two", "m")


async def test_a_read_waits_for_no_writer_and_sees_what_was_committed_before(store):
    begun, seen = threading.Event(), threading.Event()

    def write(door):
        door.insert(t.Alias, name="slow", target="m")
        begun.set()
        assert seen.wait(20)

    writing = asyncio.create_task(store.run("x", write))
    await asyncio.to_thread(begun.wait)
    assert await asyncio.wait_for(store.read("x", lambda door: door.all(t.Alias)), 10) == []
    seen.set()
    await writing
    assert len(await store.read("x", lambda door: door.all(t.Alias))) == 1


async def test_a_read_can_change_nothing(store):
    with pytest.raises(Exception, match=r"read-?only"):
        await store.read("x", lambda door: door.insert(t.Alias, name="fast", target="m"))
    assert await store.read("x", lambda door: door.all(t.Alias)) == []


async def test_values_come_back_as_they_went_in(store):
    call = {"id": "c", "provider": "p", "model": "m", "status": 200, "streamed": True, "replayed": False}
    call |= {"counted": "reported", "milliseconds": 7, "cost_micro": 2**40, "prompt_tokens": 2**33, "created_at": 0.1}

    def work(door):
        door.insert(t.Call, **call)
        door.insert(t.Call, **{**call, "id": "d"})
        door.insert(t.Artifact, run_id="r", name="memory", data=bytes(range(256)))
        door.insert(t.Project, **project)

    project = {"id": "p", "name": "ö 漢 %s ''", "url": "u", "scm": "s", "branch": "b", "agent": "a", "model": "m"}
    project |= {"check": "true", "limits": {"steps": None, "words": ["%", '"', "\\", "\0"]}, "created_at": 1e9 + 1 / 3}
    await store.run("x", work)
    row = await store.read("x", lambda door: door.one(t.Call))
    assert {name: row[name] for name in call} == call
    usage = await store.read("x", usage_of)
    assert (usage.cost_micro, usage.prompt_tokens) == (2**41, 2**34)
    assert all(type(value) is int for value in (usage.cost_micro, usage.prompt_tokens, usage.calls))
    assert bytes((await store.read("x", lambda door: door.one(t.Artifact)))["data"]) == bytes(range(256))
    row = await store.read("x", lambda door: door.one(t.Project))
    assert {name: row[name] for name in project} == project
    assert (row["labels"], row["version"]) == ([], 1)


async def test_ids_and_names_are_ordered_byte_by_byte(store):
    names = ["a-b", "aB", "ab", "a_", "a0", "Z", "z", "ä", "01k", "01K", "a b"]

    def work(door):
        for name in names:
            door.insert(t.Alias, name=name, target="m")
        smaller = {row["name"] for row in door.all(t.Alias, t.Alias.name < "a_")}
        return [row["name"] for row in door.all(t.Alias)], smaller

    found, smaller = await store.run("x", work)
    assert found == sorted(names)
    assert smaller == {name for name in names if name < "a_"}


async def test_no_character_that_somebody_says_breaks_the_store(store):
    await store.run("x", lambda door: door.insert(t.Message, id="m", run_id="r", text="a\0b", created_at=0))
    row = await store.read("x", lambda door: door.one(t.Message))
    assert row["text"] in ("a\0b", "a\N{REPLACEMENT CHARACTER}b")
    assert await store.read("x", lambda door: door.one(t.Message, t.Message.id == "m\0")) is None
    await store.run("x", lambda door: history.append(door, {"id": "r", "tenant_id": "x"}, [said("a\0b")]))
    [event] = await history.History(store).read("x", "r")
    assert event.data["text"] == "a\0b"


async def test_the_schema_of_sqlite_is_told_to_postgresql_word_by_word():
    from codeforge.store.dialect import postgres

    said_so = postgres(
        """CREATE TABLE "call" (
  "offset" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  "streamed" INTEGER NOT NULL DEFAULT 0,
  "cost_micro" INTEGER,
  "time" REAL NOT NULL DEFAULT 0,
  "text" VARCHAR(64) NOT NULL DEFAULT '',
  "data" BLOB
);
ALTER TABLE "call" ADD COLUMN "streamed" INTEGER NOT NULL DEFAULT 1;
CREATE INDEX "x" ON "call" ("time") WHERE "text" IS NULL""",
        ("streamed",),
    )
    assert said_so == (
        """CREATE TABLE "call" (
  "offset" BIGSERIAL NOT NULL PRIMARY KEY,
  "streamed" BOOLEAN NOT NULL DEFAULT FALSE,
  "cost_micro" BIGINT,
  "time" DOUBLE PRECISION NOT NULL DEFAULT 0,
  "text" TEXT COLLATE "C" NOT NULL DEFAULT '',
  "data" BYTEA
);
ALTER TABLE "call" ADD COLUMN "streamed" BOOLEAN NOT NULL DEFAULT TRUE;
CREATE INDEX "x" ON "call" ("time") WHERE "text" IS NULL"""
    )


async def test_a_database_of_the_first_version_is_brought_forward_with_what_it_holds(tmp_path):
    from codeforge.store import migrate

    first = migrate.FOLDER / "0001_initial.py"
    facts: dict[str, str] = {}
    exec(first.read_text(), facts)
    with sqlite3.connect(tmp_path / "codeforge.db") as database:
        database.executescript(facts["STATEMENTS"])
        database.execute("create table schema_migration (id integer primary key, name text unique, applied datetime)")
        database.execute("insert into schema_migration (name, applied) values ('0001_initial', '2026-01-01 00:00:00')")
        database.execute("insert into tenant values ('t', 'Old')")
    database.close()
    store = await Store.open(tmp_path)
    assert await store.read(None, lambda door: door.all(t.Tenant)) == [{"id": "t", "name": "Old", "limits": {}}]
    await store.close()


def test_sqlite_starts_without_the_driver_of_postgresql():
    code = "import sys, codeforge.store; sys.exit('psycopg' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], env=dict(os.environ), check=False).returncode == 0
