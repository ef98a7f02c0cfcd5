"""Models, the providers they come from, aliases, and what was used."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import ConfigDict, Field, model_validator

from codeforge import llm
from codeforge.http.schemas.base import Address, Moment, Name, Shape, Text
from codeforge.http.schemas.usage import Usage

Fault = Literal["error", "timeout", "context", "budget"]

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


class ProviderHealth(Shape):
    """How a provider has been doing in the last seven days."""

    calls: int
    errors: float | None
    """The share of calls that failed, 0 to 1; null without calls."""
    latency: int | None
    """The median of its answers, in milliseconds."""
    answered_at: Moment | None
    failed_at: Moment | None
    error: str
    """What it said when it failed last."""


class Provider(Shape):
    """Where models come from. Its key is never given out."""

    name: str
    kind: str
    base_url: str
    has_key: bool
    settings: dict[str, Any]
    found: str
    """Where it was found, such as environment or this machine; empty: it was added."""
    health: ProviderHealth


class ProviderField(Shape):
    """Something that a provider of a kind needs: base_url, key, or the setting of this name."""

    name: str
    label: str
    example: str
    required: bool
    secret: bool
    """It is never shown again."""
    many: bool
    """There may be several: in the settings they are a list."""


class ProviderKind(Shape):
    """A kind of provider, and what is asked for to add one."""

    name: str
    label: str
    fields: list[ProviderField]


class ProviderEdit(Shape):
    """A provider as it shall be."""

    kind: Annotated[str, Field(max_length=64, pattern=r"^[a-z0-9._-]+$")]
    """One of the kinds at /provider-kinds, such as openai, anthropic or ollama."""
    base_url: Address = ""
    """Where it is, such as https://host/v1; empty: where its kind usually is."""
    key: Annotated[Text, Field(max_length=10_000, json_schema_extra={"writeOnly": True})] | None = None
    """Its key, which can be set and never read. Null keeps the one there is, an empty text removes it."""
    settings: dict[str, Any] = Field(default={})


class Way(Shape):
    """One model of a route."""

    model: Annotated[Name, Field(min_length=1)]
    """A model, or another alias."""
    weight: Annotated[int, Field(ge=0, le=1000)] = 1
    """Of the models with a weight one is drawn for each call; one of weight 0 is for when another failed."""
    first_seconds: Annotated[float, Field(gt=0, le=3600)] | None = None
    """Seconds that it has to begin its answer; null: as its provider is set."""


class Route(Shape):
    """What an alias stands for. After a model that fails by a fault of ``fall_back_on``, the next one is asked."""

    ways: Annotated[list[Way], Field(min_length=1, max_length=50)]
    fall_back_on: Annotated[list[Fault], Field(max_length=10)] = Field(default=[*get_args(Fault)])
    """error: it fails, is limited or takes no key; timeout: it does not begin in time; context: the prompt is longer
    than its window; budget: a budget is spent."""

    @classmethod
    def of(cls, fact: object) -> Self:
        """The shape of a route, its faults in order."""
        assert isinstance(fact, llm.Route)
        faults: list[Fault] = [fault for fault in get_args(Fault) if fault in fact.fall_back_on]
        return cls(ways=[Way.of(way) for way in fact.ways], fall_back_on=faults)

    def fact(self) -> llm.Route:
        """The route."""
        ways = tuple(llm.Way(**way.model_dump()) for way in self.ways)
        return llm.Route(ways=ways, fall_back_on=frozenset(self.fall_back_on))


class Alias(Shape):
    """A name that people choose, for a model or a route of models."""

    name: str
    target: str
    """The first model of its route."""
    route: Route
    project_id: str | None = None
    """The project that has it for itself; null: it is the tenant's."""

    @classmethod
    def made(cls, name: str, route: llm.Route, project_id: str | None = None) -> Alias:
        """The shape of an alias."""
        return cls(name=name, target=route.ways[0].model, route=Route.of(route), project_id=project_id)


class AliasEdit(Shape):
    """What an alias stands for: the model ``target``, or a ``route``."""

    target: Annotated[Name, Field(min_length=1)] | None = None
    route: Route | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.target is None) == (self.route is None):
            raise ValueError("give either a target or a route.")
        return self


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


class Try(Shape):
    """A prompt to try a model with."""

    model: Annotated[Name, Field(min_length=1)]
    """A model or an alias."""
    prompt: Annotated[Text, Field(min_length=1, max_length=2000)] = "Say hello in one short sentence."
    project_id: Annotated[str, Field(max_length=64)] = ""
    """The project whose aliases count; empty: the tenant's."""


class Trial(Shape):
    """How a model answered."""

    ok: bool
    model: str
    """The model that answered, or was asked last."""
    answer: str
    detail: str
    """Why there is no answer; empty where there is one."""
    milliseconds: int
    usage: Usage


class UsageReport(Shape):
    """Model use of the whole tenant, in all and in parts."""

    total: Usage
    by_model: dict[str, Usage]
    by_provider: dict[str, Usage]
    by_project: dict[str, Usage]
    """By the project's id; calls of no project under the empty name."""
