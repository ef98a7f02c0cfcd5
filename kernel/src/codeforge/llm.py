"""The model offer: where models come from, as people and agents see them."""

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
