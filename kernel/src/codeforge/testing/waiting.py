"""Waiting for what is to come, with a deadline for what will not."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable


async def until(condition: Callable[[], object], what: str = "it", seconds: float = 45.0) -> None:
    """Wait until ``condition`` holds. Raises `AssertionError` with ``what`` was waited for, after ``seconds``."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds:.0f} s in vain for {what}")
        await asyncio.sleep(0.02)
