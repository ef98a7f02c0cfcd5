"""The states of a run, the changes between them, and the reasons why one fails."""

from __future__ import annotations

from codeforge.model import ADVICE, Reason
from codeforge.states import MOVES, TRANSITIONS, RunState
from reference.tables import code, table

SENTENCES = {
    RunState.QUEUED: "Waits for a worker.",
    RunState.PREPARING: "A worker has taken it and makes the workspace.",
    RunState.WORKING: "The agent works in the workspace.",
    RunState.PAUSED: "You paused it: nothing of it runs, its work so far is kept, and it takes no slot.",
    RunState.CHECKING: "The agent is done; the project's check runs on its change.",
    RunState.WAITING: "Held until something outside changes, such as a quota.",
    RunState.REVIEW: "The change is there and the check passed: look at it and decide.",
    RunState.ACCEPTED: "The change was delivered to the branch.",
    RunState.SENT_BACK: "You asked for more; another run goes on from this change.",
    RunState.REJECTED: "You did not want the change; it stays in the run's history.",
    RunState.FAILED: "It ended with a reason; see the reasons below.",
    RunState.STOPPED: "You stopped it; what it had done is kept.",
}


def states() -> str:
    """Each state, what it means, and what may come next."""
    rows = [(code(state), SENTENCES[state], _onward(state)) for state in RunState]
    return table(("state", "what it means", "may go on to"), rows)


def _onward(state: RunState) -> str:
    return ", ".join(code(after) for after in RunState if after in TRANSITIONS[state]) or "nothing"


def moves() -> str:
    """Each legal change: who may cause it, why, and what becomes of the work in the workspace."""
    rows = [(code(m.before), code(m.after), ", ".join(m.who), m.why, m.work) for m in MOVES]
    return table(("from", "to", "by", "why", "the work"), rows)


def reasons() -> str:
    """Each reason with its advice."""
    return table(("reason", "what it means, and what to do"), [(code(r), ADVICE[r]) for r in Reason])
