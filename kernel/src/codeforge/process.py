"""A command under supervision: its lines as they come, and the certainty that nothing of it stays behind."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

from codeforge.sandboxes import Confined

SHIM = str(Path(__file__).with_name("_shim.py"))
_CHUNK = _LINE_LIMIT = 32 * 1024
_BUFFERED = 1000 * _LINE_LIMIT
_STRAY_SECONDS = 1.0
_CLOSE = 0.1
"""Seconds before its time from which on a shim may have acted already."""


class Shim(Protocol):
    """What is asked of a shim, as `asyncio.subprocess.Process` has it."""

    _transport: Any

    @property
    def pid(self) -> int: ...
    @property
    def returncode(self) -> int | None: ...
    @property
    def stdin(self) -> asyncio.StreamWriter | None: ...
    @property
    def stdout(self) -> asyncio.StreamReader | None: ...
    @property
    def stderr(self) -> asyncio.StreamReader | None: ...
    async def wait(self) -> int: ...


class Tether:
    """How long the processes of a run may live without a word from their worker, even one that is frozen.

    Times are those of `time.monotonic`, which all processes of a machine share.
    """

    def __init__(self) -> None:
        self._until: float | None = None
        self._lifelines: set[int] = set()
        self.torn = False
        """Whether some of them were ended because no word came in time."""

    def extend(self, until: float) -> None:
        """Let them live until then."""
        self.torn |= bool(self._lifelines) and self._late()
        self._until = until
        for lifeline in self._lifelines:
            _tell(lifeline, until)

    def tie(self, lifeline: int) -> None:
        """One more shim, which is told through its ``lifeline``."""
        self._lifelines.add(lifeline)
        if self._until is not None:
            _tell(lifeline, self._until)

    def untie(self, lifeline: int) -> None:
        self.torn |= self._late()
        self._lifelines.discard(lifeline)

    def _late(self) -> bool:
        return self._until is not None and time.monotonic() > self._until - _CLOSE


TETHER: ContextVar[Tether | None] = ContextVar("tether", default=None)
"""The tether of all that is started in this context."""
CONFINED: ContextVar[Confined | None] = ContextVar("confined", default=None)
"""The sandbox that all that is started in this context runs in."""


@contextmanager
def confining(confined: Confined | None) -> Iterator[None]:
    """Start what is started within the block inside that sandbox."""
    token = CONFINED.set(confined)
    try:
        yield
    finally:
        CONFINED.reset(token)


def _tell(lifeline: int, until: float) -> None:
    with suppress(BlockingIOError, BrokenPipeError):  # a full pipe has enough to read, a broken one nobody
        os.write(lifeline, f"{until}\n".encode())


class Process:
    """``async with Process(["make", "test"], cwd=folder, env={...}) as process: ...``

    The command runs in a session of its own below a small shim (see ``_shim.py``). Leaving the block,
    by whatever way, stops it: SIGTERM, ``grace`` seconds, SIGKILL to everything below. When this very
    process dies, or when its `TETHER` is not extended in time, the shim does so by itself. The environment
    is exactly ``env``: nothing is inherited. ``stdin`` is what it can read; with ``talk`` more may follow by `write`,
    else its standard input ends there. ``line_limit`` is the length in bytes from which on a line comes in pieces.
    Where the context has a sandbox (`CONFINED`), the command runs inside it, with what that adds to the environment;
    the shim stays outside.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        cwd: Path,
        env: Mapping[str, str],
        stdin: bytes = b"",
        talk: bool = False,
        line_limit: int = _LINE_LIMIT,
        grace: float = 2.0,
    ) -> None:
        self._command, self._cwd, self._env = list(command), cwd, dict(env)
        self._stdin, self._talk, self._grace = stdin, talk, grace
        self._line_limit = line_limit
        self._lifeline: int | None = None
        self._tether: Tether | None = None
        self._lines: asyncio.Queue[tuple[str, str] | None] = asyncio.Queue(max(1, _BUFFERED // line_limit))
        self._readers: list[asyncio.Task[None]] = []
        self._told = 0

    async def __aenter__(self) -> Process:
        theirs, self._lifeline = os.pipe()
        os.set_blocking(self._lifeline, False)
        self._tether = TETHER.get()
        if self._tether:
            self._tether.tie(self._lifeline)
        try:
            self._shim = await self._start(theirs)
        except BaseException:
            self._cut()
            raise
        finally:
            os.close(theirs)
        assert self._shim.stdout
        assert self._shim.stderr
        self._readers = [
            asyncio.create_task(self._read(self._shim.stdout, "stdout")),
            asyncio.create_task(self._read(self._shim.stderr, "stderr")),
            asyncio.create_task(self._feed()),
        ]
        self._ending = asyncio.create_task(self._end_of_lines(self._readers[:2]))
        return self

    async def _start(self, lifeline: int) -> Shim:
        """Start the shim with its end of the lifeline."""
        command, env = self._confined(CONFINED.get())
        return await asyncio.create_subprocess_exec(
            sys.executable, "-I", "-S", SHIM, str(lifeline), str(self._grace), "--", *command,
            cwd=self._cwd, env=env, pass_fds=[lifeline], start_new_session=True,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # type: ignore[return-value]  # fmt: skip  # asyncio hides what is asked of it

    def _confined(self, confined: Confined | None) -> tuple[list[str], dict[str, str]]:
        if confined is None:
            return self._command, self._env
        env = {**self._env, **confined.env}
        return confined.command(self._command, cwd=self._cwd, env=env), env

    @property
    def pid(self) -> int:
        """The shim's process id; everything that the command started is below it."""
        return self._shim.pid

    async def lines(self) -> AsyncIterator[tuple[str, str]]:
        """(stream, line) as they come, "stdout" or "stderr", until both are closed; not UTF-8 is replaced.

        A line longer than ``line_limit``, by default 32 KiB, comes in pieces. Reading slowly slows the command down,
        not this process.
        """
        while (item := await self._lines.get()) is not None:
            yield item

    async def write(self, data: bytes) -> None:
        """Let the command read ``data`` on its standard input; waits while it reads too slowly.

        Only for a command that was started with ``talk``. Raises `ConnectionError` when it reads no more. A
        cancelled `write` may have written all the same.
        """
        assert self._shim.stdin
        if not self._talk or self._shim.stdin.is_closing():
            raise BrokenPipeError("The command's standard input is closed.")
        self._shim.stdin.write(data)
        await self._shim.stdin.drain()

    async def wait(self) -> int:
        """The command's exit code, or 128 + the signal that killed it, once nothing of it is left.

        Read `lines` to their end first: a command that fills a pipe nobody reads does not end.
        """
        while self._shim.returncode is None:  # asyncio's own wait lasts until a stray has closed the pipes too
            with suppress(TimeoutError):
                async with asyncio.timeout(_STRAY_SECONDS):
                    await self._shim.wait()
        code = self._shim.returncode
        return code if code >= 0 else 128 - code

    async def stop(self) -> int:
        """Stop the command and everything below; returns when all of it is gone."""
        self._cut()
        for task in (*self._readers, self._ending):
            task.cancel()
        await asyncio.gather(*self._readers, self._ending, return_exceptions=True)
        drains = [asyncio.create_task(_drain(s)) for s in (self._shim.stdout, self._shim.stderr) if s]
        try:
            async with asyncio.timeout(self._grace + 10):
                return await self.wait()
        except TimeoutError:
            with suppress(ProcessLookupError):
                os.kill(self._shim.pid, signal.SIGKILL)
            return await self.wait()
        finally:
            for drain in drains:
                drain.cancel()
            self._shim._transport.close()  # a stray may hold the pipes; asyncio has no public way

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        stopping = asyncio.ensure_future(self.stop())
        cancelled: asyncio.CancelledError | None = None
        while not stopping.done():  # a cancellation must not leave the command behind
            try:
                await asyncio.shield(stopping)
            except asyncio.CancelledError as caught:
                cancelled = caught
        if cancelled:  # nor may it be forgotten
            raise cancelled

    def _cut(self) -> None:
        if self._lifeline is not None:
            if self._tether:
                self._tether.untie(self._lifeline)
            os.close(self._lifeline)
            self._lifeline = None

    async def _feed(self) -> None:
        assert self._shim.stdin
        with suppress(BrokenPipeError, ConnectionResetError):
            self._shim.stdin.write(self._stdin)
            await self._shim.stdin.drain()
            if not self._talk:
                self._shim.stdin.close()

    async def _end_of_lines(self, readers: list[asyncio.Task[None]]) -> None:
        """Close `lines` when both streams have ended, or when only strays of a shim that was killed hold them open."""
        reading, told = set(readers), -1
        while reading and (self._shim.returncode is None or told != self._told or self._lines.full()):
            told = self._told
            _, reading = await asyncio.wait(reading, timeout=_STRAY_SECONDS)
        for reader in reading:
            reader.cancel()
        await self._lines.put(None)

    async def _read(self, stream: asyncio.StreamReader, name: str) -> None:
        rest = bytearray()
        while chunk := await stream.read(_CHUNK):
            first, *others = chunk.split(b"\n")
            rest += first
            for other in others:
                await self._put(name, rest)
                rest = bytearray(other)
            if len(rest) >= self._line_limit:
                await self._put(name, rest)
                rest = bytearray()
        if rest:
            await self._put(name, rest)

    async def _put(self, name: str, line: bytearray) -> None:
        await self._lines.put((name, line.decode(errors="replace").removesuffix("\r")))
        self._told += 1


async def _drain(stream: asyncio.StreamReader) -> None:
    while await stream.read(_CHUNK):
        pass
