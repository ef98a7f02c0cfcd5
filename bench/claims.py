"""A claim with 7,000 runs in the queue, beside one statement of SQL that knows priority and a limit alone."""

from __future__ import annotations

import asyncio
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.rows import Row, row

from codeforge import Settings
from codeforge.forge import Forge
from codeforge.ids import new_id
from codeforge.scheduler import WorkerFacts, claim
from codeforge.store import Door, Store
from codeforge.store import tables as t
from codeforge.testing import PrivatePostgres, StandIns, new_repository, running

QUEUED, PROJECTS, CLAIMS = 7000, 10, 200
TABLES = (
    "CREATE TABLE bare_project (id integer PRIMARY KEY, most integer)",
    """CREATE TABLE bare_run (id integer PRIMARY KEY, project_id integer, state text, priority integer,
    not_before double precision, attempt integer, worker text, lease_until double precision)""",
    "CREATE INDEX bare_ready ON bare_run (priority DESC, id) WHERE state = 'queued'",
    "CREATE INDEX bare_active ON bare_run (project_id) WHERE state = 'running'",
)
CLAIM = """UPDATE bare_run SET state = 'running', worker = 'w', attempt = attempt + 1, lease_until = {now} + 30
WHERE state = 'queued' AND id = (
 WITH busy(project_id, n) AS (SELECT project_id, count(*) FROM bare_run WHERE state = 'running' GROUP BY project_id)
 SELECT c.id FROM bare_run c JOIN bare_project p ON p.id = c.project_id LEFT JOIN busy ON busy.project_id = c.project_id
 WHERE c.state = 'queued' AND c.not_before <= {now} AND coalesce(busy.n, 0) < p.most
 ORDER BY c.priority DESC, c.id LIMIT 1)
RETURNING id, attempt"""
SQLITE_NOW = "((julianday('now') - 2440587.5) * 86400.0)"
POSTGRES_NOW = "extract(epoch from clock_timestamp())"


def _crowd(door: Door, tenant_id: str, project_ids: list[str]) -> None:
    now = door.now()
    made = [(new_id(), new_id(), project_ids[n % PROJECTS], n % 5) for n in range(QUEUED)]
    shared = {"tenant_id": tenant_id, "prompt": "do it", "created_at": now}
    tasks = [{**shared, "id": task, "project_id": at, "title": "t", "priority": rank} for task, _, at, rank in made]
    kind = {"number": 1, "agent": "shell", "model": "none", "provider": "none", "state": "queued", "rung_at": now}
    empty = {"detail": "", "generation": 0, "losses": 0, "not_before": 0.0}
    door.insert_all(t.Task, tasks)
    door.insert_all(
        t.Run,
        [
            {**shared, **kind, **empty, "id": run, "task_id": task, "project_id": at, "priority": rank}
            for task, run, at, rank in made
        ],
    )


async def _fill(forge: Forge, api: Any, url: str) -> None:
    made = [await api.post("/projects", {"url": url, "name": f"p{n}", "model": "none"}) for n in range(PROJECTS)]
    who = await forge.accounts.admin()
    await forge.store.run(None, _crowd, who.tenant_id, [project["id"] for project in made])


async def _ours(folder: Path, database_url: str) -> float:
    """Median milliseconds of a claim, its transaction included."""
    settings = Settings(data_dir=folder / "data", port=0, database_url=database_url, default_agent="shell")
    async with running(settings, extra={"stand_ins": StandIns()}, working=False) as (forge, api):
        await _fill(forge, api, str(new_repository(folder / "repository")))
    store = await Store.open(settings.data_dir, database_url)
    took = []
    for _ in range(CLAIMS):
        began = time.perf_counter()
        assert await store.run(None, claim, WorkerFacts(id="w"), 30.0)
        took.append((time.perf_counter() - began) * 1000)
    await store.close()
    return statistics.median(took)


def _bare(one: Callable[[], object]) -> float:
    took = []
    for _ in range(CLAIMS):
        began = time.perf_counter()
        assert one()
        took.append((time.perf_counter() - began) * 1000)
    return statistics.median(took)


def _rows() -> list[tuple[Any, ...]]:
    return [(n, n % PROJECTS, "queued", n % 5, 0.0, 0, "", 0.0) for n in range(QUEUED)]


def _bare_sqlite(folder: Path) -> float:
    base = sqlite3.connect(folder / "bare.sqlite", isolation_level=None)
    base.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;" + ";".join(TABLES))
    base.execute("BEGIN")
    base.executemany("INSERT INTO bare_project VALUES (?, 1000)", [(n,) for n in range(PROJECTS)])
    base.executemany("INSERT INTO bare_run VALUES (?, ?, ?, ?, ?, ?, ?, ?)", _rows())
    base.execute("COMMIT")
    base.execute("ANALYZE")

    def one() -> object:
        base.execute("BEGIN IMMEDIATE")
        found = base.execute(CLAIM.format(now=SQLITE_NOW)).fetchone()
        base.execute("COMMIT")
        return found

    took = _bare(one)
    base.close()
    return took


def _bare_postgres(url: str) -> float:
    import psycopg

    with psycopg.connect(url, autocommit=True) as base:
        for words in TABLES:
            base.execute(words)
        with base.cursor() as cursor:
            cursor.executemany("INSERT INTO bare_project VALUES (%s, 1000)", [(n,) for n in range(PROJECTS)])
            cursor.executemany("INSERT INTO bare_run VALUES (%s, %s, %s, %s, %s, %s, %s, %s)", _rows())
        base.execute("ANALYZE bare_run")

        def one() -> object:
            with base.transaction():
                base.execute("SELECT pg_advisory_xact_lock(1)")
                return base.execute(CLAIM.format(now=POSTGRES_NOW)).fetchone()

        return _bare(one)


def measure() -> list[Row]:
    """Medians on SQLite and on PostgreSQL, each in a transaction of its own; about 30 seconds."""
    rows, beside = [], "one SQL statement, same database"
    with tempfile.TemporaryDirectory() as at, PrivatePostgres() as postgres:
        for kind in ("SQLite", "PostgreSQL"):
            folder = Path(at) / kind
            folder.mkdir()
            ours = asyncio.run(_ours(folder, postgres.new_database() if kind == "PostgreSQL" else ""))
            bare = _bare_postgres(postgres.new_database()) if kind == "PostgreSQL" else _bare_sqlite(folder)
            rows.append(row(f"claim with {QUEUED:,} queued, {kind}, p50", ours, "ms", beside, bare))
    return rows
