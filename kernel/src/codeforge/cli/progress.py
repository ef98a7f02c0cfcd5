"""Shows how far long work is, on a terminal and from its third second on."""

from __future__ import annotations

import sys
import time
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING

from codeforge.cli.words import clean, coloured

if TYPE_CHECKING:
    from rich.status import Status

QUIET = 2.0
"""Seconds in which nobody wonders whether anything happens."""


class Progress:
    """``with Progress() as progress: ...`` shows what `tell` was told last."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._status: Status | None = None

    def tell(self, what: str, done: int) -> None:
        """Say what is worked on, and how many rows or bytes of it are done. Any thread may."""
        if time.monotonic() - self._began < QUIET or not sys.stderr.isatty():
            return
        text = clean(what) + (f" [dim]{done:,}[/dim]" if done else "")
        if self._status:
            self._status.update(text)
            return
        from rich.console import Console

        self._status = Console(stderr=True, no_color=coloured() is False).status(text)
        self._status.start()

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._status:
            with suppress(OSError):
                self._status.stop()
