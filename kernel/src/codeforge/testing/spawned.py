"""A fleet inside a test: servers and workers as processes of their own, to be killed, frozen and started again."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp

from codeforge.testing.house import Api
from codeforge.testing.server import announce

START_SECONDS = 60.0


class Spawned:
    """One process of the fleet: ``name`` is its data folder's, what it prints is in ``<folder>/output``.

    ``under`` are the words of a command that becomes the process, such as nsenter's.
    """

    def __init__(self, folder: Path, words: list[str], env: Mapping[str, str], under: Sequence[str] = ()) -> None:
        self.folder, self._words, self._env, self._under = folder, words, env, under
        self.process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "output").open("ab") as output:
            self.process = await asyncio.create_subprocess_exec(
                *self._under, sys.executable, "-m", "codeforge", *self._words, env=self._env,
                stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=output,
            )  # fmt: skip

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.returncode is None

    async def signal(self, number: int) -> None:
        """Send a signal; one that kills is waited for."""
        assert self.process
        with suppress(ProcessLookupError):
            self.process.send_signal(number)
        if number == signal.SIGKILL:
            await self.process.wait()

    async def end(self) -> int:
        """An orderly end at once; gives the exit code."""
        if self.process is None:
            return 0
        for number in (signal.SIGCONT, signal.SIGTERM, signal.SIGTERM):
            await self.signal(number)
            await asyncio.sleep(0.05)
        try:
            async with asyncio.timeout(40):
                return await self.process.wait()
        except TimeoutError:
            await self.signal(signal.SIGKILL)
            return -signal.SIGKILL

    def said(self) -> str:
        """All that it has printed."""
        return (self.folder / "output").read_text(errors="replace")


class ServerProcess(Spawned):
    """`codeforge serve` (or `up`)."""

    async def start(self) -> None:
        (self.folder / "server.json").unlink(missing_ok=True)
        await super().start()

    async def ready(self) -> str:
        """Wait until it answers; gives its address."""
        file = self.folder / "server.json"
        async with asyncio.timeout(START_SECONDS):
            while not file.exists() or not file.read_text():
                assert self.running, f"the server ended at once: {self.said()}"
                await asyncio.sleep(0.02)
        return str(json.loads(file.read_text())["url"])

    def token(self) -> str:
        return (self.folder / "cli-token").read_text().strip()


class Fleet:
    """Servers and workers on one database and one broker, with the stand-ins installed; see `fleet`."""

    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        self.folder = folder
        plugins = folder / "plugins"
        if not plugins.exists():
            announce(plugins, "stand_ins", "codeforge.testing.stand_ins:stand_ins")
        mine = {f"CODEFORGE_{name.upper()}": value for name, value in settings.items()}
        unconfined = {"CODEFORGE_SANDBOX": "none"}
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("CODEFORGE_")}
        self._env = {**inherited, "PYTHONPATH": str(plugins), "CODEFORGE_DEFAULT_AGENT": "shell", **unconfined, **mine}
        self.servers: list[ServerProcess] = []
        self.workers: list[Spawned] = []
        self._secrets: list[str] = []
        self._urls: list[str] = []

    async def add_server(self, port: int, *, working: bool = False, **settings: str) -> ServerProcess:
        """One more server on ``port``, once it answers."""
        env = self._settings(f"server-{len(self.servers)}", {"port": str(port), **settings})
        words = ["up" if working else "serve"]
        server = ServerProcess(Path(env["CODEFORGE_DATA_DIR"]), words, env)
        self.servers.append(server)
        await server.start()
        self._urls.append(await server.ready())
        self._secrets.append(server.token())
        return server

    async def add_worker(self, api: Api, *labels: str, under: Sequence[str] = (), **settings: str) -> Spawned:
        """Register one more worker through ``api`` and start it (see `Spawned`), once it is ready."""
        name = f"worker-{len(self.workers)}"
        made = await api.post("/workers", {"name": name, "labels": list(labels)})
        given = {"server_url": ",".join(self._urls), "token": made["secret"], "database_url": "", **settings}
        env = self._settings(name, given)
        worker = Spawned(Path(env["CODEFORGE_DATA_DIR"]), ["worker"], env, under)
        self.workers.append(worker)
        await worker.start()
        await self.worker_ready(worker)
        return worker

    async def worker_ready(self, worker: Spawned, times: int = 1) -> None:
        """Wait until a worker has said, for the so many-th time, that it is ready."""
        async with asyncio.timeout(START_SECONDS):
            while worker.said().count("is ready for") < times:
                assert worker.running, f"the worker ended at once: {worker.said()}"
                await asyncio.sleep(0.02)

    def _settings(self, name: str, settings: Mapping[str, Any]) -> dict[str, str]:
        given = {f"CODEFORGE_{key.upper()}": str(value) for key, value in settings.items()}
        return {**self._env, "CODEFORGE_DATA_DIR": str(self.folder / name), **given}

    @asynccontextmanager
    async def api(self, number: int = 0) -> AsyncIterator[Api]:
        """A client of one of the servers, with every scope."""
        headers = {"Authorization": f"Bearer {self._secrets[0]}"}
        async with aiohttp.ClientSession(headers=headers) as http:
            yield Api(http, self._urls[number])

    async def end(self) -> None:
        """End every process in order, workers first."""
        await asyncio.gather(*(worker.end() for worker in self.workers))
        await asyncio.gather(*(server.end() for server in self.servers))


@asynccontextmanager
async def fleet(folder: Path, **settings: str) -> AsyncIterator[Fleet]:
    """A fleet with these settings in every process (database_url, broker_url, lease, ...); ended with the block."""
    async with AsyncExitStack() as stack:
        made = Fleet(folder, {"key_file": str(folder / "secret.key"), **settings})
        stack.push_async_callback(made.end)
        yield made
