"""What waits and why, tenants' limits, and schedules."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import ConfigDict, Field

from codeforge.http.schemas.base import Id, Name, Page, Said, Shape, Text
from codeforge.scheduler import Why

Count = Annotated[int, Field(ge=0, le=1_000_000)]
Rank = Annotated[int, Field(ge=-1_000_000, le=1_000_000)]


class Queued(Shape):
    """A run that waits."""

    model_config = ConfigDict(extra="ignore")

    position: int
    """Counts from 1; the first is taken next, as things are now."""
    run_id: str
    number: int
    task_id: str
    title: str
    project_id: str
    project: str
    """The project's name."""
    agent: str
    model: str
    provider: str
    priority: int
    why: Why
    """Why it waits, for programs."""
    text: str
    """Why it waits, in words."""
    until: datetime | None
    """When that ends by itself; null where it is not a matter of time."""
    created_at: datetime


class Queue(Page[Queued]):
    """A part of the queue, in the order in which runs would be taken."""

    total: int
    """How many wait in all."""
    totals: dict[Why, int]
    """How many wait for each reason."""


class TenantLimits(Shape):
    """How many of all runs may go on at once; what is not named is free."""

    runs: int | None
    """In all; null: no limit."""
    agents: dict[str, int]
    """By agent."""
    providers: dict[str, int]
    """By provider of the model."""


class TenantLimitsEdit(Shape):
    """What to change of the limits; what is left out stays, and null takes a limit away."""

    runs: Count | None = None
    agents: dict[Name, Count | None] = Field(default={})
    providers: dict[Name, Count | None] = Field(default={})


class Schedule(Shape):
    """A task that is submitted again and again."""

    model_config = ConfigDict(extra="ignore")

    id: str
    project_id: str
    name: str
    cron: str
    """Minute, hour, day of month, month, day of week."""
    zone: str
    """The time zone that ``cron`` is read in."""
    prompt: str
    priority: int
    agent: str | None
    model: str | None
    enabled: bool
    next_at: datetime
    """When it comes next, if it is enabled."""
    last_at: datetime | None
    outcome: str
    """What became of the last time."""
    made_by: str
    created_at: datetime


class NewSchedule(Shape):
    """A task to submit again and again."""

    project_id: Id
    name: Annotated[Text, Field(json_schema_extra={"minLength": 1, "maxLength": 100})]
    cron: Annotated[Text, Field(max_length=200)]
    """Minute, hour, day of month, month, day of week; such as 0 6 * * MON-FRI."""
    zone: Annotated[Text, Field(max_length=100)] = "UTC"
    """The time zone that ``cron`` is read in, such as Europe/Berlin."""
    prompt: Said
    priority: Rank = 0
    agent: Name | None = None
    model: Name | None = None
    enabled: bool = True


class ScheduleEdit(Shape):
    """What to change of a schedule; what is left out stays as it is."""

    name: Annotated[Text, Field(json_schema_extra={"minLength": 1, "maxLength": 100})] = ""
    cron: Annotated[Text, Field(max_length=200)] = ""
    zone: Annotated[Text, Field(max_length=100)] = ""
    prompt: Said = ""
    priority: Rank = 0
    agent: Name | None = None
    model: Name | None = None
    enabled: bool = True
