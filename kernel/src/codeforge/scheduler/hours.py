"""A project's hours: whether its runs may start now, and when they may next; in its own time zone."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from codeforge.errors import Invalid
from codeforge.model import Hours

_CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
_zone = lru_cache(maxsize=64)(ZoneInfo)


def check_zone(name: str, field: str) -> str:
    """The name, if it is one of a time zone. Raises `Invalid`."""
    try:
        _zone(name)
    except (KeyError, ValueError, OSError):  # not found, or no name at all: a path, a folder
        raise Invalid(
            f"There is no time zone {name[:80]!r}: give one such as Europe/Berlin or UTC.", field=field
        ) from None
    return name


def check_hours(given: Hours) -> Hours:
    """The hours, if they can be. Raises `Invalid`."""
    check_zone(given.zone, "hours.zone")
    for name in ("start", "end"):
        if not _CLOCK.fullmatch(getattr(given, name)):
            raise Invalid(f"The hours' {name} is a time of day such as 08:00.", field=f"hours.{name}")
    if not given.days or not set(given.days) <= set(range(7)):
        raise Invalid("The hours' days are numbers from 0 (Monday) to 6 (Sunday), at least one.", field="hours.days")
    return given


def is_open(hours: Hours, now: float) -> bool:
    """Whether runs may start at ``now``. Hours that end before they start, or when they start, pass midnight."""
    here = datetime.fromtimestamp(now, _zone(hours.zone))
    clock, today, yesterday = here.time(), here.weekday() in hours.days, (here.weekday() - 1) % 7 in hours.days
    start, end = time.fromisoformat(hours.start), time.fromisoformat(hours.end)
    if start < end:
        return today and start <= clock < end
    return (today and clock >= start) or (yesterday and clock < end)


def opens_at(hours: Hours, now: float) -> float | None:
    """When runs may start next, after ``now``; None for hours that never come."""
    zone, start = _zone(hours.zone), time.fromisoformat(hours.start)
    today = datetime.fromtimestamp(now, zone).date()
    for later in range(9):
        day = today + timedelta(days=later)
        if day.weekday() in hours.days:
            opens = datetime.combine(day, start, zone).astimezone(UTC).timestamp()
            if opens > now:
                return opens
    return None
