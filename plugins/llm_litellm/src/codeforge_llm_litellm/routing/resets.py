"""Reads from a refusal when a provider's limit is over, in all the forms in which providers write it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

LONGEST = 40 * 86400.0
"""Seconds: a limit that is said to last longer is none, but a misread one."""
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PART = r"(\d+(?:\.\d+)?)(ms|s|m|h|d)"
_DURATION = re.compile(rf"(?:{_PART})+")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_RESET = re.compile(r"(x-ratelimit|anthropic-ratelimit)-(?:reset-?(.*)|(.+)-reset)")
_IN_BODY = re.compile(rb'\\?"retryDelay\\?":\s*\\?"(\d+(?:\.\d+)?)s')  # Google's, also within another error's text


def reset(headers: Mapping[str, str], body: bytes, now: float) -> float | None:
    """When to ask again, in seconds since 1970; None where the refusal does not say."""
    head = {name.lower(): value.strip() for name, value in headers.items()}
    if _NUMBER.fullmatch(milliseconds := head.get("retry-after-ms", "")):
        return _sane(now + float(milliseconds) / 1000, now)
    told = moment(head.get("retry-after", ""), now) or _of_limits(head, now)
    if told is None and (found := _IN_BODY.search(body)):
        told = now + float(found[1])
    return _sane(told, now)


def moment(text: str, now: float) -> float | None:
    """A time as a header gives it: "30", "6m0s", seconds or milliseconds since 1970, RFC 3339 or an HTTP date."""
    if _NUMBER.fullmatch(text):
        value = float(text)
        return now + value if value < 10**9 else value if value < 10**11 else value / 1000
    if _DURATION.fullmatch(text):
        return now + sum(float(number) * _UNITS[unit] for number, unit in re.findall(_PART, text))
    try:
        found = datetime.fromisoformat(text) if "T" in text and text[:1].isdecimal() else parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def _of_limits(head: Mapping[str, str], now: float) -> float | None:
    """The last reset of the limits of which nothing remains; where all have something left, the first of them."""
    spent: list[float] = []
    left: list[float] = []
    for name, value in head.items():
        if (found := _RESET.fullmatch(name)) and (when := moment(value, now)):
            family, which, other = found.groups()
            remaining = _remaining(head, family, which or other or "")
            (left if remaining else spent).append(when)
    return max(spent) if spent else min(left, default=None)


def _remaining(head: Mapping[str, str], family: str, which: str) -> bool:
    names = (f"{family}-remaining-{which}", f"{family}-{which}-remaining", f"{family}-remaining")
    told = next((head[name] for name in names if name in head), "0")
    return bool(_NUMBER.fullmatch(told)) and float(told) > 0


def _sane(when: float | None, now: float) -> float | None:
    return when if when is not None and now < when < now + LONGEST else None
