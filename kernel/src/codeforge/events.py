"""Events: the numbered history of a run, and what an agent may say of its work."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from codeforge.model import Reason


class Kind(StrEnum):
    """The closed set of event kinds. The first group comes from agents, the second from CodeForge itself.

    Data by kind: said/thought {text}; log {text, stream}; ran {command, exit}; edited {path};
    asked {id, question, choices, answer, by}; usage {prompt_tokens, completion_tokens, cached_tokens, cost_micro};
    stuck {why}; ended {outcome, reason, detail}.
    state {state, reason, detail}; message {text, by}; progress {text, divergence}; check {text};
    checked {command, exit, seconds}; change {base, head, files, added, deleted}; review {verdict, comment, by};
    delivered {branch, commit}; answered {id, answer, name, by}.
    """

    SAID = "said"
    THOUGHT = "thought"
    LOG = "log"
    RAN = "ran"
    EDITED = "edited"
    ASKED = "asked"
    USAGE = "usage"
    STUCK = "stuck"
    ENDED = "ended"

    STATE = "state"
    MESSAGE = "message"
    PROGRESS = "progress"
    CHECK = "check"
    CHECKED = "checked"
    CHANGE = "change"
    REVIEW = "review"
    DELIVERED = "delivered"
    ANSWERED = "answered"


@dataclass(frozen=True, slots=True)
class AgentEvent:
    """One thing that an agent says of its work; numbered and timed only when it is stored."""

    kind: Kind
    data: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        Kind(self.kind)  # a history with a kind of somebody's own could not be read any more


@dataclass(frozen=True, slots=True)
class Event:
    """One stored entry of a run's history. ``seq`` counts from 1 within the run, without gaps.

    ``offset`` numbers all events of a tenant, so that one stream over many runs can be taken up again.
    """

    run_id: str
    seq: int
    time: datetime
    kind: Kind
    data: dict[str, Any]
    offset: int = 0


def said(text: str) -> AgentEvent:
    """The agent's own words, one line or paragraph."""
    return AgentEvent(Kind.SAID, {"text": text})


def thought(text: str) -> AgentEvent:
    """The model's reasoning, where it is shown."""
    return AgentEvent(Kind.THOUGHT, {"text": text})


def log(text: str, stream: str = "stdout") -> AgentEvent:
    """A line about the agent's doing that is neither speech nor a tool's result."""
    return AgentEvent(Kind.LOG, {"text": text, "stream": stream})


def ran(command: str, exit: int | None) -> AgentEvent:
    """The agent ran a command; ``exit`` is None when it was cut off."""
    return AgentEvent(Kind.RAN, {"command": command, "exit": exit})


def edited(path: str) -> AgentEvent:
    """The agent wrote a file; ``path`` is relative to the workspace."""
    return AgentEvent(Kind.EDITED, {"path": path})


def usage(
    prompt_tokens: int, completion_tokens: int, cached_tokens: int = 0, cost_micro: int | None = None
) -> AgentEvent:
    """The back end's own claim of one model call; the gateway's count is what people are shown."""
    return AgentEvent(
        Kind.USAGE,
        {
            "prompt_tokens": prompt_tokens,
            "completion_tokens": completion_tokens,
            "cached_tokens": cached_tokens,
            "cost_micro": cost_micro,
        },
    )


def stuck(why: str) -> AgentEvent:
    """The agent repeats itself without progress."""
    return AgentEvent(Kind.STUCK, {"why": why})


def ended(reason: Reason | None = None, detail: str = "") -> AgentEvent:
    """The agent's last word: no ``reason`` means that it believes to have done its task."""
    outcome = "failed" if reason else "done"
    return AgentEvent(Kind.ENDED, {"outcome": outcome, "reason": reason, "detail": detail})
