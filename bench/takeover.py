"""How long a run stands still when its worker is killed: from kill -9 to the first act of its next execution."""

from __future__ import annotations

import asyncio
import signal
import statistics
import tempfile
import time
from pathlib import Path

from bench.rows import Row, row

from codeforge.testing import Fleet, PrivateRabbit, Spawned, fleet, free_port, new_repository

LEASE, TIMES = 5, 3


async def _measure(folder: Path, broker_url: str) -> list[Row]:
    async with fleet(folder, broker_url=broker_url, lease=str(LEASE), ring_again="1") as made:
        await made.add_server(free_port())
        async with made.api() as api:
            for _ in range(2):
                await made.add_worker(api, slots="1")
            project = await api.post("/projects", {"url": str(new_repository(folder / "repository")), "model": "none"})
            took = [await _once(made, api, project, folder / f"stamps-{n}") for n in range(TIMES)]
    middle, worst = statistics.median(took), max(took)
    beside = "the lease"
    return [
        row("kill -9 of a worker to the new execution, median", middle, "s", beside, LEASE),
        row("kill -9 of a worker to the new execution, longest", worst, "s", beside, LEASE),
    ]


async def _once(made: Fleet, api: object, project: dict[str, str], stamps: Path) -> float:
    """Each execution writes the moment of its first act to ``stamps``."""
    run = await api.start(project, f"date +%s.%N >> {stamps}; echo up; sleep 60")  # type: ignore[attr-defined]
    await _lines(stamps, 1)
    victim = await _holder(made, api, run)
    killed = time.time()
    await victim.signal(signal.SIGKILL)
    again = float((await _lines(stamps, 2))[1])
    await api.post(f"/runs/{run['id']}/stop")  # type: ignore[attr-defined]
    await victim.start()
    await made.worker_ready(victim, victim.said().count("is ready for") + 1)
    return again - killed


async def _lines(stamps: Path, number: int) -> list[str]:
    async with asyncio.timeout(30):
        while not stamps.exists() or len(lines := stamps.read_text().split()) < number:
            await asyncio.sleep(0.02)
    return lines


async def _holder(made: Fleet, api: object, run: dict[str, str]) -> Spawned:
    async with asyncio.timeout(30):
        while True:
            for worker in (await api.get("/workers"))["items"]:  # type: ignore[attr-defined]
                if run["id"] in worker["runs"]:
                    return made.workers[int(worker["name"].rpartition("-")[2])]
            await asyncio.sleep(0.05)


def measure() -> list[Row]:
    """Three kills with a lease of five seconds; about 50 seconds."""
    with tempfile.TemporaryDirectory() as at, PrivateRabbit() as rabbit:
        return asyncio.run(_measure(Path(at), rabbit.url))
