"""Facts for the log: a sentence with named values, what it is about, and the secrets that may never stand in it.

How a line is written is the journal's matter (`codeforge.cli.journal`); this is what the rest of CodeForge calls.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

ABOUT: ContextVar[Mapping[str, object]] = ContextVar("about", default={})  # noqa: B039 (never changed in place)
"""What everything that is logged now is about: a run, its generation and worker, or a request."""

SHORTEST = 8
"""Characters of a secret: what is shorter would blank words that are none."""
_OURS = re.compile(r"\bcf(?:tok|ses|link|run|wrk|key)_[A-Za-z0-9_-]{8,}")
_IN_ADDRESS = re.compile(r"(://[^\s/@:]*:)[^\s/@]+(?=@)")
_hidden: set[str] = set()


@contextmanager
def about(**facts: object) -> Iterator[None]:
    """Everything that is logged within is about ``facts``."""
    token = ABOUT.set({**ABOUT.get(), **facts})
    try:
        yield
    finally:
        ABOUT.reset(token)


def tell(log: logging.Logger, sentence: str, *, level: int = logging.INFO, **facts: object) -> None:
    """One fact as one line: ``tell(log, "run ended", run=id, state=state)``. Values that are None are left out."""
    log.log(level, "%s", sentence, extra={"facts": {name: value for name, value in facts.items() if value is not None}})


def hide(secret: str | None) -> None:
    """Never write ``secret`` into a log of this process."""
    if secret and len(secret) >= SHORTEST:
        _hidden.add(secret)


def redact(text: str) -> str:
    """``text`` without known secrets, without our own tokens and without passwords in addresses."""
    for secret in sorted(_hidden, key=len, reverse=True):
        text = text.replace(secret, "•••")
    return _IN_ADDRESS.sub(r"\1•••", _OURS.sub("•••", text))
