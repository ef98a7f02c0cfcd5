"""Models, the providers they come from, aliases, and what was used."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from codeforge.http.schemas.base import Address, Name, Shape, Text
from codeforge.http.schemas.work import Usage

Grouping = Literal["day", "project", "agent", "model", "provider", "person"]


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
    settings: dict[str, Any] = Field(default={})


class Alias(Shape):
    """A name that people choose, for a model."""

    name: str
    target: str


class AliasEdit(Shape):
    """The model that an alias stands for."""

    target: Annotated[Name, Field(min_length=1)]


class CostSum(Shape):
    """A sum of model calls."""

    model_config = ConfigDict(extra="ignore")

    calls: int
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int
    """Part of the prompts' tokens."""
    cost_micro: int | None
    """Micro-dollars of the calls whose price is known; null when none of them has one."""
    unpriced: int
    """How many of the calls have no known price: they are not in the cost, and not free."""


class Cost(CostSum):
    """A sum of the model calls of one day, project, agent, model, provider or person."""

    key: str
    """The day's date, the project's id, or the name of what else it is; empty: calls of none."""
    name: str
    """As people read it."""


class CostReport(Shape):
    """What model calls cost, in parts and in all."""

    by: Grouping
    since: date | None
    until: date | None
    zone: str
    """The time zone of the days."""
    items: list[Cost]
    total: CostSum


class UsageReport(Shape):
    """Model use of the whole tenant, in all and in parts."""

    total: Usage
    by_model: dict[str, Usage]
    by_provider: dict[str, Usage]
    by_project: dict[str, Usage]
    """By the project's id; calls of no project under the empty name."""
