"""Projects, and what a look at a repository finds."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from codeforge.http.schemas.base import Address, Command, Name, Shape, Text

_CLOCK = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"


class Limits(Shape):
    """Where a run is cut off."""

    steps: Annotated[int, Field(ge=1, le=10_000)] = 50
    """Model calls."""
    seconds: Annotated[int, Field(ge=1, le=7 * 86_400)] = 3600
    """Seconds of work."""
    cost_micro: Annotated[int, Field(ge=0, le=10**15)] | None = None
    """Micro-dollars that a run's model calls may cost, where it has no budget of its own; null: no limit."""
    rounds: Annotated[int, Field(ge=0, le=20)] = 0
    """How often a change that fails the check goes back to its agent, before a person looks at it."""


Megabytes = Annotated[int, Field(ge=1, le=2**31 - 1)]


class Hours(Shape):
    """When a project's runs may start. Hours that end before they start, or when they start, pass midnight."""

    zone: Annotated[Text, Field(max_length=100)]
    """A time zone such as Europe/Berlin."""
    days: list[Annotated[int, Field(ge=0, le=6)]] = Field(default=[0, 1, 2, 3, 4])
    """Days on which they begin; 0 is Monday."""
    start: Annotated[str, Field(json_schema_extra={"pattern": _CLOCK})] = "08:00"
    end: Annotated[str, Field(json_schema_extra={"pattern": _CLOCK})] = "18:00"


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
    labels: list[str]
    """What a worker must have to get its runs."""
    max_runs: int | None
    """How many of its runs go on at once, at most; null: no limit."""
    hours: Hours | None
    """When its runs may start; null: at any time."""
    disk_mb: int | None
    """How much its workspaces may take on a worker's disk, in MB; null: no limit."""
    allowed_hosts: list[str]
    """What its runs may reach from within a sandbox beside the model gateway, such as package indexes."""
    permissions: Literal["allow", "deny", "ask"]
    """What an agent is told that asks leave to do something: yes, no, or what a person answers."""
    created_at: datetime
    version: int
    """Grows with every edit; also the ETag."""

    def etag(self) -> str:
        return f'"{self.version}"'


class WorkerDisk(Shape):
    """What a project takes on the disk of a worker on another machine."""

    name: str
    mb: int


class ProjectDisk(Shape):
    """What a project takes on disks, in bytes."""

    mirror: int
    """The server's copy of the repository, with the work of every run."""
    workspaces: int
    """Of runs at work on the server's machine, and of those whose work could not be kept yet."""
    packs: int
    """Commits in the database."""
    workers: list[WorkerDisk]
    limit_mb: int | None
    """What it may take of one worker's disk, in MB; null: no limit."""


class NewProject(Shape):
    """A repository to take in; what is left out gets a default from the repository or the settings."""

    url: Annotated[Address, Field(json_schema_extra={"minLength": 1})]
    name: Annotated[Text, Field(max_length=100)] = ""
    branch: Name = ""
    agent: Name = ""
    model: Name = ""
    check: Command = ""
    limits: Limits | None = None
    disk_mb: Megabytes | None = None
    permissions: Literal["allow", "deny", "ask"] = "allow"


class ProjectEdit(Shape):
    """What to change of a project; what is left out stays as it is."""

    name: Annotated[Text, Field(min_length=1, max_length=100, pattern=r"\S")] = ""
    branch: Annotated[Name, Field(min_length=1)] = ""
    agent: Annotated[Name, Field(min_length=1)] = ""
    model: Name = ""
    check: Command = ""
    limits: Limits = Limits()
    labels: Annotated[list[Name], Field(max_length=32)] = Field(default=[])
    max_runs: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    hours: Hours | None = None
    disk_mb: Megabytes | None = None
    allowed_hosts: Annotated[list[Name], Field(max_length=100)] = Field(default=[])
    """Each a name (example.org), all below one (.example.org), a name with a port, or an address with its port."""
    permissions: Literal["allow", "deny", "ask"] = "allow"


class Place(Shape):
    """The address of a repository to look at."""

    url: Annotated[Address, Field(json_schema_extra={"minLength": 1})]


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
