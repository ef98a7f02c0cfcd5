"""The processes that execute runs."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import ConfigDict, Field

from codeforge.http.schemas.base import Shape, Text

Label = Annotated[Text, Field(json_schema_extra={"pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$"})]


class Worker(Shape):
    """A process that executes runs."""

    model_config = ConfigDict(extra="ignore")

    id: str
    name: str
    local: bool
    """It is part of a server, and has no token of its own."""
    alive: bool
    """It gave word within the last seconds."""
    draining: bool
    """It finishes what it has and takes no more."""
    labels: list[str]
    host: str
    version: str
    agents: list[str]
    slots: int
    """How many runs it works on at once."""
    runs: list[str]
    """The runs that it holds now."""
    load: float
    """Its machine's load, per core."""
    disk: dict[str, Any]
    """What it said last of its disk, in MB."""
    created_at: datetime
    seen_at: datetime | None
    """When it gave word last."""


class NewWorker(Shape):
    """A worker to register."""

    name: Label
    labels: list[Label] = Field(default=[])
    """What projects can ask for; only a worker that has all of a project's labels takes its runs."""


class FreshWorker(Worker):
    """A new worker with its token, which is shown this once."""

    secret: str


class WorkerEdit(Shape):
    """What can be changed of a worker."""

    draining: bool
