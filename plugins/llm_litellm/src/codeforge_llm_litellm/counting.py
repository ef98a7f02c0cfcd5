"""Our own estimate of how many tokens a request or a text has, in whichever protocol it is asked."""

from __future__ import annotations

import json
from typing import Any

PARTS = ("system", "instructions", "messages", "input", "tools", "functions")
"""The fields of a request that a model reads, in all protocols together."""
PICTURE = 1600
"""Tokens for which a picture is counted, about what the largest ones cost with any provider."""


def estimate(text: str) -> int:
    """About how many tokens a text is: one for four bytes, which holds for English, code and most tokenizers."""
    return -(-len(text.encode(errors="replace")) // 4)


def tokens(body: dict[str, Any]) -> int:
    """About how many tokens the model is given to read."""
    bare, pictures = _bare(body)
    return estimate(json.dumps(bare, ensure_ascii=False)) + PICTURE * pictures


def _bare(body: dict[str, Any]) -> tuple[list[Any], int]:
    """The parts of a request without the bytes of its pictures and files, and how many of these there were."""
    pictures = 0

    def walked(value: Any) -> Any:
        nonlocal pictures
        if isinstance(value, list):
            return [walked(one) for one in value]
        if isinstance(value, dict):
            if value.get("type") == "base64" and isinstance(value.get("data"), str):
                pictures += 1
                return {name: one for name, one in value.items() if name != "data"}
            return {name: walked(one) for name, one in value.items()}
        if isinstance(value, str) and value.startswith("data:") and ";base64," in value[:100]:
            pictures += 1
            return "data:"
        return value

    return [walked(body[name]) for name in PARTS if body.get(name) is not None], pictures
