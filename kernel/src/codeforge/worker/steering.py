"""Words of people for an agent at work: handed to it in mid-turn where it listens, else left for its next turn."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from codeforge.abilities import Ability, By, abilities
from codeforge.agents import AgentBackend, AgentJob
from codeforge.worker.reporter import Reporter

log = logging.getLogger(__name__)
LAST = 0.2
"""Seconds after a turn in which its agent may still be found to have read what was said."""


class Steering:
    """Of one run. ``told`` is how many of the words that were said to it its agent has had, the oldest first."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self._words: Sequence[tuple[str, str]] = ()
        self._more = asyncio.Event()
        self._over = False
        self.told = 0

    def hear(self, words: Sequence[tuple[str, str]]) -> None:
        """All words so far, new ones and such as were heard before."""
        self._words = words
        self._more.set()

    @asynccontextmanager
    async def during(self, agent: AgentBackend, job: AgentJob) -> AsyncIterator[None]:
        """Hand words over while the block lasts, which is the agent's turn."""
        if abilities(agent)[Ability.STEER] != By.AGENT:
            yield
            return
        self._over = False
        telling = asyncio.create_task(self._tell(agent, job))
        try:
            yield
            self._over = True
            self._more.set()
            await asyncio.wait([telling], timeout=LAST)
        finally:
            telling.cancel()
            await asyncio.wait([telling])
            if not telling.cancelled() and (error := telling.exception()):
                log.error("telling run %s what people said failed; what is left waits", job.run_id, exc_info=error)

    async def _tell(self, agent: AgentBackend, job: AgentJob) -> None:
        while not self._over:
            await self._more.wait()
            self._more.clear()
            while len(self._words) > self.told and not self._over:
                if not await agent.steer(job, self._words[self.told][1]):
                    return
                self.told += 1
                await self._reporter.say("The agent was told what was said to it.")
