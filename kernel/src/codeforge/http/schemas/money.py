"""What models cost, what may be spent, and what a run will probably take."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from codeforge.http.schemas.base import Name, Shape, Text

Micro = Annotated[int, Field(ge=0, le=10**12)]
Scope = Literal["tenant", "project", "task", "run", "provider"]
Period = Literal["day", "month", "total"]


class PriceStep(Shape):
    """Micro-dollars per million tokens."""

    model_config = ConfigDict(extra="ignore")

    input: int
    output: int
    cached: int | None
    """Prompt tokens that come from the provider's cache; null: as ``input``."""
    written: int | None
    """Prompt tokens that are written to the provider's cache; null: as ``input``."""
    reasoning: int | None
    """Completion tokens that are not shown; null: as ``output``."""
    above: int
    """It holds for calls with more prompt tokens than this."""


class Price(Shape):
    """A version of what a provider's model costs."""

    id: str
    provider: str
    model: str
    """The provider's own name of it; * for all of its models."""
    steps: list[PriceStep]
    source: Literal["map", "provider", "settings", "person"]
    """Where it is from: the map that comes with CodeForge, the provider's list, the provider's settings, or a person,
    who counts before all others."""
    made_by: str
    valid_from: datetime


class PriceEdit(Shape):
    """What a provider's model costs, in micro-dollars per million tokens; 0 and 0 is free."""

    provider: Annotated[Name, Field(min_length=1)]
    model: Annotated[Name, Field(min_length=1)]
    """The provider's own name of it; * for all of its models."""
    input: Micro
    output: Micro
    cached: Micro | None = None
    written: Micro | None = None
    reasoning: Micro | None = None


class Budget(Shape):
    """What model calls may cost."""

    id: str
    scope: Scope
    scope_id: str
    """The id of the project, task or run, or the provider's name; empty for the budget of all projects."""
    period: Period
    limit_micro: int
    spent_micro: int
    """Micro-dollars of the period that goes on now."""
    held_micro: int
    """What is reserved for calls under way."""
    since: datetime | None
    """When the period began; null: from the beginning."""
    until: datetime | None
    """When it ends; null: never."""
    made_by: str
    created_at: datetime


class BudgetEdit(Shape):
    """A budget as it shall be; there is one for each scope and period."""

    scope: Scope
    scope_id: Annotated[Text, Field(max_length=64)] = ""
    """The id of the project, task or run, or the provider's name; empty for the budget of all projects."""
    period: Period = "total"
    limit_micro: Annotated[int, Field(ge=0, le=10**15)]


class Range(Shape):
    """What like runs took."""

    least: float
    typical: float
    """Half of them took less."""
    most: float


class Forecast(Shape):
    """What a run will probably take, from finished runs of the same project, agent and model."""

    agent: str
    model: str
    based_on: int
    """How many runs there are to go by."""
    tokens: Range | None
    """Null with fewer than three runs."""
    cost_micro: Range | None
    """In micro-dollars; null, too, where the price of one is not known."""
    seconds: Range | None
    """Of the agent's work."""
    text: str
    """The same in words, or that there is not enough history."""
