"""One call of a model: what was asked, for whom, and where it goes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from codeforge import Llm, Prices
from codeforge_llm_litellm.providers import Source


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """What a model's name stands for: a provider and the provider's own name of the model, a cassette to replay, or
    another plugin's ``llm`` that answers itself.

    ``record`` is the cassette's folder that exchanges are written into, where they are. ``max_output`` is how many
    tokens it answers at most, where that is known.
    """

    name: str
    provider: str
    model: str
    source: Source | None = None
    llm: Llm | None = None
    replay: Path | None = None
    record: Path | None = None
    prices: Prices = ()
    max_output: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Stop:
    """One target that a call may go to; ``weight`` is its share of the calls, ``window`` its tokens."""

    target: Target
    weight: float = 1.0
    window: int | None = None

    @property
    def name(self) -> str:
        """The model's full name."""
        return self.target.name


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What a name stands for: where a call may go to, in order, and after which faults it goes on to the next."""

    name: str
    stops: tuple[Stop, ...]
    fall_back_on: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """A call that was let in. ``body`` is the agent's request in the form of ``protocol``.

    ``target`` is where it goes; ``plan`` where else it may go, and ``route`` says in a sentence why it goes there.
    ``head`` are the fields of its head that are meant for the provider, like ``anthropic-beta``; ``request_id`` is the
    same for all attempts, of whatever provider, at one request of an agent; ``key_id`` is the run's key that opened it.
    """

    tenant_id: str
    run_id: str
    project_id: str
    target: Target
    body: dict[str, Any]
    plan: Plan
    route: str = ""
    key_id: str = ""
    protocol: str = "chat"
    head: Mapping[str, str] = field(default_factory=dict)
    request_id: str = field(default_factory=lambda: uuid4().hex)

    @property
    def stream(self) -> bool:
        return bool(self.body.get("stream"))
