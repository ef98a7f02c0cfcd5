"""The world of a story: servers, workers on hosts of their own, RabbitMQ and PostgreSQL, all of them mortal."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from chaos import agents, network
from chaos.parts import ClockedPostgres, SmallDisk
from codeforge.ids import new_id
from codeforge.testing import Fleet, PrivatePostgres, PrivateRabbit, fleet, free_port, new_repository

Json = dict[str, Any]
ANSWER_SECONDS = 5.0


@dataclass(frozen=True, kw_only=True)
class Size:
    """How big a world is. ``lease`` in seconds; ``slots`` are those of each worker."""

    servers: int = 2
    workers: int = 3
    slots: int = 17
    lease: float = 10.0
    hosts: bool = field(default_factory=network.possible)
    disk: bool = field(default_factory=network.possible)
    clock: bool = ClockedPostgres.possible


class World:
    """What is there, and a way to ask it that bears with servers that are away."""

    def __init__(self, folder: Path, size: Size, rng: random.Random) -> None:
        self.folder, self.size, self.rng = folder, size, rng
        self.witness = folder / "witness"
        self.witness.mkdir()
        self.agent = agents.write_agent(folder)
        self.repository = new_repository(folder / "repository")
        self.network: network.Network | None = None
        self.disk: SmallDisk | None = None
        self.rabbit: PrivateRabbit
        self.postgres: PrivatePostgres
        self.fleet: Fleet
        self.http: aiohttp.ClientSession
        self.urls: list[str] = []
        self.token = ""
        self.project: Json = {}
        self.lines: dict[str, int] = {}
        """How many lines each run's agent was told to write."""

    async def ask(self, method: str, path: str, body: Json | None = None, **headers: str) -> tuple[int, Any]:
        """The first answer that is none of a server in trouble; asks one server after the other, in vain: 0."""
        for url in self.rng.sample(self.urls, len(self.urls)):
            try:
                status, content = await self.ask_at(url, method, path, body, **headers)
            except (aiohttp.ClientError, OSError, TimeoutError):
                continue
            if status < 500:
                return status, content
        return 0, None

    async def ask_at(
        self, url: str, method: str, path: str, body: Json | None = None, **headers: str
    ) -> tuple[int, Any]:
        """One server's answer."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with asyncio.timeout(ANSWER_SECONDS):
            async with self.http.request(method, f"{url}/api/v1{path}", json=body, headers=named) as answer:
                json = answer.content_type.endswith("json")
                return answer.status, await answer.json() if json else await answer.text()

    async def surely(self, method: str, path: str, body: Json | None = None, seconds: float = 60, **h: str) -> Any:
        """The answer that comes at last. Raises `AssertionError` when it is an error or does not come."""
        deadline = time.monotonic() + seconds
        while True:
            status, content = await self.ask(method, path, body, **h)
            if 200 <= status < 300:
                return content
            assert status in (0, 409, 429), f"{method} {path}: {status} {content}"
            assert time.monotonic() < deadline, f"{method} {path}: nobody answered"
            await asyncio.sleep(0.2)

    async def start(self, *, lines: int, pause: float, manner: str = "plain", key: str = "") -> str:
        """Submit a task for the scripted agent until it is accepted; gives its run's id."""
        text = agents.prompt(self.agent, self.witness, lines=lines, pause=pause, manner=manner)
        path = f"/projects/{self.project['id']}/tasks"
        made = await self.surely("POST", path, {"prompt": text}, 300, Idempotency_Key=key or new_id())
        run_id = str(made["run"]["id"])
        self.lines[run_id] = lines
        return run_id

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """What the database itself says."""
        return self.postgres.execute(statement, self.database)

    database = ""


@asynccontextmanager
async def world(
    folder: Path,
    size: Size,
    rng: random.Random,
    *,
    rabbit: PrivateRabbit | None = None,
    postgres: PrivatePostgres | None = None,
) -> AsyncIterator[World]:
    """A world that is up, in the new ``folder``; its every process ends with the block.

    A broker and a database that run already are used as they are (in a world without hosts).
    """
    folder.mkdir(parents=True)
    made = World(folder, size, rng)
    async with AsyncExitStack() as stack:
        if size.hosts:
            made.network = stack.enter_context(network.Network(size.workers))
        address = made.network.address if made.network else "127.0.0.1"
        broker_port = free_port()
        also = f"listeners.tcp.2 = {address}:{broker_port}\nloopback_users = none\n" if made.network else ""
        made.rabbit = rabbit or await _entered(stack, PrivateRabbit(settings=also))
        made.postgres = postgres or await _entered(stack, ClockedPostgres() if size.clock else PrivatePostgres())
        url = made.postgres.new_database()
        made.database = url.rpartition("/")[2]
        settings = {"lease": size.lease, "slots": size.slots, "ring_again": 2, "max_losses": 5, "tidy_seconds": 10}
        given = {name: str(value) for name, value in settings.items()}
        made.fleet = await stack.enter_async_context(
            fleet(folder, database_url=url, broker_url=made.rabbit.url, **given)
        )
        made.http = await stack.enter_async_context(aiohttp.ClientSession())
        for _ in range(size.servers):
            server = await made.fleet.add_server(free_port(), host=address, allow_remote="1")
            made.urls.append(await server.ready())
        made.http.headers["Authorization"] = f"Bearer {made.fleet.servers[0].token()}"
        token = await made.surely("POST", "/tokens", {"name": "chaos", "scopes": ["read", "write", "admin"]})
        made.http.headers["Authorization"] = f"Bearer {token['secret']}"
        if size.disk:
            disk = SmallDisk(folder / f"worker-{size.workers - 1}", 96)
            made.disk = stack.enter_context(disk)
        broker = f"amqp://guest:guest@{address}:{broker_port}/" if made.network else made.rabbit.url
        async with made.fleet.api() as api:
            for number in range(size.workers):
                under = made.network.under(number) if made.network else []
                await made.fleet.add_worker(api, under=under, broker_url=broker, min_free_mb="16")
        about = {"url": str(made.repository), "model": "none", "agent": "shell"}
        made.project = await made.surely("POST", "/projects", about)
        yield made


async def _entered(stack: AsyncExitStack, part: Any) -> Any:
    """Start a part whose start takes seconds, without holding up the loop."""
    await asyncio.to_thread(part.__enter__)
    stack.push_async_callback(asyncio.to_thread, part.__exit__, None, None, None)
    return part
