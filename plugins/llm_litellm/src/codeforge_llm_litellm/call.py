"""One call of a model: what was asked, for whom, and where it goes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codeforge import Prices
from codeforge_llm_litellm.providers import Source


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """What a model's name stands for: a provider and the provider's own name of the model, or a cassette to replay.

    ``record`` is the cassette's folder that exchanges are written into, where they are. ``max_output`` is how many
    tokens it answers at most, where that is known.
    """

    name: str
    provider: str
    model: str
    source: Source | None = None
    replay: Path | None = None
    record: Path | None = None
    prices: Prices = ()
    max_output: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """A call that was let in. ``body`` is the agent's request; ``wants_usage`` whether it asked for the usage chunk."""

    tenant_id: str
    run_id: str
    project_id: str
    target: Target
    body: dict[str, Any]
    protocol: str = "chat"
    route: str = ""

    @property
    def stream(self) -> bool:
        return bool(self.body.get("stream"))

    @property
    def wants_usage(self) -> bool:
        return bool((self.body.get("stream_options") or {}).get("include_usage"))
