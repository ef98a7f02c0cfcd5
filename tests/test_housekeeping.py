"""The life of workspaces: what no run needs goes once escrow holds it, and nothing else is touched."""

import asyncio
import logging
import os
import shutil
import time

import pytest

from codeforge import Settings
from codeforge.testing import StandIns, git, running
from codeforge.worker import OwnMirrors, Room, Tidying

DAY = 86_400


@pytest.fixture
def settings(tmp_path):
    return Settings(data_dir=tmp_path / "data", port=0, default_agent="shell", lease=5, tidy_seconds=0.2)


@pytest.fixture
async def house(settings):
    async with running(settings, extra={"stand_ins": StandIns()}) as (forge, api):
        yield forge, api


async def until(condition, seconds=20.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        await asyncio.sleep(0.02)


async def added(api, repository, **values):
    return await api.post("/projects", {"url": str(repository), "agent": "shell", "model": "none", **values})


async def test_a_folder_at_work_is_never_touched_however_often_one_tidies(house, settings, repository, tmp_path):
    forge, api = house
    project, gate, runs = await added(api, repository), tmp_path / "gate", settings.data_dir / "runs"
    live = await api.start(project, f"echo live > live.txt; echo up; until [ -e {gate} ]; do sleep 0.05; done")
    await api.says(live, "up")
    marker = runs / "unknownold-1"
    for _ in range(3):  # each marker that goes is one pass more
        marker.mkdir()
        os.utime(marker, (time.time() - 2 * DAY,) * 2)
        await until(lambda: not marker.exists())
    # not even one that the worker has forgotten, as long as the database says that it holds the run
    await tidying(forge, settings).once()
    assert [path.name for path in runs.iterdir()] == [f"{live['id']}-1"]
    assert (runs / f"{live['id']}-1" / "workspace" / "live.txt").exists()
    gate.touch()
    assert (await api.until(live))["state"] == "review"
    await until(lambda: not list(runs.iterdir()))


def tidying(forge, settings, *at_work):
    parts = forge.coordinator, OwnMirrors(), forge.offers, settings
    return Tidying(*parts, room=Room(settings), at_work=lambda: set(at_work))


async def test_an_orphan_is_saved_into_escrow_and_removed(settings, repository):
    quiet = settings.model_copy(update={"tidy_seconds": 3600.0})
    async with running(quiet, extra={"stand_ins": StandIns()}) as (forge, api):
        made = await added(api, repository)
        run = await api.until(await api.start(made, "exit 1"))
        project = await forge.projects.get(await forge.accounts.admin(), made["id"])
        folders = [settings.data_dir / "runs" / f"{run['id']}-{generation}" for generation in (7, 8)]
        for folder in folders:  # as a worker leaves them that is killed: work that is in no reference
            (folder / "home").mkdir(parents=True)
            workspace = await forge.offers.scms["git"].prepare(project, folder / "workspace", say=lambda _: None)
            (folder / "workspace" / "orphan.txt").write_text("precious\n")
            (folder / "base").write_text(workspace.base)
        await tidying(forge, settings, folders[1].name).once()
        assert [folder.exists() for folder in folders] == [False, True]
        mirror = settings.data_dir / "mirrors" / f"{made['id']}.git"
        assert git(mirror, "show", f"refs/codeforge/runs/{run['id']}/7:orphan.txt") == "precious"
        assert (await api.get(f"/runs/{run['id']}"))["change"]["files"] == 1
        await api.says(run, "What was done before the worker died is kept in refs/codeforge/runs/")


async def test_what_escrow_cannot_take_stays_where_it_is_until_it_can(house, settings, repository, caplog):
    forge, api = house
    project = await added(api, repository)
    run = await api.until(await api.start(project, "exit 1"))
    orphan = settings.data_dir / "runs" / f"{run['id']}-3"
    (orphan / "workspace").mkdir(parents=True)
    (orphan / "workspace" / "precious.txt").write_text("mine")
    (orphan / "base").write_text("f" * 40)  # no workspace that we made: it cannot be put into escrow
    with caplog.at_level(logging.WARNING):
        await until(lambda: "could not be saved" in caplog.text)
        await tidying(forge, settings).once()
    assert (orphan / "workspace" / "precious.txt").read_text() == "mine"


async def test_a_folder_whose_run_nobody_knows_stays_for_a_day(house, settings):
    old, new = (settings.data_dir / "runs" / name for name in ("unknownold-1", "unknownnew-1"))
    for folder, age in ((new, 60), (old, 2 * DAY)):
        folder.mkdir(parents=True)
        os.utime(folder, (time.time() - age,) * 2)
    await until(lambda: not old.exists())
    assert new.exists()


async def test_the_mirror_of_a_forgotten_project_goes_a_day_later_and_no_other(house, settings, repository):
    _, api = house
    project = await added(api, repository)
    await api.until(await api.start(project, "echo b > b.txt"))
    mirrors, runs = settings.data_dir / "mirrors", settings.data_dir / "runs"
    await until(lambda: not list(runs.iterdir()))
    mine, fresh, old = (mirrors / f"{name}.git" for name in (project["id"], "goneyesterday", "gonelongago"))
    for copy in (fresh, old):
        shutil.copytree(mine, copy)
    for mirror in (mine, old):
        os.utime(mirror, (time.time() - 2 * DAY,) * 2)
    await until(lambda: not old.exists())
    assert mine.exists()
    assert fresh.exists()


async def test_the_api_tells_what_a_project_takes_and_how_much_it_may(house, repository, monkeypatch):
    _, api = house
    project = await added(api, repository, disk_mb=500)
    await api.until(await api.start(project, "head -c 3000000 /dev/urandom > big"))
    taken = await api.get(f"/projects/{project['id']}/disk")
    assert taken["mirror"] > 3_000_000
    assert (taken["packs"], taken["workers"], taken["limit_mb"]) == (0, [], 500)
    await api.call("PATCH", f"/projects/{project['id']}", {"disk_mb": None})
    assert (await api.get(f"/projects/{project['id']}"))["disk_mb"] is None


async def test_a_project_over_its_budget_starts_no_run_and_says_why(house, repository):
    _, api = house
    project = await added(api, repository, disk_mb=1)
    await api.until(await api.start(project, "head -c 3000000 /dev/urandom > big"))
    run = await api.until(await api.start(project, "echo b > b.txt"))
    assert (run["state"], run["reason"]) == ("failed", "workspace_error")
    assert "more than its 1 MB (its setting disk_mb)" in run["detail"]


async def test_a_run_that_comes_to_take_too_much_is_cut_off_and_its_work_kept(house, repository, monkeypatch):
    monkeypatch.setattr("codeforge.worker.share.LOOK_SECONDS", 0.1)
    _, api = house
    project = await added(api, repository, disk_mb=2)
    run = await api.until(
        await api.start(project, "echo kept > kept.txt; head -c 5000000 /dev/urandom > big; sleep 60")
    )
    assert (run["state"], run["reason"]) == ("failed", "workspace_error")
    assert "disk_mb" in run["detail"]
    assert {f["path"] for f in (await api.get(f"/runs/{run['id']}/diff"))["files"]} == {"kept.txt", "big"}
