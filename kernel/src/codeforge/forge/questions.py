"""A run's questions: kept from when its agent asks until it was answered, does not ask any more, or leaves its worker.

The column holds those of the present generation, oldest first: {"id", "generation", "question", "choices", "answer"}.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from codeforge.errors import Conflict, Invalid, NotFound
from codeforge.events import AgentEvent, Kind
from codeforge.model import HELD, Choice, Question

Row = dict[str, Any]
MOST = 100
"""Questions that are open at once; an agent that asks more waits for the answers in vain."""


def after(row: Row, events: Iterable[AgentEvent]) -> list[Row] | None:
    """The column after new ``events`` of the run's worker; None when nothing of it changes."""
    told = [event for event in events if event.kind in (Kind.ASKED, Kind.ANSWERED)]
    if not told:
        return None
    kept = _present(row)
    for event in told:
        data = event.data
        kept = [one for one in kept if one["id"] != data.get("id")]
        if event.kind == Kind.ASKED and data.get("id") and data.get("answer") is None and len(kept) < MOST:
            asked = {name: data[name] for name in ("id", "question", "choices")}
            kept.append({**asked, "generation": row["generation"], "answer": None})
    return kept


def with_answer(row: Row, question_id: str, choice_id: str) -> tuple[list[Row], str]:
    """The column with a person's answer, and that answer in words. Raises `NotFound`, `Conflict` and `Invalid`."""
    kept = _present(row)
    found = next((one for one in kept if one["id"] == question_id), None)
    if found is None or row["state"] not in HELD or row["want"]:
        raise NotFound("The run does not ask this any more.")
    if found["answer"] not in (None, choice_id):
        raise Conflict("Somebody else has answered this question already.")
    names = {choice["id"]: choice["name"] for choice in found["choices"]}
    if choice_id not in names:
        known = ", ".join(names)
        raise Invalid(f"There is no answer {choice_id!r} to this question; there are {known}.", field="answer")
    return [{**one, "answer": choice_id} if one is found else one for one in kept], names[choice_id]


def answers(row: Row) -> tuple[tuple[str, str], ...]:
    """What people have answered to the worker that holds the run: (question, choice)."""
    return tuple((one["id"], one["answer"]) for one in _present(row) if one["answer"] is not None)


def waiting(row: Row) -> tuple[Question, ...]:
    """The questions that wait for an answer."""
    return tuple(
        Question(id=one["id"], text=one["question"], choices=tuple(Choice(**choice) for choice in one["choices"]))
        for one in _present(row)
        if one["answer"] is None and row["state"] in HELD
    )


def _present(row: Row) -> list[Row]:
    return [one for one in row["questions"] or () if one["generation"] == row["generation"]]
