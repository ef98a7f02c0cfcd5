"""A disk that is really full: runs wait with a true reason, work stays until there is room, nothing is lost."""

import asyncio
import os
import subprocess
import time

import pytest

from codeforge import Settings
from codeforge.testing import StandIns, git, new_repository, running

MB = 2**20


@pytest.fixture
def small_disk(tmp_path):
    """A data folder on a disk of 48 MB."""
    folder = tmp_path / "data"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=48m,mode=700", "codeforge-test", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("a small disk can be mounted by root alone")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture
def settings(small_disk, tmp_path):
    return Settings(
        data_dir=small_disk,
        database_url=f"sqlite:{tmp_path}/codeforge.db",
        port=0,
        lease=5,
        ring_again=0.3,
        tidy_seconds=0.3,
        min_free_mb=4,
    )


async def until(look, seconds=30.0):
    deadline = time.monotonic() + seconds
    while not (found := await look()):
        assert time.monotonic() < deadline, "it did not come true in time"
        await asyncio.sleep(0.05)
    return found


async def test_a_run_that_fills_the_disk_fails_for_that_and_its_work_is_kept_once_there_is_room(
    settings, small_disk, tmp_path
):
    ballast = small_disk / "ballast"
    async with running(settings, extra={"stand_ins": StandIns()}) as (_, api):
        repository = new_repository(tmp_path / "repository")
        project = await api.post("/projects", {"url": str(repository), "agent": "shell", "model": "none"})
        ballast.write_bytes(b"x" * 28 * MB)
        fill = "echo precious > precious.txt; cat /dev/urandom > filling"
        run = await api.until(await api.start(project, fill), seconds=60)
        assert (run["state"], run["reason"]) == ("failed", "disk_full")
        assert "disk has no space left" in run["detail"]
        folder = small_disk / "runs" / f"{run['id']}-1"
        assert (folder / "workspace" / "precious.txt").read_text() == "precious\n"

        waiting = await api.start(project, "echo second > second.txt")
        ready = await until(lambda: unready(api))
        assert "no run is taken" in ready["disk"]
        assert (await api.get(f"/runs/{waiting['id']}"))["state"] == "queued"
        assert folder.exists()

        ballast.unlink()
        waiting = await api.until(waiting, seconds=60)
        assert waiting["state"] == "review"

        async def kept():
            return (await api.get(f"/runs/{run['id']}"))["change"]

        assert (await until(kept))["files"] == 2
        mirror = small_disk / "mirrors" / f"{project['id']}.git"
        assert git(mirror, "show", f"refs/codeforge/runs/{run['id']}/1:precious.txt") == "precious"
        await until(lambda: gone(folder))

        async def well():
            return await unready(api) == {}

        await until(well)


@pytest.mark.slow
async def test_a_disk_that_fills_while_a_run_is_prepared_queues_it_until_there_is_room(settings, small_disk, tmp_path):
    async with running(settings, extra={"stand_ins": StandIns()}) as (_, api):
        repository = new_repository(tmp_path / "repository")
        (repository / "large").write_bytes(os.urandom(14 * MB))
        git(repository, "add", "large")
        git(repository, "commit", "-qm", "large")
        project = await api.post("/projects", {"url": str(repository), "agent": "shell", "model": "none"})
        ballast = small_disk / "ballast"
        ballast.write_bytes(b"x" * 36 * MB)  # enough is free to begin, and too little for the files
        run = await api.start(project, "echo b > b.txt")

        async def put_off():
            told = await api.get(f"/runs/{run['id']}")
            return told["state"] == "queued" and "tries again in 5 s (1 of 2)" in told["detail"]

        await until(put_off)
        ballast.unlink()
        done = await api.until(run, seconds=60)
        assert (done["state"], done["change"]["files"]) == ("review", 1)


async def gone(folder):
    return not folder.exists()


async def unready(api):
    """The parts that are down, by name."""
    async with api.http.get(f"{api.url}/api/v1/health/ready") as answer:
        told = await answer.json()
        assert answer.status == (200 if told["ok"] else 503)
        return {part["name"]: part["detail"] for part in told["parts"] if not part["ok"]}
