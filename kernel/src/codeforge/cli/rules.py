"""Rules as people type them: hours, days of the week, dollars, and limits that may be none."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import click

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
NONE = "none"


def number_or_none(text: str, option: str) -> int | None:
    """A whole number, or None for "none"."""
    if text == NONE:
        return None
    if not text.isascii() or not text.isdecimal() or len(text) > 9:
        raise click.UsageError(f'{option} takes a whole number, or "{NONE}".')
    return int(text)


def dollars_of(text: str, option: str) -> int:
    """Dollars as people type them (2, 0.25, $1.5), in micro-dollars."""
    try:
        micro = (Decimal(text.removeprefix("$")) * 10**6).quantize(Decimal(1), ROUND_HALF_UP)
    except ArithmeticError:
        micro = Decimal(-1)
    if not 0 <= micro <= 10**15:
        raise click.UsageError(f"{option} takes dollars, such as 2 or 0.25.")
    return int(micro)


def hours_of(before: dict[str, Any] | None, hours: str | None, days: str | None, zone: str | None) -> Any:
    """A project's hours after a change of what was given; None for "none"."""
    if hours == NONE:
        return None
    made = dict(before or {"zone": "UTC"})
    if hours:
        made["start"], dash, made["end"] = hours.partition("-")
        if not dash:
            raise click.UsageError(f'--hours takes two times, such as 08:00-18:00, or "{NONE}".')
    if days:
        made["days"] = sorted({day for text in days.lower().split(",") for day in _span(text.strip())})
    if zone:
        made["zone"] = zone
    return made


def _span(text: str) -> range | list[int]:
    first, dash, last = text.partition("-")
    last = last if dash else first
    if first[:3] not in DAYS or last[:3] not in DAYS:
        raise click.UsageError("--days takes days such as mon-fri, or mon,wed,sun.")
    start, end = DAYS.index(first[:3]), DAYS.index(last[:3])
    return range(start, end + 1) if start <= end else [*range(start, 7), *range(end + 1)]
