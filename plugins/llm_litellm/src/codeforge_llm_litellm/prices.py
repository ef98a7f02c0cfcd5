"""What calls cost, in integer micro-dollars: from litellm's price map, or from a provider's settings."""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from pathlib import Path
from typing import Any

from codeforge import Model
from codeforge_llm_litellm.transcript import Used

MAP = "model_prices_and_context_window_backup.json"
OWNERS = ("openai", "anthropic", "gemini", "mistral", "azure", "bedrock", "bedrock_converse")
_PREFIXED = ("gemini", "mistral", "azure")  # whose models the map calls "owner/model"
_ABOVE = re.compile(r"input_cost_per_token_above_(\d+)k_tokens")


@dataclass(frozen=True, kw_only=True, slots=True)
class Price:
    """Micro-dollars per million tokens. It holds for calls with more than ``above`` prompt tokens."""

    input: int
    output: int
    cached: int
    written: int
    above: int = 0

    def cost(self, used: Used) -> int:
        """One call in micro-dollars, rounded half up."""
        fresh = max(0, used.prompt - used.cached - used.written)
        sum_ = (
            fresh * self.input + used.cached * self.cached + used.written * self.written + used.completion * self.output
        )
        return (sum_ + 500_000) // 1_000_000


Prices = tuple[Price, ...]
"""The steps of a price, lowest first; empty when the price is unknown."""

FREE: Prices = (Price(input=0, output=0, cached=0, written=0),)


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """What is known of a model besides its name; ``mode`` is "chat" for those that the gateway can serve."""

    window: int | None = None
    max_output: int | None = None
    prices: Prices = ()
    mode: str = ""


def cost(prices: Prices, used: Used) -> int | None:
    """One call in micro-dollars; None when the price is unknown."""
    fitting = [price for price in prices if used.prompt > price.above or not price.above]
    return fitting[-1].cost(used) if fitting else None


def known(owner: str | None, model: str) -> Facts:
    """What the map says of a model of ``owner``; nothing at all when it does not know it."""
    if owner == "ollama":  # runs on one's own machine, but for what Ollama itself calls cloud models
        return Facts(prices=() if model.endswith("cloud") else FREE)
    entry = price_map().get(f"{owner}/{model}" if owner in _PREFIXED else model, {}) if owner else {}
    if str(entry.get("litellm_provider")).removesuffix("_converse") != owner:
        return Facts()
    return Facts(
        window=entry.get("max_input_tokens"),
        max_output=entry.get("max_output_tokens"),
        prices=_steps(entry),
        mode=entry.get("mode") or "",
    )


def of_settings(given: Mapping[str, Any]) -> Prices:
    """A price from a provider's settings: dollars per million tokens, as ``input``, ``output``, perhaps ``cached``."""
    entry = {
        f"{name}_cost_per_token": Decimal(str(given[name])) / 10**6 for name in ("input", "output") if name in given
    }
    if "cached" in given:
        entry["cache_read_input_token_cost"] = Decimal(str(given["cached"])) / 10**6
    return _steps(entry)


def of_listing(pricing: Mapping[str, Any]) -> Prices:
    """A price from a list of models as OpenRouter gives it: dollars per token, as text."""
    names = {"prompt": "input_cost_per_token", "completion": "output_cost_per_token"}
    names |= {"input_cache_read": "cache_read_input_token_cost", "input_cache_write": "cache_creation_input_token_cost"}
    entry = {name: pricing[theirs] for theirs, name in names.items() if pricing.get(theirs) not in (None, "")}
    if any(Decimal(str(value)) < 0 for value in entry.values()):  # "it depends"
        return ()
    return _steps(entry)


def of_model(model: Model) -> Prices:
    """A price from what a source of models says of one."""
    if model.input_price is None or model.output_price is None:
        return ()
    given, answered = model.input_price, model.output_price
    return (Price(input=given, output=answered, cached=given, written=given),)


@cache
def price_map() -> dict[str, dict[str, Any]]:
    """litellm's map of models, the part that is used here. Takes 0.1 s once; litellm itself is not imported."""
    spec = importlib.util.find_spec("litellm")
    path = Path(spec.origin).with_name(MAP) if spec and spec.origin else None
    if not path or not path.exists():
        return {}
    whole = json.loads(path.read_text(encoding="utf-8"))
    return {name: entry for name, entry in whole.items() if entry.get("litellm_provider") in OWNERS}


def _steps(entry: Mapping[str, Any]) -> Prices:
    suffixes = [
        (0, ""),
        *sorted((int(m[1]) * 1000, f"_above_{m[1]}k_tokens") for m in map(_ABOVE.fullmatch, entry) if m),
    ]
    found = [_price(entry, above, suffix) for above, suffix in suffixes]
    return tuple(price for price in found if price) if found[0] else ()


def _price(entry: Mapping[str, Any], above: int, suffix: str) -> Price | None:
    def micro(name: str, otherwise: int) -> int:
        value = entry.get(name + suffix)
        return otherwise if value is None else int((Decimal(str(value)) * 10**12).quantize(Decimal(1), ROUND_HALF_UP))

    given, answered = micro("input_cost_per_token", -1), micro("output_cost_per_token", -1)
    if given < 0 or answered < 0:
        return None
    return Price(
        input=given,
        output=answered,
        cached=micro("cache_read_input_token_cost", given),
        written=micro("cache_creation_input_token_cost", given),
        above=above,
    )
