"""The model offer: where models come from, as people and agents see them, and the routes that calls take to them."""

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
