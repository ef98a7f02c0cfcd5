"""Runs per second and idle latency of an agent that does nothing, beside bare messages of Dramatiq and Celery.

A run is more than a message: task, run, events and states are stored, a workspace is made and its work kept.
"""

from __future__ import annotations

import asyncio
import logging
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from bench.actors import THREADS, Counted, Send, celery_task, dramatiq_actor, latencies, per_second
from bench.noop import WithNoop
from bench.rows import Row, percentiles, row

from codeforge import Settings
from codeforge.model import ENDED
from codeforge.testing import Api, PrivatePostgres, PrivateRabbit, new_repository, running

RUNS, SAMPLES, MESSAGES = 80, 40, 2000
Figures = tuple[float, list[float]]
"""Runs or messages per second, and milliseconds from sending to the begin of the work."""


async def _ours(folder: Path, **form: str) -> Figures:
    settings = Settings(data_dir=folder / "data", port=0, slots=THREADS, **form)  # type: ignore[arg-type]
    plugin = WithNoop()
    async with running(settings, extra={"noop": plugin}) as (_, api):
        url = str(new_repository(folder / "repository"))
        project = await api.post("/projects", {"url": url, "agent": "noop", "model": "none"})
        await api.until(await api.start(project, "makes the mirror"))
        began = time.perf_counter()
        await asyncio.gather(*(api.start(project, f"run {n}") for n in range(RUNS)))
        await _over(api, RUNS + 1)
        rate = RUNS / (time.perf_counter() - began)
        late = []
        for n in range(SAMPLES):
            sent = time.perf_counter()
            run = await api.start(project, f"alone {n}")
            await api.until(run)
            late.append((plugin.noop.began[f"alone {n}"] - sent) * 1000)
        return rate, late


async def _over(api: Api, number: int) -> None:
    """Wait until so many runs have ended."""
    async with asyncio.timeout(50):
        while True:
            runs, before = [], ""
            while before is not None:
                page = await api.get(f"/runs?limit=100&before={before}")
                runs, before = runs + page["items"], page["next"]
            if sum(run["state"] in ENDED for run in runs) >= number:
                return
            await asyncio.sleep(0.1)


def _theirs(actor: Callable[[str, Counted], AbstractContextManager[Send]], url: str) -> Figures:
    counted = Counted()
    with actor(url, counted) as send:
        late = latencies(send, counted, SAMPLES)
        return per_second(send, counted, MESSAGES), late


def measure() -> list[Row]:
    """Our two forms and both libraries, one after the other; about 45 seconds."""
    for name in ("dramatiq", "celery", "amqp", "kombu"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as at, PrivateRabbit(vhosts=2) as rabbit, PrivatePostgres() as postgres:
        folder = Path(at)
        (folder / "a").mkdir()
        (folder / "b").mkdir()
        small = asyncio.run(_ours(folder / "a"))
        large = asyncio.run(_ours(folder / "b", database_url=postgres.new_database(), broker_url=rabbit.url))
        dramatiq, celery = _theirs(dramatiq_actor, rabbit.new_vhost()), _theirs(celery_task, rabbit.new_vhost())
    rows = []
    for form, (rate, late) in (("memory, SQLite", small), ("RabbitMQ, PostgreSQL", large)):
        for name, (theirs, waited) in (("bare Dramatiq actor", dramatiq), ("Celery task, threads", celery)):
            rows.append(row(f"runs of a no-op agent, {form}", rate, "/s", name, theirs))
            pairs = list(zip(late, waited, strict=True))
            rows += percentiles(f"submitted to agent begun, {form}", name, pairs, (50, 99))
    return rows
