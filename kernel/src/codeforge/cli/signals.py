"""Ctrl-C and a polite kill, taken as wishes: looked at where it suits, so that nothing is left half done."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from types import FrameType, TracebackType
from typing import Any

LOOK = 0.5
"""Seconds between two looks for a signal."""
WISHES = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Wishes:
    """Inside the block a signal to end is remembered instead of raised; ``again`` is called at each further one."""

    def __init__(self, again: Callable[[], None]) -> None:
        self._again = again
        self._came: SimpleQueue[int] = SimpleQueue()
        self._before: dict[int, Any] = {}
        self.to_end = False

    def __enter__(self) -> Wishes:
        heard = [number for number in WISHES if signal.getsignal(number) is not signal.SIG_IGN]  # as nohup wants it
        self._before = {number: signal.signal(number, self._note) for number in heard}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def wait(self, seconds: float | None = None) -> bool:
        """Wait for the first wish to end, at most ``seconds``; whether it came."""
        deadline = time.monotonic() + (seconds if seconds is not None else float("inf"))
        while not self.to_end and (left := deadline - time.monotonic()) > 0:
            with suppress(Empty):  # a signal that another thread was given wakes nobody: Python sees it at a next step
                self._came.get(timeout=min(left, LOOK))
        return self.to_end

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.to_end:
            self._again()
            return
        self.to_end = True
        self._came.put(number)
