"""PostgreSQL: what becomes of servers that freeze, of a database that goes away, and of secrets in errors."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
import traceback

import pytest

from codeforge.errors import Unavailable
from codeforge.events import said
from codeforge.forge import history
from codeforge.store import Store
from codeforge.store import tables as t
from codeforge.testing import free_port

pytestmark = [pytest.mark.postgres, pytest.mark.xdist_group("postgres")]

FREEZING = """
import asyncio, signal, sys, threading
from pathlib import Path
from codeforge.errors import Unavailable
from codeforge.store import Store, tables as t

def work(door):
    door.insert(t.Alias, name="frozen", target="m")
    signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)  # this thread takes no step more before it stops
    door.insert(t.Alias, name="thawed", target="m")

async def main():
    store = await Store.open(Path("."), sys.argv[1])
    try:
        await store.run("x", work)
    except Unavailable as error:
        print("told:", error, flush=True)
    print(await store.read("x", lambda door: [row["name"] for row in door.all(t.Alias)]), flush=True)
    await store.close()

asyncio.run(main())
"""

WRITING = """
import asyncio, sys
from pathlib import Path
from codeforge.events import said
from codeforge.forge import history
from codeforge.store import Store

async def main():
    store = await Store.open(Path("."), sys.argv[1])
    for n in range(100):
        run = {"id": sys.argv[2], "tenant_id": "x"}
        await store.run("x", lambda door: history.append(door, run, [said(f"{n}.{i}") for i in range(n % 4 + 1)]))
    await store.close()

asyncio.run(main())
"""


@pytest.fixture
def url(postgres):
    return postgres.new_database()


@pytest.fixture
async def store(tmp_path, url):
    store = await Store.open(tmp_path, url)
    yield store
    await store.close()


def add(door, name):
    door.insert(t.Alias, name=name, target="m")


def names(door):
    return [row["name"] for row in door.all(t.Alias)]


async def test_a_server_that_freezes_in_the_middle_holds_nobody_up_for_long_and_does_nothing_later(store, url):
    frozen = subprocess.Popen([sys.executable, "-c", FREEZING, url], stdout=subprocess.PIPE, text=True)
    try:
        await asyncio.to_thread(os.waitid, os.P_PID, frozen.pid, os.WSTOPPED | os.WNOWAIT)
        started = time.monotonic()
        assert await asyncio.wait_for(store.read("x", names), 1) == []  # who only reads does not wait at all
        await store.run("x", add, "mine")
        assert time.monotonic() - started < 6
    finally:
        frozen.send_signal(signal.SIGCONT)
    said_so, _ = await asyncio.to_thread(frozen.communicate)
    told = "told: The PostgreSQL database of the setting database_url did not take this: "
    assert f"{told}this server stood still" in said_so or f"{told}it does not answer, or broke off" in said_so
    assert said_so.endswith("['mine']\n")


@pytest.mark.slow
async def test_a_database_that_is_killed_and_started_again_is_used_again_without_a_word(store, postgres):
    await store.run("x", add, "before")
    assert await store.read("x", names) == ["before"]
    postgres.restart()
    assert await store.read("x", names) == ["before"]
    await store.run("x", add, "after")
    assert await store.read("x", names) == ["after", "before"]


@pytest.mark.slow
async def test_a_database_that_is_away_for_a_moment_is_waited_for(store, postgres, monkeypatch):
    monkeypatch.setattr("codeforge.store.postgres.PATIENCE", 60.0)  # as long as its start may take
    postgres.kill()
    tries = asyncio.Semaphore(0)

    async def away(_, writer):
        tries.release()
        writer.close()

    async with await asyncio.start_server(away, "127.0.0.1", postgres.port):
        waiting = [asyncio.create_task(store.run("x", add, "w")), asyncio.create_task(store.read("x", names))]
        for _ in range(4):  # more than they can have made without trying again
            await tries.acquire()
    await asyncio.to_thread(postgres.start)
    await asyncio.gather(*waiting)
    assert await store.read("x", names) == ["w"]


async def test_a_connection_that_breaks_in_the_middle_fails_a_write_as_a_whole_and_a_read_not_at_all(store):
    tries = []

    def breaks(door):
        tries.append(door)
        if len(tries) == 1:
            door.database.execute_sql("select pg_terminate_backend(pg_backend_pid())")
        return names(door)

    def write(door):
        add(door, "half")
        breaks(door)

    with pytest.raises(Unavailable, match="does not answer, or broke off"):
        await store.run("x", write)
    tries.clear()
    assert await store.read("x", breaks) == []
    assert len(tries) == 2
    await store.run("x", add, "whole")
    assert await store.read("x", names) == ["whole"]


async def test_a_lock_that_is_held_for_too_long_is_told_and_the_connection_goes_on(tmp_path, url, monkeypatch):
    from codeforge.store import postgres as module

    monkeypatch.setattr(module, "_SESSION", module._SESSION.replace("'10s'", "'300ms'"))
    store, other = await Store.open(tmp_path, url), await Store.open(tmp_path, url)
    holding = asyncio.create_task(other.run("x", lambda door: door.database.execute_sql("select pg_sleep(2)") and None))
    told = ""
    while not told and not holding.done():
        try:
            await store.run("x", lambda door: None)
        except Unavailable as error:
            told = str(error)
    assert "other servers kept it busy" in told
    await holding
    await store.run("x", add, "later")
    await store.close()
    await other.close()


async def test_followers_of_two_servers_see_all_that_several_processes_write_in_order_without_gaps(
    tmp_path, url, store
):
    second = await Store.open(tmp_path, url)

    async def follow(of):
        seen, after = [], 0
        while len(seen) < 3 * 250:
            batch = await history.History(of).read("x", None, after, limit=7)
            seen += batch
            after = batch[-1].offset if batch else after
        return [(event.offset, event.run_id, event.seq) for event in seen]

    writers = [subprocess.Popen([sys.executable, "-c", WRITING, url, f"r{n}"]) for n in range(3)]
    one, two = await asyncio.gather(follow(store), follow(second))
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    stored = await store.read("x", lambda door: [(e["offset"], e["run_id"], e["seq"]) for e in door.all(t.Event)])
    assert one == two == stored
    for run in ("r0", "r1", "r2"):
        assert [seq for _, run_id, seq in one if run_id == run] == list(range(1, 251))
    await second.close()


async def test_the_clock_is_the_databases_own(store, monkeypatch):
    true = time.time()
    monkeypatch.setattr(time, "time", lambda: 1.0)
    for way in (store.run, store.read):
        assert abs(await way(None, lambda door: door.now()) - true) < 60
    await store.run("x", lambda door: history.append(door, {"id": "r", "tenant_id": "x"}, [said("hello")]))
    [event] = await history.History(store).read("x", "r")
    assert abs(event.time.timestamp() - true) < 60


async def test_what_is_wrong_with_the_address_is_told_without_any_part_of_it(tmp_path, postgres, monkeypatch):
    from codeforge.store import postgres as module

    monkeypatch.setattr(module, "PATIENCE", 0.3)
    port = postgres.port
    for url, words in {
        f"postgresql://codeforge:canary@127.0.0.1:{port}/postgres": "refuses the user, the password",
        f"postgresql://canary:canary@127.0.0.1:{port}/postgres": "refuses the user, the password",
        postgres.url.replace("/postgres", "/canary"): "or the database's name",
        f"postgresql://u:canary@127.0.0.1:{free_port()}/canary": "does not answer",
        "postgresql://u:canary@canary.invalid/x": "does not answer",
        "postgresql://u:canary@[::1/x": "cannot be read",
        "postgresql://u:canary%zz@127.0.0.1/x": "cannot be read",
        "postgresql://u:x@127.0.0.1/x?canary=1": "cannot be read",
    }.items():
        with pytest.raises(Unavailable, match=words) as refused:
            await Store.open(tmp_path, url)
        for part in ("canary", "127.0.0.1", str(port), "codeforge:"):
            assert part not in str(refused.value)
        password = url.split("@")[0].rsplit(":", 1)[1].removesuffix("%zz")
        shown = "".join(traceback.format_exception(refused.value))
        assert len(password) == 1 or f":{password}" not in shown, json.dumps(url)
