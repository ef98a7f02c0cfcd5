"""What calls cost, in integer micro-dollars: from litellm's price map, or from a provider's settings."""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from pathlib import Path
from typing import Any

from codeforge import Model, Price, Prices

MAP = "model_prices_and_context_window_backup.json"
OWNERS = ("openai", "anthropic", "gemini", "mistral", "azure", "bedrock", "bedrock_converse")
_PREFIXED = ("gemini", "mistral", "azure")  # whose models the map calls "owner/model"
_NAMES = {
    "input": "input_cost_per_token",
    "output": "output_cost_per_token",
    "cached": "cache_read_input_token_cost",
    "written": "cache_creation_input_token_cost",
    "reasoning": "output_cost_per_reasoning_token",
}
"""The parts of a price as `Price` has them, and as the map names them."""
_LISTED = {"prompt": "input", "completion": "output", "input_cache_read": "cached", "input_cache_write": "written"}
_LISTED["internal_reasoning"] = "reasoning"
_ABOVE = re.compile(r"input_cost_per_token_above_(\d+)k_tokens")


FREE: Prices = (Price(input=0, output=0),)


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """What is known of a model besides its name; ``mode`` is "chat" for those that the gateway can serve."""

    window: int | None = None
    max_output: int | None = None
    prices: Prices = ()
    mode: str = ""


def known(owner: str | None, model: str) -> Facts:
    """What the map says of a model of ``owner``; nothing at all when it does not know it.

    What runs on one's own machine is no exception: that it costs nothing is for a person to say.
    """
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
    """A price from a provider's settings: dollars per million tokens, by the names in `_NAMES`."""
    entry = {name: Decimal(str(given[ours])) / 10**6 for ours, name in _NAMES.items() if ours in given}
    return _from("settings", _steps(entry))


def of_listing(pricing: Mapping[str, Any]) -> Prices:
    """A price from a list of models as OpenRouter gives it: dollars per token, as text."""
    entry = {_NAMES[ours]: pricing[theirs] for theirs, ours in _LISTED.items() if pricing.get(theirs) not in (None, "")}
    if any(Decimal(str(value)) < 0 for value in entry.values()):  # "it depends"
        return ()
    return _from("provider", _steps(entry))


def _from(source: str, prices: Prices) -> Prices:
    return tuple(replace(price, source=source) for price in prices)


def of_model(model: Model) -> Prices:
    """A price from what a source of models says of one."""
    if model.input_price is None or model.output_price is None:
        return ()
    return (Price(input=model.input_price, output=model.output_price, source="provider"),)


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
    parts: dict[str, Any] = {}
    for ours, name in _NAMES.items():
        if (value := entry.get(name + suffix)) is not None:
            parts[ours] = int((Decimal(str(value)) * 10**12).quantize(Decimal(1), ROUND_HALF_UP))
    if parts.get("input", -1) < 0 or parts.get("output", -1) < 0:
        return None
    return Price(**parts, above=above)
