"""The seeded monkey: which part it hurts, how and for how long follows from the seed alone."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from chaos.messages import Tamperer
from chaos.parts import ClockedPostgres
from chaos.world import World
from codeforge.testing import Spawned
from codeforge.worker.folder import MARK

Fault = Callable[[], Awaitable[None]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Hurt:
    """One fault: what, whom, and from when to when it lasted (monotonic clock)."""

    kind: str
    target: str
    began: float
    ended: float


@dataclass
class Monkey:
    """Hurts parts that are whole; several may be down at once, each one only once."""

    world: World
    rng: random.Random
    say: Callable[[str], None]
    hurts: list[Hurt] = field(default_factory=list)
    killed_agents: set[str] = field(default_factory=set)
    messages: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._busy: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._tamperer = Tamperer(self.world.rabbit.url, self.rng)
        self._faults: dict[str, Callable[[], tuple[str, Fault] | None]] = {
            "kill server": self._kill_server,
            "kill worker": self._kill_worker,
            "kill agent": self._kill_agent,
            "kill broker": self._kill_broker,
            "kill database": self._kill_database,
            "freeze server": self._freeze_server,
            "freeze worker": self._freeze_worker,
            "cut network": self._cut,
            "double messages": lambda: self._tamper("double"),
            "drop messages": lambda: self._tamper("drop"),
            "keep messages": lambda: self._tamper("keep"),
            "replay messages": self._replay,
            "fill disk": self._fill,
            "jump clock": self._jump,
        }

    async def rage(self, count: int, pause: float, weights: dict[str, int]) -> None:
        """Do ``count`` faults, on average ``pause`` seconds apart."""
        kinds = [kind for kind in weights for _ in range(weights[kind])]
        while len(self.hurts) + len(self._tasks) < count:
            await asyncio.sleep(self.rng.uniform(0.2, 1.8) * pause)
            kind = self.rng.choice(kinds)
            if chosen := self._faults[kind]():
                target, fault = chosen
                if target not in self._busy:
                    task = asyncio.create_task(self._hurt(kind, target, fault))
                    self._tasks.add(task)
                    task.add_done_callback(self._tasks.discard)

    async def rest(self) -> None:
        """Return when everything is whole again, and the clock right. Raises what could not be mended."""
        await asyncio.gather(*self._tasks)
        if isinstance(self.world.postgres, ClockedPostgres):
            self.world.postgres.set_right()

    async def leave(self) -> None:
        """Stop in the middle of everything."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _hurt(self, kind: str, target: str, fault: Fault) -> None:
        self._busy.add(target)
        self.say(f"{kind}: {target}")
        began = time.monotonic()
        try:
            await fault()
        finally:
            self._busy.discard(target)
            self.hurts.append(Hurt(kind=kind, target=target, began=began, ended=time.monotonic()))

    @property
    def _lease(self) -> float:
        return self.world.size.lease

    def _server(self) -> tuple[str, Spawned]:
        number = self.rng.randrange(len(self.world.fleet.servers))
        return f"server-{number}", self.world.fleet.servers[number]

    def _worker(self) -> tuple[str, Spawned]:
        number = self.rng.randrange(len(self.world.fleet.workers))
        return f"worker-{number}", self.world.fleet.workers[number]

    def _kill_server(self) -> tuple[str, Fault]:
        name, server = self._server()

        async def fault() -> None:
            await server.signal(signal.SIGKILL)
            await asyncio.sleep(self.rng.uniform(0, 2))
            await server.start()
            while not (server.folder / "server.json").exists():
                if not server.running:  # the database was away for longer than it waits
                    await server.start()
                await asyncio.sleep(0.05)

        return name, fault

    def _kill_worker(self) -> tuple[str, Fault]:
        name, worker = self._worker()

        async def fault() -> None:
            await worker.signal(signal.SIGKILL)
            await asyncio.sleep(self.rng.choice((0, 0, 1, 2 * self._lease)))
            times = worker.said().count("is ready for") + 1
            await worker.start()
            deadline = time.monotonic() + 60
            while worker.said().count("is ready for") < times and time.monotonic() < deadline:
                if not worker.running:
                    await worker.start()
                await asyncio.sleep(0.1)

        return name, fault

    def _kill_agent(self) -> tuple[str, Fault] | None:
        agents = _agents(self.world.folder)
        if not agents:
            return None
        pid, folder = self.rng.choice(agents)

        async def fault() -> None:
            self.killed_agents.add(folder)
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

        return f"agent {folder}", fault

    def _kill_broker(self) -> tuple[str, Fault]:
        async def fault() -> None:
            await asyncio.to_thread(self.world.rabbit.kill)
            await asyncio.sleep(self.rng.choice((0, 0, 3, 8)))
            await asyncio.to_thread(self.world.rabbit.start)

        return "broker", fault

    def _kill_database(self) -> tuple[str, Fault]:
        async def fault() -> None:
            await asyncio.to_thread(self.world.postgres.kill)
            await asyncio.sleep(self.rng.choice((0, 0, 1, 4)))
            await asyncio.to_thread(self.world.postgres.start)

        return "database", fault

    def _freeze_server(self) -> tuple[str, Fault]:
        name, server = self._server()
        return name, lambda: self._freeze(server)

    def _freeze_worker(self) -> tuple[str, Fault]:
        name, worker = self._worker()
        return name, lambda: self._freeze(worker)

    async def _freeze(self, process: Spawned) -> None:
        await process.signal(signal.SIGSTOP)
        try:
            await asyncio.sleep(self._lease * self.rng.choice((0.3, 0.7, 1.5, 2.5)))
        finally:
            await process.signal(signal.SIGCONT)

    def _cut(self) -> tuple[str, Fault] | None:
        network = self.world.network
        if network is None:
            return None
        number = self.rng.randrange(len(self.world.fleet.workers))

        async def fault() -> None:
            await asyncio.to_thread(network.cut, number)
            try:
                await asyncio.sleep(self._lease * self.rng.choice((0.3, 0.7, 1.5, 2.5)))
            finally:
                await asyncio.to_thread(network.mend, number)

        return f"cable-{number}", fault

    def _tamper(self, what: str) -> tuple[str, Fault]:
        async def fault() -> None:
            self.messages[what] += await asyncio.to_thread(self._tamperer.take, what, self.rng.uniform(0.5, 2))

        return "messages", fault

    def _replay(self) -> tuple[str, Fault]:
        async def fault() -> None:
            self.messages["replay"] += await asyncio.to_thread(self._tamperer.replay)

        return "messages", fault

    def _fill(self) -> tuple[str, Fault] | None:
        disk = self.world.disk
        if disk is None:
            return None

        async def fault() -> None:
            await asyncio.to_thread(disk.fill)
            try:
                await asyncio.sleep(self.rng.uniform(1, 6))
            finally:
                disk.empty()

        return "disk", fault

    def _jump(self) -> tuple[str, Fault] | None:
        clock = self.world.postgres
        if not isinstance(clock, ClockedPostgres):
            return None

        async def fault() -> None:
            clock.jump(self.rng.choice((-7200, -600, -20, 20, 600, 7200)))
            await asyncio.sleep(self._lease)  # it is seen within a second; then nobody takes runs for half a lease

        return "clock", fault


def _agents(folder: Path) -> list[tuple[int, str]]:
    """Living agents of this world: process id, and the name of the run's folder ("<run>-<generation>")."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                words = (entry / "cmdline").read_bytes().split(b"\0")
                if str(folder / "agent.py").encode() in words:
                    mark = marked((entry / "environ").read_bytes())
                    found.append((int(entry.name), mark.rpartition("/")[2]))
    return sorted(found, key=lambda pair: pair[1])


def marked(environ: bytes) -> str:
    """The run folder that a process belongs to; "" when to none."""
    for entry in environ.split(b"\0"):
        if entry.startswith(f"{MARK}=".encode()):
            return entry.partition(b"=")[2].decode()
    return ""
