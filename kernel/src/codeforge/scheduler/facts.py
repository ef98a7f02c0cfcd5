"""What the order of the queue is decided on: runs that wait, their projects, limits, and workers, as frozen facts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from codeforge.model import Hours

Group = tuple[str, str, str]
"""A project's id, an agent and a provider: whatever holds one run of a group up holds all of them up."""


class Why(StrEnum):
    """Why a run waits: a closed set, so that pages, scripts and statistics can rely on it."""

    FREE_WORKER = "free_worker"
    PROJECT_LIMIT = "project_limit"
    TENANT_LIMIT = "tenant_limit"
    AGENT_LIMIT = "agent_limit"
    PROVIDER_LIMIT = "provider_limit"
    BACK_OFF = "back_off"
    NOT_BEFORE = "not_before"
    HOURS = "hours"
    NEEDS = "needs"
    NO_WORKER = "no_worker"
    NO_LABEL = "no_label"
    NO_AGENT = "no_agent"
    NO_ROOM = "no_room"
    DRAINING = "draining"
    BUDGET = "budget"
    QUOTA = "quota"


@dataclass(frozen=True, kw_only=True, slots=True)
class Hindrance:
    """What holds a run up: ``text`` says it to people, ``until`` is when it ends by itself (seconds since 1970)."""

    why: Why
    text: str
    until: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Waiting:
    """A queued run. ``blocked`` counts the tasks that it waits for, ``faults`` what it was queued again for."""

    id: str
    project_id: str
    agent: str
    provider: str
    priority: int = 0
    not_before: float = 0.0
    blocked: int = 0
    faults: int = 0

    @property
    def group(self) -> Group:
        return self.project_id, self.agent, self.provider


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """What the order needs to know of a project; ``served_at`` is when a run of it was claimed last."""

    id: str
    tenant_id: str
    labels: frozenset[str] = frozenset()
    max_runs: int | None = None
    hours: Hours | None = None
    served_at: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Caps:
    """How many runs of a tenant may go on at once: in all, by agent and by provider; what is not named is free."""

    runs: int | None = None
    agents: Mapping[str, int] = field(default_factory=dict)
    providers: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkerFacts:
    """A worker that asks for work: of one tenant (or ``""``: of any), with labels, and agents (none: any).

    ``full``: its disk has no room for a run.
    """

    id: str = ""
    tenant_id: str = ""
    labels: frozenset[str] = frozenset()
    agents: frozenset[str] = frozenset()
    draining: bool = False
    full: bool = False


class World:
    """All of a moment that decides what may run: the time, projects, tenants' limits and the runs under way."""

    def __init__(
        self, *, now: float, places: Mapping[str, Place], caps: Mapping[str, Caps], active: Mapping[Group, int]
    ) -> None:
        self.now, self.places, self.caps = now, places, caps
        self.projects: Counter[str] = Counter()
        self.tenants: Counter[str] = Counter()
        self.agents: Counter[tuple[str, str]] = Counter()
        self.providers: Counter[tuple[str, str]] = Counter()
        for (project_id, agent, provider), number in active.items():
            if place := places.get(project_id):
                self.projects[project_id] += number
                self.tenants[place.tenant_id] += number
                self.agents[place.tenant_id, agent] += number
                self.providers[place.tenant_id, provider] += number

    def caps_of(self, place: Place) -> Caps:
        return self.caps.get(place.tenant_id, _FREE)


_FREE = Caps()
