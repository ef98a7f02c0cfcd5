"""The gateway beside LiteLLM's proxy, both before the same provider: added latency, calls per core, memory, streams."""

from __future__ import annotations

import asyncio
import os
import statistics
import time
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import aiohttp
from bench.gateway import MESSAGES, process
from bench.litellm_proxy import proxy
from bench.rows import Row, row

ROUNDS, CALLS, AT_ONCE, STREAMS = 3, 60, 16, 200
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Side:
    """One way to the provider, and what was measured of it; the direct way has no process of its own."""

    name: str
    url: str
    keys: list[str]
    model: str = "talk"
    pid: int = 0
    alone: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    gaps: list[float] = field(default_factory=list)

    async def ask(self, session: aiohttp.ClientSession, number: int, *, paced: bool = False) -> list[float]:
        """The moments at which the call began and at which each piece of the answer came, in seconds."""
        body = {"model": self.model, "messages": MESSAGES, "max_tokens": 200}
        if paced:
            body |= {"stream": True, "user": "paced"}
        moments = [time.perf_counter()]
        head = {"Authorization": f"Bearer {self.keys[number % len(self.keys)]}"}
        async with session.post(f"{self.url}/chat/completions", json=body, headers=head) as answer:
            answer.raise_for_status()
            moments += [time.perf_counter() async for _ in answer.content.iter_any()]
        return moments

    async def latency(self, session: aiohttp.ClientSession) -> None:
        for number in range(CALLS):
            moments = await self.ask(session, number)
            self.alone.append((moments[-1] - moments[0]) * 1000)

    async def load(self, session: aiohttp.ClientSession) -> None:
        """CPU milliseconds of a call, with many under way."""

        async def several() -> None:
            for number in range(CALLS * 4 // AT_ONCE):
                await self.ask(session, number)

        before = self._cpu()
        await asyncio.gather(*(several() for _ in range(AT_ONCE)))
        self.cpu.append((self._cpu() - before) / (CALLS * 4 // AT_ONCE * AT_ONCE))

    async def streams(self, session: aiohttp.ClientSession) -> None:
        """The longest time that each of many streams stood still, in milliseconds."""
        told = await asyncio.gather(*(self.ask(session, number, paced=True) for number in range(STREAMS)))
        self.gaps += [max(after - before for before, after in pairwise(m)) * 1000 for m in told]

    def _cpu(self) -> float:
        total = 0
        for pid in self._tree():
            words = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            total += int(words[11]) + int(words[12])
        return total * 1000 / TICKS

    def memory(self) -> float:
        """MB that its processes took at most."""
        lines = [line for pid in self._tree() for line in Path(f"/proc/{pid}/status").read_text().splitlines()]
        return sum(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024

    def _tree(self) -> list[int]:
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return [self.pid, *map(int, children)]


async def _measured(direct: Side, ours: Side, theirs: Side) -> None:
    sides = (direct, ours, theirs)
    connector, endless = aiohttp.TCPConnector(limit=0, force_close=False), aiohttp.ClientTimeout(total=None)
    async with aiohttp.ClientSession(connector=connector, timeout=endless) as session:
        for side in sides:  # the first calls load what is loaded late
            for number in range(20):
                await side.ask(session, number)
            await side.ask(session, 0, paced=True)
        for _ in range(ROUNDS):  # in turns, so that a drift of the machine meets all
            for side in sides:
                await side.latency(session)
            for side in (ours, theirs):
                await side.load(session)
        for side in sides:
            await side.streams(session)


def measure() -> list[Row]:
    """Each a process of its own; takes about a minute, and another one the first time, for LiteLLM's installation."""
    with (
        process("bench.provider") as (_, [url]),
        process("bench.gateway", url) as (pid, [gateway, *keys]),
        proxy(url) as (peer, secret, other),
    ):
        direct, ours = Side("direct", url, ["any"]), Side("gateway", gateway, keys, "up/talk", pid)
        theirs = Side("LiteLLM proxy", peer, [secret], pid=other)
        asyncio.run(_measured(direct, ours, theirs))
        memory = ours.memory(), theirs.memory()
    bare, fast, slow = (statistics.median(side.alone) for side in (direct, ours, theirs))
    per_core = [1000 / statistics.median(side.cpu) for side in (ours, theirs)]
    rows = [
        row("latency that the gateway adds, p50", fast - bare, "ms", "LiteLLM proxy", slow - bare),
        row("calls per second and core through the gateway", per_core[0], "/s", "LiteLLM proxy", per_core[1]),
        row(f"memory with {STREAMS} streams", memory[0], "MB", "LiteLLM proxy", memory[1]),
    ]
    name = f"longest pause in each of {STREAMS} streams, p99"
    gaps = [statistics.quantiles(side.gaps, n=100)[98] for side in (ours, direct, theirs)]
    return [*rows, row(name, gaps[0], "ms", "direct", gaps[1]), row(name, gaps[0], "ms", "LiteLLM proxy", gaps[2])]
