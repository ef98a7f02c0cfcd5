"""How many tokens a call may have at most, before it is made: what its cost is reserved by.

A token of a prompt is never shorter than a byte, and in text that people and agents write hardly ever shorter than
two: English and code have three to four bytes a token, Chinese and numbers about two. So half of the bytes is taken,
and something for what providers put around the messages. An image is billed by its area, not by the bytes of its file.
"""

from __future__ import annotations

from typing import Any

AROUND = 500
"""Tokens that a provider may add by itself, such as for the use of tools."""
IMAGE = 50_000
"""Tokens that one image has at most; most have 300 to 2,000."""
MOST = 10**9
"""No call has as many tokens."""
_LIMITS = ("max_completion_tokens", "max_tokens", "max_output_tokens")


def of(body: dict[str, Any], most: int) -> tuple[int, int]:
    """Tokens of the prompt and of the completion at most; ``most`` is what the model answers where nobody says."""
    said = [value for name in _LIMITS if isinstance(value := body.get(name), int) and value > 0]
    choices = body.get("n")
    answers = choices if isinstance(choices, int) and choices > 0 else 1
    return min(MOST, _bytes(body) // 2 + AROUND), min(MOST, max(said, default=most) * answers)


def _bytes(value: Any) -> int:
    """The bytes of all texts in ``value``, and a few for what holds them together."""
    total, left = 0, [value]
    while left:
        one = left.pop()
        if isinstance(one, str):
            total += 4 + (len(one) if one.isascii() else len(one.encode(errors="replace")))
        elif isinstance(one, dict):
            if _is_image(one):
                total += min(2 * IMAGE, _bytes(list(one.values())))
                continue
            left += one.keys()
            left += one.values()
        elif isinstance(one, list):
            left += one
        else:
            total += 8
    return total


def _is_image(part: dict[str, Any]) -> bool:
    return str(part.get("type", "")) in ("image", "image_url", "input_image")
