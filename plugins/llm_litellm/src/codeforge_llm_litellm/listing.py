"""What one provider offers, as last heard: asked in the background, so that a provider that is away stops nobody."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from codeforge_llm_litellm.discovery import PATIENCE, Found, ask
from codeforge_llm_litellm.prices import price_map
from codeforge_llm_litellm.providers import Source

if TYPE_CHECKING:
    from aiohttp import ClientSession

FRESH, FAILED = 300.0, 30.0
"""Seconds after which a provider is asked for its models again: after an answer, and after none."""


class Listing:
    """What one provider answered when it was asked for its models, and when."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.found: list[Found] = []
        self.error = ""
        self._until = 0.0
        self._asking: asyncio.Task[None] | None = None

    async def get(self, session: Callable[[], ClientSession]) -> list[Found]:
        """The models as last heard of; waits, shortly, only while nothing was ever heard. Never raises."""
        if time.monotonic() >= self._until and (self._asking is None or self._asking.done()):
            self._asking = asyncio.create_task(self._ask(session()))
        if self._asking and not self._until:
            await asyncio.wait({self._asking}, timeout=PATIENCE)
        return self.found

    async def _ask(self, session: ClientSession) -> None:
        import aiohttp

        try:
            await asyncio.to_thread(price_map)
            async with asyncio.timeout(PATIENCE):
                self.found = await ask(session, self.source)
            self.error, self._until = "", time.monotonic() + FRESH
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError, TypeError) as error:
            self.error = str(error) or f"did not answer within {PATIENCE:g} s"
            self._until = time.monotonic() + FAILED

    async def close(self) -> None:
        """Stop asking."""
        if self._asking:
            self._asking.cancel()
            await asyncio.wait({self._asking})
