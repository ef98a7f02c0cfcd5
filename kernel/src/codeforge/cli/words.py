"""Words for people: lines on stderr, figures in their units, and nothing in a text that could steer the terminal."""

from __future__ import annotations

import os
import re
import sys
from typing import TextIO

import click

_SEQUENCES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def coloured() -> bool | None:
    """Whether to write colours: None leaves it to the terminal."""
    return False if os.environ.get("NO_COLOR") else None


def say(text: str, *, colour: str | None = None, bold: bool = False) -> None:
    """One line on stderr, so that stdout holds results only."""
    try:
        click.secho(text, err=True, fg=colour, bold=bold or None, color=coloured())
    except OSError:  # nobody reads them any more: the results still count
        silence(sys.stderr)


def silence(stream: TextIO) -> None:
    """Throw away what is still written to a stream that nobody reads."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def clean(text: str) -> str:
    """The text without terminal sequences and control characters (lines and tabs stay): agents write what they like."""
    return _CONTROLS.sub("\N{REPLACEMENT CHARACTER}", _SEQUENCES.sub("", text))


def money(micro: int | None) -> str:
    """Micro-dollars in words."""
    if micro is None:
        return "unpriced"
    return f"${micro / 1_000_000:.2f}" if micro >= 100_000 or not micro else f"${micro / 1_000_000:.4f}"


def duration(seconds: float) -> str:
    """Seconds in words."""
    whole = int(seconds)
    if whole >= 3600:
        return f"{whole // 3600}h{whole % 3600 // 60:02}m"
    return f"{whole // 60}m{whole % 60:02}s" if whole >= 60 else f"{whole}s"


def shortened(text: str, width: int = 60) -> str:
    """The text, cut with a sign of it."""
    return text if len(text) <= width else text[: width - 1] + "…"


def count(number: int, noun: str) -> str:
    """A number with its noun, which takes an s for many."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
