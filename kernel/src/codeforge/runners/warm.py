"""Runs that start in a second: forked from a parent that has imported the agent already (see `agent_side`)."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import shutil
import socket
import struct
import subprocess
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path

from codeforge.process import CONFINED, SHIM, Process, Shim

IDLE = 900.0
"""Seconds without a run after which a parent ends, to free its memory; the next run brings another up."""
IMPORTING = 180.0
"""Seconds that a parent may need to import everything."""
FORKING = 1.0
"""Seconds for which a stop waits for a fork to end that has just begun; an importing parent has made none yet."""
ROOM = 16 * 1024
"""Bytes for a run's environment."""
INSIDE = 256
"""What a run's process tells when it is where it should be, in its sandbox or in none; no exit code is as high."""
NOBODY = 65534
SEALS = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
_LENGTH = struct.Struct("!I")


class ColdError(Exception):
    """There is no warm start for this run, for this reason: start it cold."""


class WarmParent:
    """One agent's parent process; it starts with the first run that asks, and again when it has ended.

    ``command`` starts it, with the end of a control socket behind. The parent sees nothing of any run. It dies with
    this process; the runs that were forked from it have shims of their own and do not depend on it.
    """

    def __init__(self, command: Sequence[str], *, home: Path) -> None:
        self._command, self._home = list(command), home
        self._control: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._end: weakref.finalize[[socket.socket, subprocess.Popen[bytes]], WarmParent] | None = None

    def __reduce__(self) -> tuple[Callable[[], WarmParent], tuple[()]]:
        """Another process has a parent of its own."""
        return partial(WarmParent, self._command, home=self._home), ()

    def fork(self) -> socket.socket:
        """A connection to a fork of its own. Raises `ColdError`."""
        ours, theirs = socket.socketpair()
        why: OSError | None = None
        with theirs:
            for _ in range(2):
                try:
                    socket.send_fds(self._running(), [b"+"], [theirs.fileno()])
                except OSError as error:
                    self.close()  # it has ended, because it was idle or because it could not start
                    why = error
                else:
                    return ours
        ours.close()
        raise ColdError(f"its warm parent cannot start: {why}")

    @property
    def program(self) -> Path:
        """What it is started by."""
        return Path(self._command[0])

    def close(self) -> None:
        """End the parent; runs that were forked from it go on."""
        if self._end:
            self._end()

    def _running(self) -> socket.socket:
        if self._process is None or self._process.poll() is not None or self._control is None:
            self.close()
            with _sealed(self.program) as program:
                self._control, theirs = socket.socketpair()
                with theirs:
                    self._process = subprocess.Popen(
                        [*self._command, str(theirs.fileno()), SHIM, str(IDLE)], executable=program,
                        cwd="/", env=self._env(), pass_fds=[theirs.fileno()], start_new_session=True,
                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                    )  # fmt: skip
            self._end = weakref.finalize(self, _end, self._control, self._process)
        return self._control

    def _env(self) -> dict[str, str]:
        """Of no run: its forks write theirs over it. HOME is a folder that nobody has."""
        return {
            "PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(self._home), "LANG": "C.UTF-8",
            "CODEFORGE_ROOM": "." * ROOM,
        }  # fmt: skip


@contextmanager
def _sealed(program: Path) -> Iterator[str]:
    """A path to a copy of ``program`` in memory which nobody can write to.

    What moves into a sandbox keeps its way to the program that it runs: ``/proc/self/exe``, past all mounts. It must
    not be the file that others run.
    """
    with program.open("rb") as source, os.fdopen(os.memfd_create(program.name, os.MFD_ALLOW_SEALING), "wb") as copy:
        shutil.copyfileobj(source, copy, 1 << 20)
        copy.flush()
        os.fchmod(copy.fileno(), 0o555)
        if os.geteuid() == 0:
            os.fchown(copy.fileno(), NOBODY, NOBODY)  # so that its rights and times are nobody's to change
        fcntl.fcntl(copy, fcntl.F_ADD_SEALS, SEALS)
        yield f"/proc/{os.getpid()}/fd/{copy.fileno()}"


def _end(control: socket.socket, process: subprocess.Popen[bytes]) -> None:
    control.close()
    process.kill()
    process.wait()


class WarmProcess(Process):
    """A `Process` like any other, with all its promises, except that its command is a fork of ``parent``'s.

    Entering it raises `ColdError` where the parent cannot be had; nothing was started then.
    """

    def __init__(
        self, parent: WarmParent, *, cwd: Path, env: Mapping[str, str], stdin: bytes = b"", grace: float = 2.0
    ) -> None:
        super().__init__([], cwd=cwd, env=env, stdin=stdin, grace=grace)
        self._parent = parent

    async def _start(self, lifeline: int) -> Shim:
        told = {"cwd": str(self._cwd), "env": self._env, "grace": self._grace, "sandbox": None}
        confined = CONFINED.get()
        if confined and confined.apart:
            empty = confined.empty(self._parent.program, cwd=self._cwd)
            if empty is None:
                raise ColdError("nothing can move into its sandbox")
            told |= {"env": {**self._env, **confined.env}, "sandbox": asdict(empty) | {"enter": str(empty.enter)}}
        shim = ForkedShim(self._parent.fork())
        try:
            async with asyncio.timeout(IMPORTING):
                await shim.begin(told, lifeline)
        except BaseException as error:
            self._cut()  # so that what there is of it ends
            try:
                await shim.gone(self._grace + 10)
                said = await shim.last_words() if isinstance(error, OSError) else ""
            finally:
                shim.close()
            if isinstance(error, TimeoutError):
                self._parent.close()
            if isinstance(error, OSError):
                why = f"none within {IMPORTING:g} s" if isinstance(error, TimeoutError) else str(error)
                raise ColdError(f"its warm parent gave no fork: {': '.join(filter(None, (why, said)))}") from error
            raise
        return shim


class ForkedShim:
    """The shim of one run, as far as this process has to do with it; in the shape of asyncio's own processes."""

    def __init__(self, call: socket.socket) -> None:
        self._call = call
        self._call.setblocking(False)
        self._transport = self
        self.pid = 0
        self.returncode: int | None = None
        self.stdin: asyncio.StreamWriter | None = None
        self.stdout: asyncio.StreamReader | None = None
        self.stderr: asyncio.StreamReader | None = None
        self._pipes: list[asyncio.BaseTransport] = []
        self._ending: asyncio.Task[int] | None = None

    async def begin(self, told: Mapping[str, object], lifeline: int) -> None:
        """Hand over the run's streams and what is told. Raises `OSError` when there was nobody to take them."""
        (stdin, write), (read, stdout), (read_errors, stderr) = os.pipe(), os.pipe(), os.pipe()
        theirs = [stdin, stdout, stderr]
        try:
            self.stdin = await self._writer(write)
            self.stdout, self.stderr = await self._reader(read), await self._reader(read_errors)
            data = json.dumps(told).encode()
            socket.send_fds(self._call, [_LENGTH.pack(len(data))], [*theirs, lifeline])
        finally:
            for end in theirs:
                os.close(end)
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(self._call, data)
        self.pid = await self._number()
        if await self._number() != INSIDE:
            raise ConnectionResetError("it could not move into its sandbox")
        self._ending = asyncio.create_task(self._wait())

    async def wait(self) -> int:
        """The exit code, when nothing of the run is left; -9 where the shim itself was killed."""
        assert self._ending
        return await asyncio.shield(self._ending)

    async def gone(self, patience: float) -> None:
        """Wait until nothing is left of a fork whose lifeline is cut: so many seconds at most, once it has begun."""
        loop = asyncio.get_running_loop()
        with suppress(OSError):
            self._call.shutdown(socket.SHUT_WR)  # it may still wait to be told of the run
            if not self.pid:
                async with asyncio.timeout(FORKING):
                    if not await loop.sock_recv(self._call, 64):
                        return
            async with asyncio.timeout(patience):
                while await loop.sock_recv(self._call, 64):
                    pass

    async def last_words(self) -> str:
        """The last line of the errors of one that is gone: why it could not begin; "" where it said nothing."""
        said = b""
        with suppress(OSError):  # whatever holds the stream open is not waited for
            async with asyncio.timeout(FORKING):
                said = await self.stderr.read() if self.stderr else b""
        return said.decode(errors="replace").strip().rpartition("\n")[2][-400:]

    def close(self) -> None:
        """Let go of all pipes."""
        if self._ending:
            self._ending.cancel()
        for pipe in self._pipes:
            pipe.close()
        self._call.close()

    async def _wait(self) -> int:
        try:
            code = await self._number()
            while await asyncio.get_running_loop().sock_recv(self._call, 1):  # it ends when the shim is gone itself
                pass
        except OSError:
            code = -9
        self.returncode = code
        return code

    async def _number(self) -> int:
        """The next number that the shim tells. Raises `ConnectionError` when it has ended without."""
        data = b""
        while len(data) < _LENGTH.size:
            more = await asyncio.get_running_loop().sock_recv(self._call, _LENGTH.size - len(data))
            if not more:
                raise ConnectionResetError("it has ended")
            data += more
        return int(_LENGTH.unpack(data)[0])

    async def _reader(self, end: int) -> asyncio.StreamReader:
        reader = asyncio.StreamReader()
        pipe = os.fdopen(end, "rb", buffering=0)
        loop = asyncio.get_running_loop()
        transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
        self._pipes.append(transport)
        return reader

    async def _writer(self, end: int) -> asyncio.StreamWriter:
        loop = asyncio.get_running_loop()
        pipe = os.fdopen(end, "wb", buffering=0)
        transport, protocol = await loop.connect_write_pipe(
            lambda: asyncio.streams.FlowControlMixin(loop=loop), pipe
        )  # fmt: skip
        self._pipes.append(transport)
        return asyncio.StreamWriter(transport, protocol, None, loop)
