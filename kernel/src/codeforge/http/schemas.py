"""The shapes of the API: what clients send and get, each field with its meaning.

Times are ISO 8601 in UTC. Money is integer micro-dollars; null means unpriced, which is not free.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Generic, Literal, Self, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from codeforge.events import Kind
from codeforge.model import Reason, RunState

T = TypeVar("T")
BIGGEST = 2**63 - 1


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("remove the NUL character.")
    return text


Text = Annotated[str, AfterValidator(_without_nul), Field(json_schema_extra={"pattern": r"^[^\u0000]*$"})]
Name = Annotated[Text, Field(max_length=200)]
Address = Annotated[Text, Field(max_length=2000)]
Command = Annotated[Text, Field(max_length=10_000)]
Id = Annotated[str, Field(max_length=64)]
Sequence = Annotated[int, Field(ge=0, le=BIGGEST)]


class Shape(BaseModel):
    """Root of all shapes. Unknown fields are refused."""

    model_config = ConfigDict(
        extra="forbid",
        from_attributes=True,
        allow_inf_nan=False,
        defer_build=True,  # a server is asked for a few shapes, and starts without building them all
    )

    @classmethod
    def of(cls, fact: object) -> Self:
        """The shape of a fact."""
        return cls.model_validate(fact)

    def etag(self) -> str:
        """The entity tag for edits with If-Match; empty for what cannot be edited."""
        return ""


class Page(Shape, Generic[T]):
    """A part of a list."""

    items: list[T]
    next: str | None = None
    """Where the list goes on: give it as ``before`` (for events: as ``after``). Null: this was the end."""


# --------------------------------------------------------------------------------------------------
# Projects
# --------------------------------------------------------------------------------------------------


class Limits(Shape):
    """Where a run is cut off."""

    steps: Annotated[int, Field(ge=1, le=10_000)] = 50
    """Model calls."""
    seconds: Annotated[int, Field(ge=1, le=7 * 86_400)] = 3600
    """Seconds of work."""
    cost_micro: Annotated[int, Field(ge=0, le=10**15)] | None = None
    """Micro-dollars; null: no limit."""


class Project(Shape):
    """One repository under management, with its settings."""

    model_config = ConfigDict(extra="ignore")

    id: str
    name: str
    url: str
    """The repository's address, or its path on the server."""
    scm: str
    """The kind of repository."""
    branch: str
    """The branch that changes start from and are delivered to."""
    agent: str
    """The agent of its tasks, unless a task names another."""
    model: str
    """The model of its tasks, unless a task names another; empty: the first that is available."""
    check: str
    """The command that runs on a change before a person looks at it; empty: none."""
    limits: Limits
    created_at: datetime
    version: int
    """Grows with every edit; also the ETag."""

    def etag(self) -> str:
        return f'"{self.version}"'


class NewProject(Shape):
    """A repository to take in; what is left out gets a default from the repository or the settings."""

    url: Address
    name: Annotated[Text, Field(max_length=100)] = ""
    branch: Name = ""
    agent: Name = ""
    model: Name = ""
    check: Command = ""
    limits: Limits | None = None


class ProjectEdit(Shape):
    """What to change of a project; what is left out stays as it is."""

    name: Annotated[Text, Field(min_length=1, max_length=100, pattern=r"\S")] = ""
    branch: Annotated[Name, Field(min_length=1)] = ""
    agent: Annotated[Name, Field(min_length=1)] = ""
    model: Name = ""
    check: Command = ""
    limits: Limits = Limits()


class Place(Shape):
    """The address of a repository to look at."""

    url: Address


class Repository(Shape):
    """What a look at a repository found."""

    model_config = ConfigDict(extra="ignore")

    url: str
    scm: str
    branch: str
    """Its default branch."""
    branches: list[str]
    head: str
    """The commit that the branch is at."""
    dirty: list[str]
    """Paths of a local folder that are not committed, at most 20: agents will not see them."""


class Health(Shape):
    """How something is."""

    name: str
    ok: bool
    detail: str
    fix: str
    """What to do when it is not well."""
    version: str


# --------------------------------------------------------------------------------------------------
# Tasks and runs
# --------------------------------------------------------------------------------------------------


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
    created_at: datetime


class NewTask(Shape):
    """Work to be done. With ``start`` its first run is queued at once."""

    prompt: str
    """What the agent is to do, in your words; at most 200,000 characters."""
    title: Text = ""
    """At most 200 characters; empty: the first line of the prompt."""
    priority: Annotated[int, Field(ge=-1_000_000, le=1_000_000)] = 0
    """Higher runs first."""
    agent: Name | None = None
    model: Name | None = None
    check: Command | None = None
    start: bool = True


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


class Usage(Shape):
    """Model use as the gateway counted it."""

    calls: int
    prompt_tokens: int
    completion_tokens: int
    cost_micro: int | None
    """Micro-dollars; null as soon as one call had no known price."""


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
    stopping: bool
    """Somebody asked it to stop, and it has not yet."""
    base: str | None
    """The commit that the change is measured against."""
    change: Change | None
    check: CheckResult | None
    usage: Usage
    delivered: str | None
    """The commit in which an accepted change reached the branch."""
    verbs: list[str]
    """What can be done with the run now, of: stop, message, accept, send_back, reject, retry."""
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


class Words(Shape):
    """Something to say to a run."""

    text: str


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


class Call(Shape):
    """One model call, as the gateway counted it."""

    model_config = ConfigDict(extra="ignore")

    id: str
    run_id: str | None
    project_id: str | None
    provider: str
    model: str
    status: int
    """The HTTP status of the answer."""
    streamed: bool
    replayed: bool
    """Answered from a cassette: no model was called."""
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int
    cost_micro: int | None
    counted: str
    """Whose figures these are: reported (the provider's), counted (ours) or unpriced."""
    milliseconds: int
    error: str
    created_at: datetime


# --------------------------------------------------------------------------------------------------
# Models, providers, use
# --------------------------------------------------------------------------------------------------


class Model(Shape):
    """A model that can be chosen by its name. Prices are micro-dollars per million tokens, null when unknown."""

    name: str
    provider: str
    window: int | None
    """Tokens that it takes in."""
    max_output: int | None
    input_price: int | None
    output_price: int | None
    note: str


class Provider(Shape):
    """Where models come from. Its key is never given out."""

    name: str
    kind: str
    base_url: str
    has_key: bool
    settings: dict[str, Any]


class ProviderEdit(Shape):
    """A provider as it shall be."""

    kind: Annotated[str, Field(max_length=64, pattern=r"^[a-z0-9._-]+$")]
    """What it speaks, such as openai, anthropic or ollama."""
    base_url: Address = ""
    """Where it is, such as https://host/v1; empty: where its kind usually is."""
    key: Annotated[Text, Field(max_length=10_000, json_schema_extra={"writeOnly": True})] | None = None
    """Its key, which can be set and never read. Null keeps the one there is, an empty text removes it."""
    settings: dict[str, Any] = {}


class Alias(Shape):
    """A name that people choose, for a model."""

    name: str
    target: str


class AliasEdit(Shape):
    """The model that an alias stands for."""

    target: Annotated[Name, Field(min_length=1)]


class UsageReport(Shape):
    """Model use of the whole tenant, in all and in parts."""

    total: Usage
    by_model: dict[str, Usage]
    by_provider: dict[str, Usage]
    by_project: dict[str, Usage]
    """By the project's id; calls of no project under the empty name."""


# --------------------------------------------------------------------------------------------------
# The installation
# --------------------------------------------------------------------------------------------------


class Alive(Shape):
    """The server answers."""

    ok: bool
    version: str


class Plugin(Shape):
    """An installed plugin."""

    name: str
    distribution: str
    version: str
    offers: list[str]
    broken: str
    """Why it could not be loaded; empty when it was."""


Scope = Literal["read", "write", "admin"]


class Token(Shape):
    """A bearer token; its secret is not kept."""

    model_config = ConfigDict(extra="ignore")

    id: str
    name: str
    scopes: list[str]
    created_at: datetime
    expires_at: datetime | None
    used_at: datetime | None
    """When it was last used, to the minute."""


class NewToken(Shape):
    """A token to make."""

    name: Text
    scopes: list[Scope] = ["read", "write"]
    days: Annotated[float, Field(gt=0, le=3650)] | None = None
    """How long it is good; null: until it is revoked."""


class FreshToken(Token):
    """A new token with its secret, which is shown this once."""

    secret: str
