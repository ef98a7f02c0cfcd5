"""The model offer: where models come from, as people and agents see them, and what their calls cost."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass


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


class Llm(ABC):
    """A source of models behind the gateway. Plugins hand one over with ``register_llms``."""

    name: str

    @abstractmethod
    async def models(self, tenant_id: str) -> list[Model]:
        """The models that this tenant can use now; quick, from a cache where providers must be asked."""

    async def secrets(self, tenant_id: str) -> Sequence[str]:
        """Keys that must never stand in a run's history. Stored providers' are known; name others you use."""
        return ()

    async def close(self) -> None:
        """Give back what is held (connections, child processes)."""
