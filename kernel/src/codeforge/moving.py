"""The one place where a run changes its state: the row is changed, and once that is committed, counted and logged."""

from __future__ import annotations

import logging
from functools import partial
from typing import Any

from codeforge.logs import tell
from codeforge.metrics import Metrics
from codeforge.model import ENDED, RunState
from codeforge.store import Door
from codeforge.store import tables as t

log = logging.getLogger(__name__)


def move(door: Door, row: dict[str, Any], state: RunState, **values: Any) -> None:
    """Put the run of ``row`` (as it was before) into ``state``, with further columns."""
    door.update(t.Run, t.Run.id == row["id"], state=state, state_at=door.now(), **values)
    moved(door, row, state, **values)


def moved(door: Door, row: dict[str, Any], state: RunState, **values: Any) -> None:
    """For those who have changed ``state`` and ``state_at`` in a statement of their own: count and log it."""
    since = row["state_at"] or row["started_at"] or row["created_at"]
    facts = {name: values.get(name) or row[name] for name in ("generation", "worker")}
    facts["reason"] = values.get("reason") if state in ENDED else None
    door.after(partial(_told, door.metrics, row, state, max(0.0, door.now() - since), facts))


def _told(metrics: Metrics, row: dict[str, Any], state: RunState, seconds: float, facts: dict[str, Any]) -> None:
    before = RunState(row["state"])
    metrics.phase.labels(before).observe(seconds)
    sentence = "run moved"
    if state == RunState.PREPARING:
        sentence = "run claimed"
        metrics.claims.inc()
    elif state in ENDED:
        sentence = "run ended"
        metrics.ended.labels(state, facts["reason"] or "").inc()
    tell(log, sentence, run=row["id"], state=state, before=before, seconds=round(seconds, 3), **facts)
