"""The facts: what CodeForge knows of projects, tasks, runs and changes, as frozen records."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from codeforge.states import ENDED as ENDED
from codeforge.states import HELD as HELD
from codeforge.states import LIVE as LIVE
from codeforge.states import TRANSITIONS as TRANSITIONS
from codeforge.states import RunState as RunState


class Reason(StrEnum):
    """Why a run failed: a closed set, so that pages, retries and statistics can rely on it."""

    AGENT_ERROR = "agent_error"
    AGENT_STUCK = "agent_stuck"
    STEP_LIMIT = "step_limit"
    TIME_LIMIT = "time_limit"
    BUDGET = "budget"
    QUOTA = "quota"
    MODEL_AUTH = "model_auth"
    MODEL_UNREACHABLE = "model_unreachable"
    MODEL_REFUSED = "model_refused"
    BAD_OUTPUT = "bad_output"
    CHECK_FAILED = "check_failed"
    NOTHING_CHANGED = "nothing_changed"
    MERGE_CONFLICT = "merge_conflict"
    SCM_AUTH = "scm_auth"
    SCM_UNREACHABLE = "scm_unreachable"
    WORKSPACE_ERROR = "workspace_error"
    DISK_FULL = "disk_full"
    SANDBOX_ERROR = "sandbox_error"
    PLUGIN_MISSING = "plugin_missing"
    REFUSED = "refused"
    LOST = "lost"
    INTERNAL = "internal"


ADVICE: dict[Reason, str] = {
    Reason.AGENT_ERROR: "The agent ended with an error: read its last lines, then retry or choose another agent.",
    Reason.AGENT_STUCK: "The agent repeated itself without progress: retry with a clearer prompt or another model.",
    Reason.STEP_LIMIT: "The agent used up its steps: raise the project's step limit or split the task.",
    Reason.TIME_LIMIT: "The agent used up its time: raise the project's time limit or split the task.",
    Reason.BUDGET: "The budget is spent: raise it, then retry.",
    Reason.QUOTA: "The provider's usage limit is reached: wait for its reset, then retry.",
    Reason.MODEL_AUTH: "The provider refused its key: set a valid key for this provider, then retry.",
    Reason.MODEL_UNREACHABLE: "The model did not answer: check the provider's address and health, then retry.",
    Reason.MODEL_REFUSED: "The provider refused the request: read its message, change the prompt or the model.",
    Reason.BAD_OUTPUT: "The model's answers could not be applied as edits: retry or choose a stronger model.",
    Reason.CHECK_FAILED: "The project's check failed on the change: read its output, then send the change back.",
    Reason.NOTHING_CHANGED: "The agent ended without changing a file: say more precisely what to change and where.",
    Reason.MERGE_CONFLICT: "The branch moved and the change conflicts: start the task again from the new base.",
    Reason.SCM_AUTH: "The repository refused the credentials: set valid ones for this project, then retry.",
    Reason.SCM_UNREACHABLE: "The repository did not answer: check its address, then retry.",
    Reason.WORKSPACE_ERROR: "The workspace could not be made or kept: check disk space and rights of the data folder.",
    Reason.DISK_FULL: "The worker's disk has no space left: make room, then retry; what was done stays there.",
    Reason.SANDBOX_ERROR: "The sandbox could not be had, or ended the run: read why; `codeforge doctor` looks at it.",
    Reason.PLUGIN_MISSING: "The agent or repository kind is not installed: run `codeforge doctor`.",
    Reason.REFUSED: "A plugin refused the run: its message says why.",
    Reason.LOST: "The worker died and the run was taken up too often: retry, and look at the worker's log.",
    Reason.INTERNAL: "CodeForge itself failed: retry, and report it with the server's log.",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """Where a run is cut off: model calls (steps) and seconds of work.

    ``cost_micro`` (micro-dollars, None: no limit) is the budget of each run that was given none of its own.
    ``rounds`` is how often a change that fails the project's check goes back to its agent.
    """

    steps: int = 50
    seconds: int = 3600
    cost_micro: int | None = None
    rounds: int = 0


Permissions = Literal["allow", "deny", "ask"]
"""Who answers an agent that asks leave to do something: the setting itself, or, with "ask", a person."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the answers to an agent's question: ``name`` is what people read, ``allows`` whether it gives leave."""

    id: str
    name: str
    allows: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """What a run's agent waits for a person to answer."""

    id: str
    text: str
    choices: tuple[Choice, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Hours:
    """When a project's runs may start: on ``days`` (0 is Monday) from ``start`` to ``end`` ("HH:MM") in ``zone``."""

    zone: str
    days: tuple[int, ...] = (0, 1, 2, 3, 4)
    start: str = "08:00"
    end: str = "18:00"


@dataclass(frozen=True, kw_only=True, slots=True)
class Project:
    """One repository under management, with its settings.

    ``labels`` are those that a worker must have for its runs; ``max_runs`` bounds how many go on at once;
    ``disk_mb`` how much its workspaces may take on a worker's disk, in MB; ``allowed_hosts`` are what its runs may
    reach from within a sandbox (see `codeforge.sandboxes.hosts`); ``permissions`` says who answers agents that ask
    leave to do something.
    """

    id: str
    tenant_id: str
    name: str
    url: str
    scm: str
    branch: str
    agent: str
    model: str
    check: str = ""
    limits: Limits = field(default_factory=Limits)
    labels: tuple[str, ...] = ()
    max_runs: int | None = None
    hours: Hours | None = None
    disk_mb: int | None = None
    allowed_hosts: tuple[str, ...] = ()
    permissions: Permissions = "allow"
    created_at: datetime
    version: int = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """A piece of work for an agent. ``agent``, ``model`` and ``check`` override the project's where not None.

    No run of it starts before ``not_before`` (None: at once), nor before each task of ``needs`` (ids) has an accepted
    change; ``schedule_id`` is the schedule that submitted it.
    """

    id: str
    tenant_id: str
    project_id: str
    title: str
    prompt: str
    priority: int = 0
    agent: str | None = None
    model: str | None = None
    check: str | None = None
    not_before: datetime | None = None
    needs: tuple[str, ...] = ()
    schedule_id: str | None = None
    created_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Schedule:
    """A task that CodeForge submits again and again, at the times of ``cron`` in the time zone ``zone``.

    ``outcome`` says what became of the last time, which was ``last_at``; ``made_by`` is who asked for it.
    """

    id: str
    tenant_id: str
    project_id: str
    name: str
    cron: str
    zone: str
    prompt: str
    priority: int = 0
    agent: str | None = None
    model: str | None = None
    enabled: bool = True
    next_at: datetime
    last_at: datetime | None = None
    outcome: str = ""
    made_by: str
    created_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckResult:
    """How the project's check ended on a change. ``exit`` is None when it ran into its time limit."""

    command: str
    exit: int | None
    seconds: float

    @property
    def passed(self) -> bool:
        return self.exit == 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """What a run produced: ``head`` on top of ``base`` (commit ids kept in the project's mirror)."""

    base: str
    head: str
    files: int
    added: int
    deleted: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Usage:
    """Model use as the gateway counted it, of the calls that are settled.

    ``cached_tokens`` and ``written_tokens`` are part of the prompts' tokens, ``reasoning_tokens`` of the completions'.
    ``cost_micro`` is None when a call had no known price; ``unpriced`` counts those, ``priced_micro`` adds up the
    others. ``held_micro`` is reserved for calls under way.
    """

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost_micro: int | None = 0
    cached_tokens: int = 0
    written_tokens: int = 0
    reasoning_tokens: int = 0
    unpriced: int = 0
    priced_micro: int = 0
    held_micro: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """What an agent said itself that its model calls used; ``cost_micro`` is None where it named no cost of one."""

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    cost_micro: int | None = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Budget:
    """What model calls may cost: of one ``scope`` ("tenant", "project", "task", "run" or "provider"), in each period
    ("day", "month" or "total").

    ``spent_micro`` and ``held_micro`` (reserved for calls under way) are of the period that began at ``since`` and
    lasts ``until``; None: from the beginning, and for ever.
    """

    id: str
    scope: str
    scope_id: str
    period: str
    limit_micro: int
    spent_micro: int
    held_micro: int
    since: datetime | None
    until: datetime | None
    made_by: str
    created_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """One attempt of one agent at one task.

    ``prompt`` is what this run was told: the task's words, or a reviewer's comment when it ``follows``
    another run, whose change it starts from. ``replays`` is the run whose kept exchanges answer this one.
    ``provider`` is where its model came from when it was queued.
    ``generation`` counts claims, ``losses`` dead workers, ``retries`` faults that CodeForge tried again by
    itself; ``lease_until`` is set while a worker holds the run; ``want`` is what people asked of it ("stop",
    "pause"), or what it is to do for lack of a budget or quota ("wait"). ``waiting_for`` is what it waits for, or is
    to: {"why": "budget" or "quota", "until": seconds since 1970 or None, "detail": text}. ``worked`` is how many
    seconds its agent was at work. ``questions`` wait for a person's answer. ``claimed`` is what the agent said that
    it used. ``base`` is the commit that the change is measured against. ``made_by`` is who asked for it, by name;
    empty for runs of before. ``sandbox`` says what confined its agent last, in words for people.
    """

    id: str
    tenant_id: str
    project_id: str
    task_id: str
    number: int
    follows: str | None
    replays: str | None = None
    prompt: str
    agent: str
    model: str
    provider: str = ""
    state: RunState
    reason: Reason | None = None
    detail: str = ""
    priority: int = 0
    generation: int = 0
    losses: int = 0
    retries: int = 0
    worker: str | None = None
    lease_until: float | None = None
    want: str | None = None
    waiting_for: dict[str, Any] | None = None
    worked: float = 0.0
    questions: tuple[Question, ...] = ()
    claimed: Claim | None = None
    base: str | None = None
    change: Change | None = None
    check: CheckResult | None = None
    usage: Usage = field(default_factory=Usage)
    delivered: str | None = None
    made_by: str = ""
    sandbox: str = ""
    created_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Worker:
    """A process that executes runs: what it said of itself last, and which ``runs`` it holds now (their ids).

    ``labels`` were given to it when it was registered; ``load`` is its machine's, per core; ``disk`` its free
    space and the projects' use of it, in MB. ``alive``: it gave word lately. The one within a server is ``local``.
    ``described`` is what it says of its agents, by name; those of an older version say nothing.
    """

    id: str
    name: str
    local: bool
    labels: tuple[str, ...]
    host: str
    version: str
    agents: tuple[str, ...]
    slots: int
    draining: bool
    load: float
    disk: dict[str, Any]
    created_at: datetime
    seen_at: datetime | None
    alive: bool
    runs: tuple[str, ...] = ()
    described: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class FileChange:
    """One path of a change. ``status``: added, modified, deleted, renamed, typechange; counts are None when binary."""

    path: str
    status: str
    old_path: str | None = None
    added: int | None = None
    deleted: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Principal:
    """Who asks: a user of a tenant, with the scopes that the session or token grants ("read", "write", "admin")."""

    user_id: str
    user: str
    tenant_id: str
    scopes: frozenset[str]
    session_id: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Health:
    """How one part is: ``ok`` and what it is, or what is missing and how to get it."""

    name: str
    ok: bool
    detail: str
    fix: str = ""
    version: str = ""
