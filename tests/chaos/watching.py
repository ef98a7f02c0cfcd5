"""Clients that watch meanwhile: a poller of states, and followers of the streams that connect again and again."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from chaos.world import World
from codeforge.model import ENDED

POLL_SECONDS = 0.5
QUIET = 20.0
"""Seconds without a word after which a follower takes its connection for dead, as a browser's would."""
FAULTS = (aiohttp.ClientError, OSError, TimeoutError, ValueError)


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """A state that the API showed: asked at ``asked``, answered at ``told`` (both of the monotonic clock).

    ``lease`` is the end of the run's lease in the database at that time, where it could be read.
    """

    run: str
    state: str
    asked: float
    told: float
    lease: float | None = None


@dataclass
class Poller:
    """Asks for the runs that are not over, and once more for each that is over by then."""

    world: World
    seen: list[Seen] = field(default_factory=list)
    _leases: dict[str, float] = field(default_factory=dict)

    async def watch(self) -> None:
        live: set[str] = set()
        while True:
            asked = time.monotonic()
            status, page = await self.world.ask("GET", "/runs?live=true&limit=200")
            if status == 200:
                await asyncio.to_thread(self._read_leases)
                now = {run["id"] for run in page["items"]}
                self._note(page["items"], asked)
                for run_id in live - now:
                    await self.look(run_id)
                live = now
            await asyncio.sleep(POLL_SECONDS)

    async def look(self, run_id: str) -> dict[str, Any]:
        """One run, noted."""
        asked = time.monotonic()
        run: dict[str, Any] = await self.world.surely("GET", f"/runs/{run_id}")
        self._note([run], asked)
        return run

    def _read_leases(self) -> None:
        with suppress(Exception):  # the database is away
            self._leases = dict(self.world.rows("SELECT id, lease_until FROM run WHERE lease_until IS NOT NULL"))

    def _note(self, runs: list[dict[str, Any]], asked: float) -> None:
        told = time.monotonic()
        for run in runs:
            lease = self._leases.get(run["id"])
            self.seen.append(Seen(run=run["id"], state=run["state"], asked=asked, told=told, lease=lease))

    def over(self, run_id: str) -> bool:
        """Whether a run was seen at its end."""
        return any(seen.run == run_id and seen.state in ENDED for seen in self.seen)


class Stream:
    """A follower of everything over the WebSocket, at any server, from where it was."""

    def __init__(self, world: World, after: int) -> None:
        self.world, self.last = world, after
        self.events: list[tuple[int, str, int]] = []
        self.connections = 0

    async def follow(self) -> None:
        while True:
            with suppress(*FAULTS):
                await self._connected(self.world.rng.choice(self.world.urls))
            await asyncio.sleep(0.2)

    async def _connected(self, url: str) -> None:
        address = f"{url}/api/v1/stream?after={self.last}"
        async with asyncio.timeout(5):
            socket = await self.world.http.ws_connect(address, heartbeat=6)
        self.connections += 1
        async with socket:
            async for message in socket:
                if message.type != aiohttp.WSMsgType.TEXT:
                    return
                for event in json.loads(message.data):
                    self.events.append((event["offset"], event["run_id"], event["seq"]))
                    self.last = event["offset"]


class Sse:
    """A follower of one run over server-sent events, with Last-Event-ID."""

    def __init__(self, world: World, run_id: str) -> None:
        self.world, self.run_id = world, run_id
        self.seqs: list[int] = []
        self.connections = 0

    async def follow(self) -> None:
        while True:
            with suppress(*FAULTS):
                await self._connected(self.world.rng.choice(self.world.urls))
            await asyncio.sleep(0.2)

    async def _connected(self, url: str) -> None:
        headers = {"Accept": "text/event-stream", "Last-Event-ID": str(self.seqs[-1] if self.seqs else 0)}
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=QUIET)
        address = f"{url}/api/v1/runs/{self.run_id}/events"
        async with self.world.http.get(address, headers=headers, timeout=timeout) as answer:
            answer.raise_for_status()
            self.connections += 1
            seq = 0
            async for line in answer.content:
                if line.startswith(b"id: "):
                    seq = int(line[4:])
                elif line == b"\n" and seq:
                    self.seqs.append(seq)
                    seq = 0
