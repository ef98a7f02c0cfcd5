"""Rows of the database as facts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from codeforge.events import Event, Kind
from codeforge.forge import questions
from codeforge.model import (
    Change,
    CheckResult,
    Claim,
    Hours,
    Limits,
    Project,
    Reason,
    Run,
    RunState,
    Schedule,
    Task,
    Usage,
)

Row = dict[str, Any]


def moment(seconds: float) -> datetime:
    """Seconds since 1970 as a UTC time."""
    return datetime.fromtimestamp(seconds, UTC)


def project(row: Row) -> Project:
    hours, facts = row["hours"], {name: value for name, value in row.items() if name != "served_at"}
    return Project(
        **{
            **facts,
            "limits": Limits(**row["limits"]),
            "labels": tuple(row["labels"]),
            "allowed_hosts": tuple(row["allowed_hosts"]),
            "hours": Hours(**{**hours, "days": tuple(hours["days"])}) if hours else None,
            "created_at": moment(row["created_at"]),
        }
    )


def task(row: Row, needs: tuple[str, ...] = ()) -> Task:
    later = moment(row["not_before"]) if row["not_before"] else None
    return Task(**{**row, "needs": needs, "not_before": later, "created_at": moment(row["created_at"])})


def schedule(row: Row) -> Schedule:
    times = {name: row[name] and moment(row[name]) for name in ("next_at", "last_at", "created_at")}
    return Schedule(**{**row, **times, "enabled": bool(row["enabled"])})


_ONLY_IN_THE_TABLE = (
    "not_before",
    "rung_at",
    "intent",
    "blocked",
    "reported",
    "state_at",
    "kept",
    "replaces",
    "start_commit",
)


def run(row: Row, usage: Usage) -> Run:
    facts = {name: value for name, value in row.items() if name not in _ONLY_IN_THE_TABLE}
    for name in ("created_at", "started_at", "ended_at"):
        facts[name] = None if row[name] is None else moment(row[name])
    return Run(
        **{
            **facts,
            "state": RunState(row["state"]),
            "reason": Reason(row["reason"]) if row["reason"] else None,
            "change": Change(**row["change"]) if row["change"] else None,
            "check": CheckResult(**row["check"]) if row["check"] else None,
            "claimed": Claim(**row["claimed"]) if row["claimed"] else None,
            "questions": questions.waiting(row),
            "usage": usage,
        }
    )


def event(row: Row) -> Event:
    return Event(
        run_id=row["run_id"],
        seq=row["seq"],
        time=moment(row["time"]),
        kind=Kind(row["kind"]),
        data=row["data"],
        offset=row["offset"],
    )
