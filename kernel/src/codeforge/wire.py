"""What goes between servers and workers of other processes, as bytes: assignments, orders and signed reports.

Fields that a newer side adds have defaults, and unknown ones are passed over, so that a worker and a server whose
minor versions differ by one understand each other.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import asdict, dataclass, field
from typing import Any

from pydantic import TypeAdapter

from codeforge.coordination import Assignment, Orders
from codeforge.errors import Forbidden, Invalid
from codeforge.events import AgentEvent, Kind
from codeforge.model import Change, CheckResult, Project, Run, RunState

ASSIGNMENT: TypeAdapter[Assignment] = TypeAdapter(Assignment)
ORDERS: TypeAdapter[Orders] = TypeAdapter(Orders)
ABOUT: TypeAdapter[tuple[Run, Project]] = TypeAdapter(tuple[Run, Project])
_FACTS: dict[str, Any] = {"change": Change, "check": CheckResult}


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """One numbered report of a generation: see `Coordinator.report`."""

    run_id: str
    generation: int
    number: int
    events: tuple[AgentEvent, ...] = ()
    state: RunState | None = None
    words_seen: int | None = None
    facts: dict[str, Any] = field(default_factory=dict)


def seal(report: Report, worker: str, secret: str) -> bytes:
    """The report as worker ``worker`` sends it, signed with the digest of its token."""
    said = {
        **{name: getattr(report, name) for name in ("run_id", "generation", "number", "state", "words_seen")},
        "events": [[event.kind, event.data] for event in report.events],
        "facts": {name: asdict(fact) if name in _FACTS and fact else fact for name, fact in report.facts.items()},
    }
    text = json.dumps(said, separators=(",", ":"))
    return json.dumps({"worker": worker, "mac": _mac(text, secret), "report": text}).encode()


def sender(message: bytes) -> str:
    """The worker that a message says it is from. Raises `Invalid`."""
    return str(_envelope(message)["worker"])


def unseal(message: bytes, secret: str) -> Report:
    """The report, if it was signed with ``secret``. Raises `Forbidden` and `Invalid`."""
    envelope = _envelope(message)
    text = str(envelope["report"])
    if not hmac.compare_digest(_mac(text, secret), str(envelope["mac"])):
        raise Forbidden(f"A report of worker {envelope['worker']} is not signed with its token.")
    try:
        said = json.loads(text)
        events = tuple(AgentEvent(Kind(kind), data) for kind, data in said["events"])
        facts = {name: _FACTS[name](**f) if name in _FACTS and f else f for name, f in said["facts"].items()}
        state = RunState(said["state"]) if said["state"] else None
        plain = {name: said[name] for name in ("run_id", "generation", "number", "words_seen")}
        return Report(**plain, state=state, events=events, facts=facts)
    except (ValueError, KeyError, TypeError) as error:
        raise Invalid(f"A report of worker {envelope['worker']} cannot be read: {error}.") from error


def _envelope(message: bytes) -> dict[str, Any]:
    try:
        envelope = json.loads(message)
        _ = envelope["worker"], envelope["mac"], envelope["report"]
    except (ValueError, KeyError, TypeError) as error:
        raise Invalid("A message in the queue of reports is none.") from error
    return dict(envelope)


def _mac(text: str, secret: str) -> str:
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()
