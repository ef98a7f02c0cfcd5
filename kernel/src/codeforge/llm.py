"""The model offer: where models come from, as people and agents see them, the routes to them, and what calls cost."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Model:
    """A model that people can choose by ``name`` (an alias, or "provider/model").

    Prices are micro-dollars per million tokens, None when unknown; ``window`` and ``max_output`` are tokens.
    ``note`` is shown beside the name ("scripted: answers from a cassette, no model is called").
    """

    name: str
    provider: str
    window: int | None = None
    max_output: int | None = None
    input_price: int | None = None
    output_price: int | None = None
    note: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Provider:
    """Where models come from. ``secret`` is for the gateway alone and never leaves it.

    One without an ``id`` is not stored: a source of models found it, as ``found`` says ("environment", "this machine").
    """

    id: str = ""
    name: str
    kind: str
    base_url: str = ""
    secret: str | None = field(default=None, repr=False)
    settings: dict[str, Any] = field(default_factory=dict)
    found: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class ProviderField:
    """Something that a provider of some kind needs: its "base_url", its "key" (``secret``), or one of its settings.

    Of ``many`` there may be several; in the settings they are a list.
    """

    name: str
    label: str
    example: str = ""
    required: bool = True
    secret: bool = False
    many: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class ProviderKind:
    """A kind of provider, and what people are asked for to add one."""

    name: str
    label: str
    fields: tuple[ProviderField, ...] = ()


FAULTS = ("error", "timeout", "context", "budget")
"""On what a route may fall back: a provider that fails, is limited or does not take its key; one that is silent for too
long; a prompt that is longer than the model's window; a budget that is spent.
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Way:
    """One model of a route, or an alias. Of the ways with a ``weight`` one is drawn for each call, twice as often with
    twice the weight; one of weight 0 is for when another failed. ``first_seconds`` is how long it may take to begin.
    """

    model: str
    weight: int = 1
    first_seconds: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Route:
    """What an alias stands for: ways in order. One that fails by a fault of ``fall_back_on`` gives way to the next."""

    ways: tuple[Way, ...]
    fall_back_on: frozenset[str] = frozenset(FAULTS)

    def __str__(self) -> str:
        drawn = [way for way in self.ways if way.weight]
        shares = [f"{way.model} ({way.weight})" if len(drawn) > 1 else way.model for way in drawn]
        return ", then ".join([" or ".join(shares), *(way.model for way in self.ways if not way.weight)])


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelRequest:
    """A call of a route, before it is known which model answers it.

    ``name`` is the alias that the run uses. ``prompt`` is about how many tokens the request has, ``output`` how many
    the answer may have, None where the agent does not say. ``chance`` is a random number from 0 to below 1, for
    decisions that shall be drawn and yet be pure.
    """

    tenant_id: str
    project_id: str
    run_id: str
    name: str
    prompt: int
    output: int | None
    stream: bool
    tools: bool
    chance: float


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelTarget:
    """A model that may answer a call. ``weight`` is its share of the calls, 0 for one that is for when others failed.

    It should rest until ``rests_until`` (seconds since 1970), because of ``rests_for`` ("answered 429"). ``window`` is
    in tokens, prices are micro-dollars per million tokens; each is None when unknown.
    """

    name: str
    provider: str
    weight: float
    rests_until: float | None = None
    rests_for: str = ""
    window: int | None = None
    input_price: int | None = None
    output_price: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Tokens:
    """What one call used. ``cached`` and ``written`` (to the provider's cache) are part of ``prompt``, and
    ``reasoning`` is part of ``completion``.
    """

    prompt: int = 0
    completion: int = 0
    cached: int = 0
    written: int = 0
    reasoning: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Price:
    """Micro-dollars per million tokens, for calls with more than ``above`` prompt tokens. What None stands for:
    ``cached`` and ``written`` cost what other prompt tokens do, ``reasoning`` what other completion tokens do.

    ``source`` is where it is from: "map" (litellm's), "provider" (its own list) or "settings" (the provider's here).
    """

    input: int
    output: int
    cached: int | None = None
    written: int | None = None
    reasoning: int | None = None
    above: int = 0
    source: str = "map"

    def cost(self, used: Tokens) -> int:
        """One call in micro-dollars, rounded half up."""
        fresh = max(0, used.prompt - used.cached - used.written)
        said = max(0, used.completion - used.reasoning)
        parts = (
            (fresh, self.input),
            (used.cached, self.input if self.cached is None else self.cached),
            (used.written, self.input if self.written is None else self.written),
            (said, self.output),
            (used.reasoning, self.output if self.reasoning is None else self.reasoning),
        )
        return (sum(tokens * price for tokens, price in parts) + 500_000) // 1_000_000

    def dearest(self, prompt: int, completion: int) -> int:
        """What so many tokens cost at most, whatever part of them is cached, written or reasoning; rounded up."""
        given = max(self.input, self.cached or 0, self.written or 0)
        told = max(self.output, self.reasoning or 0)
        return -(-(prompt * given + completion * told) // 1_000_000)


Prices = tuple[Price, ...]
"""The steps of a model's price, lowest ``above`` first; empty: unknown, which is not free."""


def cost(prices: Prices, used: Tokens) -> int | None:
    """One call in micro-dollars; None when the price is unknown."""
    fitting = [price for price in prices if used.prompt > price.above or not price.above]
    return fitting[-1].cost(used) if fitting else None


def worst(prices: Prices, prompt: int, completion: int) -> int | None:
    """What a call costs at most that has at most so many tokens; None when the price is unknown."""
    fitting = [price.dearest(prompt, completion) for price in prices if prompt > price.above or not price.above]
    return max(fitting, default=None)


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelAnswer:
    """An answer that has begun, in the form of OpenAI's chat completions; ``blocks`` are its bytes, cut anywhere.

    They make one JSON object or, with the content type "text/event-stream", events of which the last is [DONE]. With
    ``usage`` in it, its use is "reported", else the gateway counts. A ``status`` from 400 on is an error of that form.
    """

    blocks: AsyncIterator[bytes]
    status: int = 200
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


class Llm(ABC):
    """A source of models behind the gateway. Plugins hand one over with ``register_llms``."""

    name: str

    @abstractmethod
    async def models(self, tenant_id: str) -> list[Model]:
        """The models that this tenant can use now; quick, from a cache where providers must be asked."""

    def answer(self, tenant_id: str, model: str, body: dict[str, Any]) -> AbstractAsyncContextManager[ModelAnswer]:
        """Answer ``body``, a request in the form of OpenAI's chat completions, with the model of this full name.

        Entered when the answer begins; leaving it early ends the call. The gateway serves the models of a source that
        overrides this, in all its protocols and routes, with keys, use and cost as for any other; their prices are
        those of `Model`. Raise `Unavailable` where nothing answers, and nothing was used.
        """
        raise NotImplementedError

    def kinds(self) -> Sequence[ProviderKind]:
        """The kinds of providers that people can add for this source to use."""
        return ()

    async def providers(self, tenant_id: str) -> Sequence[Provider]:
        """The providers that it uses although nobody added them: those of the environment, for instance."""
        return ()

    async def check(self, provider: Provider) -> str:
        """Ask a provider of one of the `kinds`, by a real call, whether it takes its key; gives a sentence on it.

        Raises `Invalid` with one sentence on what is wrong: the key, the address, the network.
        """
        return f"{provider.name} was not asked."

    async def secrets(self, tenant_id: str) -> Sequence[str]:
        """Keys that must never stand in a run's history. Stored providers' are known; name others you use."""
        return ()

    async def close(self) -> None:
        """Give back what is held (connections, child processes)."""
