"""The engine for providers that need translation: litellm, in a child process that is started when first needed."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import sys
import tempfile
from collections import deque
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from codeforge import Process
from codeforge_llm_litellm.call import Call
from codeforge_llm_litellm.engine import BASE, EXTRA, KEY, READY, SECRET
from codeforge_llm_litellm.engines import Answer, Engine
from codeforge_llm_litellm.engines.http import post
from codeforge_llm_litellm.trouble import Trouble

if TYPE_CHECKING:
    from aiohttp import ClientSession

START = 120.0
"""Seconds within which the child must be ready: it imports litellm, which takes 4 s on a quiet machine."""
GRACE = 0.5
"""Seconds that the child gets to end by itself; it has nothing to lose."""
VERSIONS = {"gemini": "/v1beta"}
"""What litellm expects behind an address, where it does not put it there itself."""
PASSED_ON = ("PATH", "LANG", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")


class Litellm(Engine):
    """Talks to the child over a socket in a private folder, with a secret of this start.

    A provider's key travels with each request over that socket; it is in no environment and no argument.
    """

    def __init__(self) -> None:
        self._child: _Child | None = None
        self._starting = asyncio.Lock()

    @property
    def pid(self) -> int | None:
        """The process above the child, while one runs."""
        return self._child.process.pid if self._child and self._child.alive else None

    @asynccontextmanager
    async def answer(self, call: Call) -> AsyncIterator[Answer]:
        source = call.target.source
        assert source
        child = await self._ready()
        base = f"{source.base}{VERSIONS.get(source.kind, '')}"
        headers = {SECRET: child.secret, KEY: source.bearer, BASE: base, EXTRA: json.dumps(source.extra)}
        body = {**call.body, "model": f"{source.kind}/{call.target.model}"}
        async with post(child.session, "http://engine/chat/completions", headers, body, source) as answer:
            yield answer

    async def _ready(self) -> _Child:
        async with self._starting:
            if self._child and not self._child.alive:
                await self.close()
            if not self._child:
                child = _Child()
                try:
                    await child.start()
                except BaseException:
                    await child.stop()
                    raise
                self._child = child
            return self._child

    async def close(self) -> None:
        """End the child."""
        if child := self._child:
            self._child = None
            await child.stop()


class _Child:
    def __init__(self) -> None:
        self.secret = secrets.token_urlsafe(32)
        self._stack = AsyncExitStack()
        self._ready = asyncio.Event()
        self._last: deque[str] = deque(maxlen=5)

    @property
    def alive(self) -> bool:
        return not self._reader.done()

    async def start(self) -> None:
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="codeforge-engine-")))
        # a socket's path may have 107 bytes, which a data folder easily has
        socket = folder / "socket"
        command = [sys.executable, "-I", "-m", "codeforge_llm_litellm.engine", str(socket)]
        env = {name: os.environ[name] for name in PASSED_ON if name in os.environ} | {"HOME": str(folder)}
        process = Process(command, cwd=folder, env=env, stdin=self.secret.encode(), grace=GRACE)
        self.process = await self._stack.enter_async_context(process)
        self._reader = asyncio.create_task(self._read())
        self.session = await self._stack.enter_async_context(_session(socket))
        ready = asyncio.create_task(self._ready.wait())
        await asyncio.wait({ready, self._reader}, timeout=START, return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        if not self._ready.is_set():
            said = " ".join(self._last) or "it said nothing"
            raise Trouble(502, "engine_failed", f"The litellm engine did not start: {said[-500:]}")

    async def _read(self) -> None:
        async for _, line in self.process.lines():
            self._last.append(line.strip())
            if line == READY:
                self._ready.set()

    async def stop(self) -> None:
        await self._stack.aclose()
        if reader := getattr(self, "_reader", None):
            reader.cancel()
            with suppress(asyncio.CancelledError):
                await reader


def _session(socket: Path) -> ClientSession:
    from aiohttp import ClientSession, DummyCookieJar, UnixConnector

    return ClientSession(connector=UnixConnector(str(socket), limit=0), cookie_jar=DummyCookieJar())
