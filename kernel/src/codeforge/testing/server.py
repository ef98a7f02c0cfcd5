"""A CodeForge in a process of its own, to be killed and started again."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import aiohttp

from codeforge.testing.house import Api

START_SECONDS = 30.0


def announce(folder: Path, name: str, target: str) -> Path:
    """Make ``folder`` a place for PYTHONPATH in which a plugin is installed: entry point ``name`` names ``target``."""
    info = folder / f"{name}-0.1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.1\n")
    (info / "entry_points.txt").write_text(f"[codeforge]\n{name} = {target}\n")
    return folder


class Server:
    """``async with Server(data_dir) as api: ...`` runs `codeforge up`, by default with the stand-ins installed and no
    sandbox, so that scripted agents reach what their test looks at.
    """

    def __init__(self, data_dir: Path, *, env: Mapping[str, str] | None = None) -> None:
        self._data_dir = data_dir
        plugins = data_dir.parent / "plugins"
        if not plugins.exists():
            announce(plugins, "stand_ins", "codeforge.testing.stand_ins:stand_ins")
        settings = {"DATA_DIR": str(data_dir), "PORT": "0", "DEFAULT_AGENT": "shell", "SANDBOX": "none"}
        mine = {f"CODEFORGE_{name}": value for name, value in settings.items()}
        self._env = {**os.environ, "PYTHONPATH": str(plugins), **mine, **(env or {})}

    async def start(self) -> Api:
        """Start the server; gives a client of it once it answers."""
        file = self._data_dir / "server.json"
        file.unlink(missing_ok=True)
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "codeforge", "up", env=self._env,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        async with asyncio.timeout(START_SECONDS):
            while not file.exists() or not file.read_text():
                assert self._process.returncode is None, "the server ended at once"
                await asyncio.sleep(0.02)
        token = (self._data_dir / "cli-token").read_text().strip()
        self._http = aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"})
        return Api(self._http, json.loads(file.read_text())["url"])

    async def kill(self) -> None:
        """kill -9."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> int:
        """An orderly end; gives the exit code."""
        return await self._end(signal.SIGTERM)

    async def _end(self, number: int) -> int:
        await self._http.close()
        with suppress(ProcessLookupError):
            self._process.send_signal(number)
        return await self._process.wait()

    async def __aenter__(self) -> Api:
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        await self.stop()
