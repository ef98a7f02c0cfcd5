"""Workers as the order sees them: the one that asks, and all that gave word of late."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from codeforge.scheduler.facts import WorkerFacts
from codeforge.store import Door
from codeforge.store import tables as t

QUIET = 15.0
"""Seconds without a word after which a worker counts as gone; it speaks every few."""


def worker_facts(door: Door, worker_id: str) -> WorkerFacts:
    """What is known of a worker; one that never registered takes runs of every tenant and agent."""
    row = door.one(t.Worker, t.Worker.id == worker_id)
    return replace(_facts(row), full=False) if row else WorkerFacts(id=worker_id)  # it has just looked at its disk


def workers_alive(door: Door) -> tuple[WorkerFacts, ...]:
    """The workers that gave word of late."""
    latest = door.now() - QUIET
    return tuple(_facts(row) for row in door.all(t.Worker, t.Worker.revoked_at.is_null(), t.Worker.seen_at > latest))


def _facts(row: dict[str, Any]) -> WorkerFacts:
    return WorkerFacts(
        id=row["id"],
        tenant_id=row["tenant_id"],
        labels=frozenset(row["labels"]),
        agents=frozenset(row["agents"]),
        draining=bool(row["draining"]),
        full=bool(row["disk"].get("full")),
    )
