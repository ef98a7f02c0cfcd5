"""Keeps every call's exchange, behind the agents' backs: no answer waits for it."""

from __future__ import annotations

import asyncio
import json
import logging
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from codeforge import CodeForgeError, Forge, Spoken
from codeforge_llm_litellm.call import Call
from codeforge_llm_litellm.cassettes.record import document
from codeforge_llm_litellm.transcript import Transcript, Used

log = logging.getLogger(__name__)
MOST = 512
"""Exchanges that may wait to be written; more come only when the database does not answer."""
TOGETHER = 64
"""Exchanges that are written in one transaction."""
PAUSE = 0.1
"""Seconds between two transactions, for the calls' own ones to come first."""
LAST = 10.0
"""Seconds that the last ones have when the server ends."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ended:
    """A call that is over and written down as ``call_id``."""

    call_id: str
    call: Call
    transcript: Transcript
    used: Used
    cost_micro: int | None
    status: int
    error: str

    def spoken(self) -> Spoken:
        """The exchange, to be kept."""
        found = document(self.call, self.transcript, self.used, self.cost_micro, status=self.status, error=self.error)
        found["fixtures"][0]["codeforge"]["exact"] = True
        text = json.dumps(found, ensure_ascii=False, separators=(",", ":"))
        return Spoken(tenant_id=self.call.tenant_id, run_id=self.call.run_id, call_id=self.call_id, document=text)


class Keeper:
    """Takes exchanges at any time, and writes them while it is `open`."""

    def __init__(self, forge: Forge) -> None:
        self._forge = forge
        self._waiting: deque[Ended] = deque()
        self._left_out = 0
        self._bell, self._ending = asyncio.Event(), asyncio.Event()

    def take(self, ended: Ended) -> None:
        """Keep an exchange soon, if exchanges are kept at all."""
        if not self._forge.settings.keep_exchanges:
            return
        if len(self._waiting) >= MOST:
            self._left_out += 1
            return
        self._waiting.append(ended)
        self._bell.set()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Write what comes while the block lasts, and at its end what waits still."""
        task = asyncio.create_task(self._write())
        try:
            yield
        finally:
            self._ending.set()
            self._bell.set()
            if (await asyncio.wait([task], timeout=LAST))[1]:
                task.cancel()
                log.warning("%d exchanges were not kept: the database was too slow", len(self._waiting))

    async def _write(self) -> None:
        while not self._ending.is_set():
            await self._bell.wait()
            self._bell.clear()
            while self._waiting:
                await self._next()
                with suppress(TimeoutError):
                    async with asyncio.timeout(PAUSE):
                        await self._ending.wait()

    async def _next(self) -> None:
        """Write the oldest ones."""
        if self._left_out:
            log.warning("%d exchanges were not kept: %d others waited already", self._left_out, MOST)
            self._left_out = 0
        some = [self._waiting.popleft() for _ in range(min(TOGETHER, len(self._waiting)))]
        try:
            await self._forge.exchanges.keep(await asyncio.to_thread(lambda: [one.spoken() for one in some]))
        except CodeForgeError as error:
            log.warning("%d exchanges were not kept: %s", len(some), error)
        except Exception:
            log.exception("%d exchanges were not kept", len(some))
