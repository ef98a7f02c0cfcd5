"""Finds Ollama and LM Studio on this machine by themselves, without holding anybody up."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from codeforge_llm_litellm.providers import Source

if TYPE_CHECKING:
    from aiohttp import ClientSession

FOUND = "this machine"
PLACES = (("ollama", "http://127.0.0.1:11434", "/api/version"), ("lmstudio", "http://127.0.0.1:1234/v1", "/models"))
"""Kinds, which are their names too, where they listen, and what they answer with a JSON object."""
PATIENCE = 0.25
"""Seconds that one may take to answer, and that the first list waits for that; later ones do not wait."""
FRESH = 30.0
"""Seconds after which it is looked again."""


class Machine:
    """What was found on this machine when it was last looked."""

    def __init__(self, session: Callable[[], ClientSession], places: Sequence[tuple[str, str, str]] = PLACES) -> None:
        self._session, self._places = session, places
        self._found: list[Source] = []
        self._until = 0.0
        self._looking: asyncio.Task[None] | None = None

    async def sources(self) -> list[Source]:
        """The providers that answer here."""
        if time.monotonic() >= self._until and (self._looking is None or self._looking.done()):
            self._looking = asyncio.create_task(self._look())
        if self._looking and not self._until:
            await asyncio.wait({self._looking}, timeout=PATIENCE)
        return self._found

    async def _look(self) -> None:
        answers = await asyncio.gather(*(self._answers(base + path) for _, base, path in self._places))
        self._found = [
            Source(name=kind, kind=kind, base_url=base, found=FOUND)
            for (kind, base, _), answered in zip(self._places, answers, strict=True)
            if answered
        ]
        self._until = time.monotonic() + FRESH

    async def _answers(self, url: str) -> bool:
        import aiohttp

        try:
            async with asyncio.timeout(PATIENCE), self._session().get(url, allow_redirects=False) as response:
                return response.status == 200 and isinstance(await response.json(), dict)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
            return False

    async def close(self) -> None:
        """Stop looking."""
        if self._looking:
            self._looking.cancel()
            await asyncio.wait({self._looking})
