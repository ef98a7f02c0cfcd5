"""Shows how far long work is, on a terminal and from its third second on."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from codeforge.cli.words import clean, coloured

if TYPE_CHECKING:
    from rich.status import Status

T = TypeVar("T")
QUIET = 2.0
"""Seconds in which nobody wonders whether anything happens."""


def worked(work: Callable[[Progress], Coroutine[Any, Any, T]]) -> T:
    """Do long work to its end, and show how far it is. Ctrl-C and a polite kill end it, and it cleans up first."""

    async def watched() -> T:
        task = asyncio.ensure_future(work(progress))
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:
                asyncio.get_running_loop().add_signal_handler(number, task.cancel)
        return await task

    with Progress() as progress:
        try:
            return asyncio.run(watched())
        except asyncio.CancelledError:
            raise KeyboardInterrupt from None


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
