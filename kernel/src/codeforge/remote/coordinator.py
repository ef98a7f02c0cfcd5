"""The coordinator as a worker on another machine sees it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import asdict, replace
from typing import Any

from codeforge import wire
from codeforge.coordination import NOTHING_KNOWN, Assignment, Coordinator, Known, Orders, Unheard
from codeforge.errors import CodeForgeError, Conflict, Fenced, Forbidden, NotFound, Unavailable
from codeforge.events import AgentEvent
from codeforge.model import Change, Project, Run, RunState
from codeforge.queues import Queue
from codeforge.remote.door import PATIENCE, Door
from codeforge.vault import digest

ANSWERED = 10.0
"""Seconds after which a report that no server has answered is sent once more."""
REFUSALS = {error.slug: error for error in (Fenced, Unheard, Conflict, NotFound, Forbidden)}
Key = tuple[str, int]


class RemoteCoordinator(Coordinator):
    """Claims, renewals and what is large go over HTTP; reports through the queue, until a server says it has them."""

    def __init__(self, door: Door, queue: Queue, worker: str, token: str) -> None:
        self._door, self._queue, self._worker, self._secret = door, queue, worker, digest(token)
        self._sent: dict[Key, tuple[int, asyncio.Future[None]]] = {}

    async def claim(self, worker: str) -> Assignment | None:
        given = await self._door.bytes("POST", "/claim", json={})
        if given is None:
            return None
        return replace(wire.ASSIGNMENT.validate_json(given), gateway=f"{self._door.url}/llm/v1")

    async def renew(
        self,
        run_id: str,
        generation: int,
        wait: float = 0.0,
        known: Known = NOTHING_KNOWN,
        *,
        patience: float | None = None,
    ) -> Orders:
        asked = {"generation": generation, "wait": wait, "known": known}
        limit = wait + min(PATIENCE, patience or PATIENCE)
        told = await self._door.bytes("POST", f"/runs/{run_id}/renew", wait=limit, once=True, json=asked)
        orders = wire.ORDERS.validate_json(told or b"")
        number, answer = self._sent.get((run_id, generation), (0, None))
        if answer and not answer.done() and orders.reported >= number:
            answer.set_result(None)
        return orders

    async def report(
        self,
        run_id: str,
        generation: int,
        events: Iterable[AgentEvent] = (),
        *,
        number: int | None = None,
        state: RunState | None = None,
        words_seen: int | None = None,
        **facts: Any,
    ) -> None:
        assert number is not None, "reports over a network are numbered"
        report = wire.Report(
            run_id=run_id,
            generation=generation,
            number=number,
            events=tuple(events),
            state=state,
            words_seen=words_seen,
            facts=facts,
        )
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sent[run_id, generation] = number, answer
        try:
            await self._queue.report(wire.seal(report, self._worker, self._secret))
            async with asyncio.timeout(ANSWERED):
                await answer
        except TimeoutError as error:
            raise Unavailable(f"No server has answered report {number} of run {run_id} yet.") from error
        finally:
            del self._sent[run_id, generation]

    def hear(self, news: dict[str, Any]) -> None:
        """A server's answer to a report."""
        number, answer = self._sent.get((news.get("run", ""), news.get("generation", 0)), (0, None))
        if answer is None or answer.done() or news.get("number") != number:
            return
        if slug := news.get("slug"):
            refusal: type[CodeForgeError] = REFUSALS.get(slug, Conflict)
            answer.set_exception(refusal(str(news.get("detail", ""))))
        else:
            answer.set_result(None)

    async def remember(self, run_id: str, generation: int, memory: bytes) -> None:
        query = {"generation": str(generation)}
        await self._door.bytes("PUT", f"/runs/{run_id}/memory", wait=60, params=query, data=memory)

    async def describe(self, run_id: str) -> tuple[Run, Project] | None:
        try:
            told = await self._door.bytes("GET", f"/runs/{run_id}")
        except NotFound:
            return None
        return wire.ABOUT.validate_json(told or b"")

    async def forgotten(self, project_ids: Iterable[str]) -> list[str]:
        try:
            told: list[str] = await self._door.json("POST", "/forgotten", json={"projects": sorted(project_ids)})
        except NotFound:  # a server of the version before
            return []
        return told

    async def saved(self, run_id: str, ref: str, change: Change) -> None:
        await self._door.json("POST", f"/runs/{run_id}/saved", json={"ref": ref, **asdict(change)})
