"""A backup is taken while runs are at work, and everything in it works where it is restored: on either database."""

import asyncio
import json
import tarfile
from pathlib import Path

import pytest

from codeforge import Settings
from codeforge.backup import Watch, make, restore
from codeforge.errors import Conflict, Invalid, Unavailable
from codeforge.store import Store
from codeforge.store import tables as t
from codeforge.testing import StandIns, git, new_repository, running

on_postgres = [pytest.mark.postgres, pytest.mark.xdist_group("services")]
EXTRA = {"stand_ins": StandIns()}


def settings_of(request, folder: Path, kind: str) -> Settings:
    url = request.getfixturevalue("postgres").new_database() if kind == "postgres" else ""
    return Settings(data_dir=folder, database_url=url, port=0, default_agent="shell")


async def lived_in(settings: Settings, tmp_path: Path) -> None:
    """A data folder with a little of everything."""
    async with running(settings, extra=EXTRA) as (forge, api):
        project = await api.post("/projects", {"url": str(new_repository(tmp_path / "repository")), "model": "none"})
        await api.until(await api.start(project, "echo b > b.txt"))
        await forge.providers.set(await forge.accounts.admin(), "openai", "openai", secret="sk-canary-0123456789")
    (settings.data_dir / "cassettes" / "demo").mkdir(parents=True)
    (settings.data_dir / "cassettes" / "demo" / "0001.json").write_text("{}")


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("sqlite", "sqlite"),
        pytest.param("sqlite", "postgres", marks=on_postgres),
        pytest.param("postgres", "sqlite", marks=on_postgres),
        pytest.param("postgres", "postgres", marks=on_postgres),
    ],
)
async def test_what_was_backed_up_while_runs_were_at_work_goes_on_where_it_is_restored(
    tmp_path, request, source, target
):
    here, there = settings_of(request, tmp_path / "here", source), settings_of(request, tmp_path / "there", target)
    repository, gate, file = new_repository(tmp_path / "repository"), tmp_path / "gate", tmp_path / "backup.tgz"
    writes = f"echo one > {{}}.txt; i=0; until [ -e {gate} ]; do i=$((i+1)); echo line $i; sleep 0.01; done"
    async with running(here, extra=EXTRA) as (forge, api):
        project = await api.post("/projects", {"url": str(repository), "model": "none"})
        done = await api.until(await api.start(project, "echo b > b.txt; printf 'x\\0y\\n'"))
        stopped = await api.start(project, writes.format("stopped"))
        await api.says(stopped, "line 3")
        await api.post(f"/runs/{stopped['id']}/stop")
        await api.until(stopped)
        await forge.providers.set(await forge.accounts.admin(), "openai", "openai", secret="sk-canary-0123456789")
        live = [await api.start(project, writes.format(f"live{n}")) for n in range(3)]
        for run in live[:2]:
            await api.says(run, "line 3")
        made = await make(here, file, Watch())
        assert (await api.get(f"/runs/{live[0]['id']}"))["state"] == "working"  # nobody was held up
        gate.touch()
    assert made.left_out == ()
    assert file.stat().st_mode & 0o777 == 0o600
    gate.touch()
    await restore(there, file, Watch())
    async with running(there, extra=EXTRA) as (forge, api):
        [task, *_] = (await api.get(f"/projects/{project['id']}/tasks"))["items"]
        assert task["project_id"] == project["id"]
        ended = [await api.until(run) for run in live]  # they were cut off there; here they are taken up again
        assert [run["state"] for run in ended] == ["review"] * 3
        for run in (*ended, done, stopped):
            events = await forge.history.read("default", run["id"], limit=100_000)
            assert [event.seq for event in events] == list(range(1, len(events) + 1))
        assert "one" in json.dumps(await api.get(f"/runs/{stopped['id']}/diff"))
        [provider] = await forge.providers.list("default")
        assert provider.secret == "sk-canary-0123456789"
        for run, name in ((done, "b.txt"), (ended[0], "live0.txt")):
            assert [f["path"] for f in (await api.get(f"/runs/{run['id']}/diff"))["files"]] == [name]
            await api.post(f"/runs/{run['id']}/review", {"verdict": "accept"})
        assert {"b.txt", "live0.txt"} <= set(git(repository, "ls-tree", "--name-only", "main").split())


async def test_numbers_of_events_that_are_gone_are_not_given_again_after_a_restore(tmp_path):
    here = Settings(data_dir=tmp_path / "here", port=0, default_agent="shell")
    await lived_in(here, tmp_path)
    store = await Store.open(here.data_dir)
    highest = await store.run(None, lambda door: [door.all(t.Event)[-1]["offset"], door.delete(t.Event)][0])
    await store.close()
    there = Settings(data_dir=tmp_path / "there", port=0, default_agent="shell")
    await make(here, tmp_path / "backup.tar", Watch())
    await restore(there, tmp_path / "backup.tar", Watch())
    store = await Store.open(there.data_dir)
    event = {"tenant_id": "x", "run_id": "r", "seq": 1, "time": 0, "kind": "said", "data": {}}
    assert (
        await store.run("x", lambda door: [door.insert(t.Event, **event), door.all(t.Event)][1][0]["offset"]) > highest
    )
    await store.close()


async def test_nothing_that_is_there_is_replaced_unless_somebody_says_so_and_then_it_is_moved_aside(tmp_path):
    here = Settings(data_dir=tmp_path / "data", port=0, default_agent="shell")
    await lived_in(here, tmp_path)
    file = tmp_path / "backup.tar"
    await make(here, file, Watch())
    with pytest.raises(Conflict, match="is there already"):
        await make(here, file, Watch())
    before = {path.name for path in here.data_dir.iterdir()}
    with pytest.raises(Conflict, match=r"codeforge\.db.* would be replaced"):
        await restore(here, file, Watch())
    assert {path.name for path in here.data_dir.iterdir()} == before
    (here.data_dir / "cassettes" / "mine.json").write_text("{}")
    done = await restore(here, file, Watch(), force=True)
    assert (done.aside / "cassettes" / "mine.json").exists()
    assert (done.aside / "codeforge.db").exists()
    assert not (here.data_dir / "cassettes" / "mine.json").exists()
    async with running(here, extra=EXTRA) as (_, api):
        assert len((await api.get("/projects"))["items"]) == 1


async def test_a_server_that_runs_is_not_restored_under(tmp_path):
    here = Settings(data_dir=tmp_path / "data", port=0, default_agent="shell")
    file = tmp_path / "backup.tar"
    async with running(here, extra=EXTRA):
        await make(here, file, Watch())
        with pytest.raises(Unavailable, match="Another CodeForge is running"):
            await restore(here, file, Watch(), force=True)


@pytest.mark.postgres
@pytest.mark.xdist_group("services")
async def test_a_postgresql_that_is_in_use_or_not_empty_is_left_alone(tmp_path, postgres):
    here = Settings(data_dir=tmp_path / "here", port=0, default_agent="shell", database_url=postgres.new_database())
    file = tmp_path / "backup.tar"
    await lived_in(here, tmp_path)
    await make(here, file, Watch())
    there = here.model_copy(update={"data_dir": tmp_path / "there"})
    with pytest.raises(Conflict, match="is not empty"):
        await restore(there, file, Watch())
    store = await Store.open(tmp_path, here.database_url)
    await store.run("x", lambda door: door.insert(t.Alias, name="late", target="m"))
    with pytest.raises(Unavailable, match="Servers are running on the database"):
        await restore(there, file, Watch(), force=True)
    await store.close()
    assert list(there.data_dir.iterdir()) == [there.data_dir / "server.lock"]
    await restore(there, file, Watch(), force=True)
    store = await Store.open(tmp_path, here.database_url)
    assert await store.read("x", lambda door: door.all(t.Alias)) == []
    await store.close()


async def test_a_file_that_is_cut_off_changed_or_no_backup_is_refused_with_a_sentence_and_nothing_is_done(tmp_path):
    here = Settings(data_dir=tmp_path / "here", port=0, default_agent="shell")
    await lived_in(here, tmp_path)
    file, bad = tmp_path / "backup.tar", tmp_path / "bad.tar"
    await make(here, file, Watch())
    whole = file.read_bytes()
    there = Settings(data_dir=tmp_path / "there")
    flipped = bytearray(whole)
    flipped[whole.index(b"b.txt")] ^= 1
    for content, words in {
        whole[: len(whole) // 2]: "no whole backup",
        whole[:512]: "no whole backup",
        bytes(flipped): "is damaged: database/",
        b"": "no whole backup",
        b"hello\n" * 1000: "no whole backup",
    }.items():
        bad.write_bytes(content)
        with pytest.raises(Invalid, match=words):
            await restore(there, bad, Watch())
    with pytest.raises(Invalid, match="There is no file"):
        await restore(there, tmp_path / "nothing", Watch())
    assert not there.data_dir.exists()


async def test_a_backup_of_a_newer_version_is_refused(tmp_path, monkeypatch):
    from codeforge.backup import archive
    from codeforge.store import dump

    here, there = Settings(data_dir=tmp_path / "here"), Settings(data_dir=tmp_path / "there")
    here.data_dir.mkdir()
    await (await Store.open(here.data_dir)).close()
    with monkeypatch.context() as future:
        future.setattr(archive, "FORMAT", 99)
        await make(here, tmp_path / "format.tar", Watch())
    with monkeypatch.context() as future:
        future.setattr(dump, "migrations", lambda door: ["0001_initial", "9999_future"])
        await make(here, tmp_path / "schema.tar", Watch())
    for name in ("format", "schema"):
        with pytest.raises((Invalid, Unavailable), match="made by a newer CodeForge"):
            await restore(there, tmp_path / f"{name}.tar", Watch())
    assert not (there.data_dir / "codeforge.db").exists()


async def test_parts_are_left_out_and_brought_back_one_by_one(tmp_path):
    here, there = (Settings(data_dir=tmp_path / name, port=0, default_agent="shell") for name in ("here", "there"))
    await lived_in(here, tmp_path)
    with pytest.raises(Invalid, match="'mirors' is no part of a backup; there are database, mirrors, cassettes, key"):
        await make(here, tmp_path / "x.tar", Watch(), without=("mirors",))
    await make(here, tmp_path / "some.tar", Watch(), without=("mirrors", "key"))
    with tarfile.open(tmp_path / "some.tar") as tar:
        assert {name.split("/")[0] for name in tar.getnames()} == {"database", "cassettes", "manifest.json"}
    with pytest.raises(Invalid, match="This backup has no key"):
        await restore(there, tmp_path / "some.tar", Watch(), only=("key",))
    await restore(there, tmp_path / "some.tar", Watch(), only=("database",))
    assert not (there.data_dir / "cassettes").exists()
    await make(here, tmp_path / "rest.tgz", Watch(), only=("mirrors", "key"))
    await restore(there, tmp_path / "rest.tgz", Watch())
    assert (there.data_dir / "secret.key").read_bytes() == (here.data_dir / "secret.key").read_bytes()
    [mirror] = there.data_dir.glob("mirrors/*.git")
    assert "refs/codeforge/runs/" in git(mirror, "for-each-ref")


async def test_work_that_is_given_up_leaves_nothing_behind(tmp_path):
    here, there = (Settings(data_dir=tmp_path / name, port=0, default_agent="shell") for name in ("here", "there"))
    await lived_in(here, tmp_path)
    file = tmp_path / "out" / "backup.tar"
    file.parent.mkdir()

    async def given_up(work, at: str) -> None:
        reached = asyncio.Event()
        loop = asyncio.get_running_loop()

        def tell(what: str, done: int) -> None:
            if at in what:
                loop.call_soon_threadsafe(reached.set)

        task = asyncio.create_task(work(Watch(tell)))
        await asyncio.wait([task, asyncio.ensure_future(reached.wait())], return_when=asyncio.FIRST_COMPLETED)
        assert not task.done(), f"it ended before {at}"
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    for at in ("table tenant", "mirror of", "database/event"):
        await given_up(lambda watch: make(here, file, watch), at)
        assert list(file.parent.iterdir()) == []
    await make(here, file, Watch())
    for at in ("checksums", "database/event", "table tenant", "mirror of"):
        await given_up(lambda watch: restore(there, file, watch), at)
        assert not there.data_dir.exists() or [p.name for p in there.data_dir.iterdir()] == ["server.lock"]
    await restore(there, file, Watch())
    assert (there.data_dir / "codeforge.db").exists()
