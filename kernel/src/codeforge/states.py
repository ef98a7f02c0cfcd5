"""The life of a run: its states, and the one table of the changes between them, from which everything else follows."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class RunState(StrEnum):
    """Where a run is in its life; see `MOVES` for the legal changes."""

    QUEUED = "queued"
    PREPARING = "preparing"
    WORKING = "working"
    PAUSED = "paused"
    CHECKING = "checking"
    WAITING = "waiting"
    REVIEW = "review"
    ACCEPTED = "accepted"
    SENT_BACK = "sent_back"
    REJECTED = "rejected"
    FAILED = "failed"
    STOPPED = "stopped"


class Who(StrEnum):
    """Who may cause a change: a person who steers, one who reviews, the run's worker, or the scheduler by itself."""

    PERSON = "person"
    REVIEWER = "reviewer"
    WORKER = "worker"
    SCHEDULER = "scheduler"


@dataclass(frozen=True, slots=True)
class Move:
    """One legal change, caused by ``who``: ``why`` it is made, and what becomes of the ``work`` in the workspace."""

    before: RunState
    after: RunState
    who: tuple[Who, ...]
    why: str
    work: str


S = RunState
P, R, W, C = Who.PERSON, Who.REVIEWER, Who.WORKER, Who.SCHEDULER

_STAYS = "What was kept before stays kept."
_KEPT = "Kept in escrow, then the workspace is removed."
_PUT_BY = "Kept in escrow with the agent's memory, then removed; the next claim goes on from there."
_DEAD = "Kept in escrow when it is found; the next claim starts from what was kept before."
_READ = "Stays in escrow."

MOVES: tuple[Move, ...] = (
    Move(S.QUEUED, S.PREPARING, (W,), "A worker claims it.", "A workspace is made, of what was kept or of the branch."),
    Move(S.QUEUED, S.PAUSED, (P,), "Somebody pauses it.", _STAYS),
    Move(S.QUEUED, S.STOPPED, (P,), "Somebody stops it.", _STAYS),
    Move(S.QUEUED, S.FAILED, (C,), "It can never start.", _STAYS),
    Move(S.PREPARING, S.WORKING, (W,), "The workspace is there.", "The agent gets it."),
    Move(S.PREPARING, S.PAUSED, (P, C), "Somebody pauses it, or its worker dies while it is paused.", _STAYS),
    Move(S.PREPARING, S.QUEUED, (W, C), "Its worker shuts down, or is lost.", _STAYS),
    Move(S.PREPARING, S.STOPPED, (P,), "Somebody stops it.", _STAYS),
    Move(S.PREPARING, S.FAILED, (W, C), "It cannot be prepared, or its workers died too often.", _STAYS),
    Move(S.WORKING, S.CHECKING, (W,), "The agent is done.", "Kept in escrow; the check runs on it."),
    Move(S.WORKING, S.REVIEW, (W,), "The agent is done, and nothing is to be checked.", _KEPT),
    Move(S.WORKING, S.PAUSED, (P,), "Somebody pauses it.", _PUT_BY),
    Move(S.WORKING, S.PAUSED, (C,), "Its worker dies while it is paused.", _DEAD),
    Move(S.WORKING, S.WAITING, (W,), "It needs what is not there now, such as a quota.", _PUT_BY),
    Move(S.WORKING, S.WAITING, (C,), "Its worker dies while it is to wait.", _DEAD),
    Move(S.WORKING, S.QUEUED, (W,), "Its worker shuts down and hands it back.", _PUT_BY),
    Move(S.WORKING, S.QUEUED, (C,), "Its worker is lost.", _DEAD),
    Move(S.WORKING, S.STOPPED, (P,), "Somebody stops it.", _KEPT),
    Move(S.WORKING, S.FAILED, (W, C), "The agent fails, a limit is reached, or its workers died too often.", _KEPT),
    Move(S.CHECKING, S.REVIEW, (W,), "The check passed.", _KEPT),
    Move(S.CHECKING, S.WORKING, (W,), "The check failed, and the agent is to mend it.", "Back to what the agent left."),
    Move(S.CHECKING, S.QUEUED, (W,), "Its worker shuts down and hands it back.", _PUT_BY),
    Move(S.CHECKING, S.QUEUED, (C,), "Its worker is lost.", _DEAD),
    Move(S.CHECKING, S.STOPPED, (P,), "Somebody stops it.", _KEPT),
    Move(S.CHECKING, S.FAILED, (W, C), "The check failed, or its workers died too often.", _KEPT),
    Move(S.PAUSED, S.QUEUED, (P,), "Somebody resumes it.", _STAYS),
    Move(S.PAUSED, S.STOPPED, (P,), "Somebody stops it.", _STAYS),
    Move(S.WAITING, S.QUEUED, (P, C), "What it needs is there, or somebody resumes it.", _STAYS),
    Move(S.WAITING, S.PAUSED, (P,), "Somebody pauses it.", _STAYS),
    Move(S.WAITING, S.STOPPED, (P,), "Somebody stops it.", _STAYS),
    Move(S.WAITING, S.FAILED, (C,), "What it needs will not come.", _STAYS),
    Move(S.REVIEW, S.ACCEPTED, (R,), "The change is accepted.", "Delivered to the branch."),
    Move(S.REVIEW, S.SENT_BACK, (R,), "More is asked for.", "A new run goes on from it."),
    Move(S.REVIEW, S.REJECTED, (R,), "The change is not wanted.", _READ),
    Move(S.FAILED, S.ACCEPTED, (R,), "A change is accepted although its check failed.", "Delivered to the branch."),
    Move(S.FAILED, S.SENT_BACK, (R,), "More is asked for.", "A new run goes on from it."),
    Move(S.FAILED, S.REJECTED, (R,), "What it left is not wanted.", _READ),
    Move(S.STOPPED, S.SENT_BACK, (R,), "More is asked for.", "A new run goes on from it."),
    Move(S.STOPPED, S.REJECTED, (R,), "What it left is not wanted.", _READ),
)  # fmt: skip
"""Every legal change of a run's state. What is not here is refused."""

TRANSITIONS: dict[RunState, frozenset[RunState]] = {
    state: frozenset(move.after for move in MOVES if move.before == state) for state in RunState
}
"""Which states may come next."""
HELD = frozenset(move.before for move in MOVES if W in move.who) - {S.QUEUED}
"""A worker holds a lease on a run in these states: all that a worker may end, but for that in which it claims."""
LIVE = frozenset(state for state in RunState if S.STOPPED in TRANSITIONS[state])
"""A run in these states is not over: it can be stopped."""
ENDED = frozenset(RunState) - LIVE
"""Nothing works on a run in these states any more."""


def heeded(state: RunState, want: str | None) -> RunState:
    """Where a run goes that its worker wants to leave in ``state``, given what people ``want`` of it by now.

    A stop wins over all that is no result; a wish to pause that was taken back leaves the run in the queue. A run that
    is to "wait", for a budget or a quota, waits also where its agent failed for lack of it.
    """
    if want == "stop" and state in (S.FAILED, S.QUEUED, S.PAUSED, S.WAITING):
        return S.STOPPED
    if want == "pause" and state in (S.QUEUED, S.WAITING):
        return S.PAUSED
    if want == "wait" and state in (S.FAILED, S.QUEUED, S.PAUSED):
        return S.WAITING
    return S.QUEUED if want is None and state in (S.PAUSED, S.WAITING) else state
