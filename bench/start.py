"""From the task's acceptance by the API to the first line of the agent's process, beside a bare message and process."""

from __future__ import annotations

import asyncio
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import dramatiq
from bench.rows import Row, percentiles
from dramatiq.brokers.stub import StubBroker

from codeforge import Settings
from codeforge.testing import Api, StandIns, new_repository, running

SAMPLES = 30


class Bare:
    """A Dramatiq actor that starts one process: the least that "a message starts an agent" can cost."""

    def __init__(self, stamp: Path) -> None:
        self._broker, self._done = StubBroker(), threading.Event()

        @dramatiq.actor(broker=self._broker, max_retries=0)
        def start() -> None:
            subprocess.run(["sh", "-c", f"date +%s.%N > {stamp}"], check=True)
            self._done.set()

        self._actor, self._stamp = start, stamp
        self._worker = dramatiq.Worker(self._broker, worker_threads=1)
        self._worker.start()

    def once(self) -> float:
        """Seconds from sending the message to the process's first act."""
        self._done.clear()
        began = time.time()
        self._actor.send()
        self._done.wait()
        return float(self._stamp.read_text()) - began

    def close(self) -> None:
        self._worker.stop()


def _process(stamp: Path) -> float:
    began = time.time()
    subprocess.run(["sh", "-c", f"date +%s.%N > {stamp}"], check=True)
    return float(stamp.read_text()) - began


async def _task(api: Api, project: dict[str, str], stamp: Path) -> float:
    run = await api.start(project, f"date +%s.%N > {stamp}; date > changed.txt")
    accepted = time.time()
    await api.until(run)
    return float(stamp.read_text()) - accepted


async def _measure(folder: Path) -> list[Row]:
    stamp = folder / "stamp"
    bare = Bare(stamp)
    messages, processes = [], []
    async with running(Settings(data_dir=folder / "data", port=0), extra={"stand_ins": StandIns()}) as (_, api):
        repository = new_repository(folder / "repository")
        project = await api.post("/projects", {"url": str(repository), "agent": "shell", "model": "none"})
        await _task(api, project, stamp)  # makes the mirror
        for _ in range(SAMPLES):
            ours = await _task(api, project, stamp) * 1000
            messages.append((ours, await asyncio.to_thread(bare.once) * 1000))
            processes.append((ours, await asyncio.to_thread(_process, stamp) * 1000))
    bare.close()
    name = "task accepted to agent's process"
    return [
        *percentiles(name, "bare Dramatiq message and process", messages, (50, 90)),
        *percentiles(name, "bare subprocess", processes, (50,)),
    ]


def measure() -> list[Row]:
    """With everything in between: queue, claim, workspace, hooks, states stored; about 20 seconds."""
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_measure(Path(folder)))
