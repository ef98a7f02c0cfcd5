"""Tasks, runs, their changes and their history."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from codeforge.events import Kind
from codeforge.http.schemas.base import Command, Id, Moment, Name, Said, Sequence, Shape, Text
from codeforge.http.schemas.usage import RunUsage
from codeforge.model import Reason, RunState

Ceiling = Annotated[int, Field(ge=0, le=10**15)] | None


class Task(Shape):
    """A piece of work for an agent. Agent, model and check are null where the project's count."""

    model_config = ConfigDict(extra="ignore")

    id: str
    project_id: str
    title: str
    prompt: str
    priority: int
    agent: str | None
    model: str | None
    check: str | None
    needs: list[str]
    """Tasks that must have an accepted change before a run of this one starts."""
    not_before: datetime | None
    """No run of it starts sooner."""
    schedule_id: str | None
    """The schedule that submitted it."""
    created_at: datetime


class Needs(Shape):
    """What a task waits for."""

    needs: list[Id]
    """Ids of tasks; at most 100."""


class NewTask(Shape):
    """Work to be done. With ``start`` its first run is queued at once."""

    prompt: Said
    """What the agent is to do, in your words; at most 200,000 characters."""
    title: Text = ""
    """At most 200 characters; empty: the first line of the prompt."""
    priority: Annotated[int, Field(ge=-1_000_000, le=1_000_000)] = 0
    """Higher runs first."""
    agent: Name | None = None
    model: Name | None = None
    check: Command | None = None
    needs: list[Id] = Field(default=[])
    """Ids of tasks that must have an accepted change before this one starts; at most 100."""
    not_before: Moment | None = None
    """It does not start sooner; null: at once."""
    start: bool = True
    max_cost_micro: Ceiling = None
    """What the first run's model calls may cost, in micro-dollars; null: the project's limit counts."""


class Change(Shape):
    """What a run produced: ``head`` on top of ``base``."""

    base: str
    head: str
    files: int
    added: int
    deleted: int


class CheckResult(Shape):
    """How the project's check ended on the change."""

    model_config = ConfigDict(extra="ignore")

    command: str
    exit: int | None
    """Null when the check ran into its time limit."""
    seconds: float
    passed: bool


class WaitingFor(Shape):
    """What a run waits for, or will once its worker has put it by."""

    model_config = ConfigDict(extra="ignore")

    why: Literal["budget", "quota"]
    until: datetime | None
    """When that is there by itself; null where somebody must do something."""
    detail: str
    """Why, and what to do."""
    budget: str | None = None
    """The budget's id."""


class Choice(Shape):
    """One of the answers to an agent's question."""

    id: str
    name: str
    allows: bool
    """Whether it gives the agent leave."""


class Question(Shape):
    """What a run's agent asks before it goes on."""

    id: str
    text: str
    choices: list[Choice]


class Answer(Shape):
    """An answer to a question of a run's agent."""

    question: Id
    """The question's id."""
    answer: Name
    """The id of one of its choices."""


class Run(Shape):
    """One attempt of one agent at one task."""

    model_config = ConfigDict(extra="ignore")

    id: str
    project_id: str
    task_id: str
    number: int
    """Counts the task's runs from 1."""
    follows: str | None
    """The run whose change this one went on from."""
    replays: str | None
    """The run whose kept exchanges answer this one."""
    prompt: str
    """What this run was told."""
    agent: str
    model: str
    state: RunState
    reason: Reason | None
    """Why it failed."""
    detail: str
    """The reason in the words of this case."""
    advice: str
    """What to do about the reason; empty when it did not fail."""
    priority: int
    """Among those that wait, a run with a higher one is taken first."""
    stopping: bool
    """Somebody asked it to stop, and it has not yet."""
    pausing: bool
    """Somebody asked it to pause, and it has not yet."""
    base: str | None
    """The commit that the change is measured against."""
    change: Change | None
    check: CheckResult | None
    usage: RunUsage
    waiting_for: WaitingFor | None
    """Null where it waits for nothing, or only for its turn."""
    delivered: str | None
    """The commit in which an accepted change reached the branch."""
    made_by: str
    """Who asked for it, by name; empty for runs of versions before."""
    sandbox: str
    """What confines its agent and its check, in words; empty until it starts."""
    questions: list[Question]
    """What its agent waits for a person to answer."""
    verbs: list[str]
    """What can be done with the run now, of: answer, message, pause, resume, stop, restart, prioritise, accept,
    send_back, reject, retry."""
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


class Submitted(Shape):
    """A task and its first run; the run is null when it was not to start."""

    task: Task
    run: Run | None


class NewRun(Shape):
    """One more attempt at a task; agent and model are chosen as for the first one where left out."""

    agent: Name = ""
    model: Name = ""
    follows: Id | None = None
    """The run whose change to go on from; null: from scratch."""
    max_cost_micro: Ceiling = None
    """What its model calls may cost, in micro-dollars; null: the project's limit counts."""


class RunEdit(Shape):
    """What to change of a run that waits."""

    priority: Annotated[int, Field(ge=-1_000_000, le=1_000_000)]
    """Higher runs first."""


class Retry(Shape):
    """One more attempt at the task of a run that has ended; agent and model are the run's where left out."""

    start: Annotated[
        Literal["work", "scratch"], Field(alias="from", description="Go on from what the run left, or begin anew.")
    ] = "scratch"
    agent: Name = ""
    model: Name = ""


class Words(Shape):
    """Something to say to a run."""

    text: Said


class Verdict(Shape):
    """A reviewer's verdict on a change."""

    verdict: Literal["accept", "send_back", "reject"]
    comment: Text = ""
    """For send_back: what the agent is to do better."""
    strategy: Literal["merge", "squash", "fast-forward"] = "merge"
    """For accept: how the change gets into the branch."""


class FileChange(Shape):
    """One path of a change; counts are null for a binary file."""

    path: str
    status: str
    """added, modified, deleted, renamed or typechange."""
    old_path: str | None
    added: int | None
    deleted: int | None


class Diff(Shape):
    """The files of a change, and the difference as text."""

    files: list[FileChange]
    diff: str
    """A unified diff, of the path that was asked for or of all; empty while there is no change."""


class Event(Shape):
    """One entry of a run's history."""

    run_id: str
    seq: int
    """Counts from 1 within the run, without gaps."""
    offset: int
    """Numbers the events of all runs."""
    time: datetime
    kind: Kind
    data: dict[str, Any]


class StreamParameters(Shape):
    """What the stream is asked for."""

    after: Sequence | None = None
    run: Id | None = None
