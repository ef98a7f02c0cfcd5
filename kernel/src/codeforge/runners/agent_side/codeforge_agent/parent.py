"""The warm parent of an agent's runs: it has imported everything once, and forks for each run.

It never looks at a run: what comes to it is a socket, and the fork for that socket reads the rest. Nothing of one run
can therefore reach another. A fork becomes the run's shim (see ``_shim.py``), below which a second one is the runner.
Where the run has a sandbox, the shim starts it, empty, and the runner moves in (see ``codeforge/sandboxes.py``).
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import json
import os
import select
import signal
import socket
import struct
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PR_SET_PDEATHSIG, PR_SET_NAME = 1, 15
ROOM = "CODEFORGE_ROOM"
"""A variable of this process that keeps room where the environments of its forks are written."""
ENV_START, ENV_END = 47, 48
"""Where /proc/self/stat tells, after the command, from where to where the environment lies in memory."""
INSIDE = 256
"""What a runner tells that has moved into its sandbox; no exit code is as high."""
_LENGTH = struct.Struct("!I")


def die_with_the_worker() -> None:
    """Even while importing, which takes long. Until then look like any Python: this one was started from a copy."""
    libc = ctypes.CDLL(None)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    libc.prctl(PR_SET_NAME, os.path.basename(sys.executable).encode(), 0, 0, 0)


def serve(control: int, shim: str, idle: float, run: Callable[[], None]) -> None:
    """Fork for each socket that comes over ``control``, until it is closed or nothing came for ``idle`` seconds.

    ``run`` works on the job that a fork finds on its standard input.
    """
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # so that nobody has to wait for the forks
    supervise = _load(shim).supervise
    _refuse_what_forks_would_share(control)
    gc.collect()
    gc.freeze()  # else each fork copies what it only looks at
    calls = socket.socket(fileno=control)
    while select.select([calls], [], [], idle)[0]:
        _, given, _, _ = socket.recv_fds(calls, 1, 1)
        if not given:
            break
        sys.stdout.flush()
        sys.stderr.flush()
        if os.fork() == 0:
            try:
                calls.close()
                with _telling():
                    _keep(socket.socket(fileno=given[0]), supervise, run)
            finally:
                os._exit(70)
        os.close(given[0])
    os._exit(0)


@contextmanager
def _telling() -> Iterator[None]:
    """An error goes to the standard error, which is the run's own by then: the worker reads there why it failed."""
    try:
        yield
    except (Exception, SystemExit) as error:
        os.write(2, f"{str(error) or type(error).__name__}\n".encode(errors="replace"))
        raise


def _keep(call: socket.socket, supervise: Any, run: Callable[[], None]) -> None:
    """Be the shim of one run: take over its streams and its environment, tell its process id and its exit code."""
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    told, streams = _receive(call)
    *standard, lifeline = streams
    for number, stream in enumerate(standard):
        os.dup2(stream, number)
        os.close(stream)
    if select.select([lifeline], [], [], 0)[0] and not os.read(lifeline, 65536):
        os._exit(0)  # nobody waits for it any more, and it was never seen to be of the run
    for end in (call.fileno(), lifeline):
        os.set_inheritable(end, False)
    _take_environment(told["env"])
    os.chdir(told["cwd"])
    call.sendall(_LENGTH.pack(os.getpid()))
    bridge = _start_sandbox(told) if told["sandbox"] else None

    def begin() -> None:
        if bridge:
            with _telling():
                _load(told["sandbox"]["enter"]).enter(bridge, told["sandbox"]["told"])
                os.chdir(told["cwd"])
        call.sendall(_LENGTH.pack(INSIDE))
        call.detach()
        if bridge:
            bridge.detach()
        os.closerange(3, os.sysconf("SC_OPEN_MAX"))  # the parent had none of its own
        gc.unfreeze()
        run()

    code = supervise(begin, lifeline, told["grace"])
    call.sendall(_LENGTH.pack(code))
    os._exit(0)


def _receive(call: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """What the worker tells: four streams and a JSON object behind its length."""
    data, streams, _, _ = socket.recv_fds(call, 65536, 4)
    while len(data) < _LENGTH.size or len(data) < _LENGTH.size + _LENGTH.unpack_from(data)[0]:
        more = call.recv(65536)
        if not more:
            os._exit(0)
        data += more
    return json.loads(data[_LENGTH.size :]), streams


def _take_environment(env: dict[str, str]) -> None:
    """Have exactly ``env``, for this process and what it starts, and for whoever reads it in /proc."""
    os.environ.clear()  # from here on nothing points to where the first environment lies
    os.environ.update(env)
    tempfile.tempdir = None
    fields = Path("/proc/self/stat").read_text(encoding="utf-8", errors="replace").rsplit(")", 1)[1].split()
    start, end = int(fields[ENV_START]), int(fields[ENV_END])
    block = b"".join(os.fsencode(f"{name}={value}") + b"\0" for name, value in env.items())
    if len(block) > end - start:
        sys.exit("the environment is too large for a warm start")
    ctypes.memmove(start, block.ljust(end - start, b"\0"), end - start)


def _start_sandbox(told: dict[str, Any]) -> socket.socket:
    """Start the run's sandbox, empty, as a child; gives the way to it."""
    ours, theirs = socket.socketpair()
    nothing = os.open(os.devnull, os.O_WRONLY)
    with theirs:
        command = told["sandbox"]["command"]
        files = [(os.POSIX_SPAWN_DUP2, theirs.fileno(), 0), *((os.POSIX_SPAWN_DUP2, nothing, n) for n in (1, 2))]
        os.posix_spawn(command[0], command, told["env"], file_actions=files, setsid=True)
    os.close(nothing)
    return ours


def _refuse_what_forks_would_share(control: int) -> None:
    """Forks are whole only of one thread, and apart only without open files and memory that they would share."""
    if len(os.listdir("/proc/self/task")) != 1:
        sys.exit("what was imported started a thread: forks would not be whole")
    held = {int(name) for name in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{name}")}
    if held - {0, 1, 2, control}:
        sys.exit("what was imported keeps a file open")
    with open("/proc/self/maps", encoding="utf-8", errors="replace") as maps:
        rights = [(line.split()[1], line) for line in maps]
    if any("s" in each and ("w" in each or "(deleted)" in line) for each, line in rights):
        sys.exit("what was imported has memory that forks would share")


def _load(path: str) -> Any:
    """The module at ``path``, which may import what lies beside it; the agent has its own by whatever names."""
    folder, name = os.path.split(path)
    names = [entry.removesuffix(".py") for entry in os.listdir(folder)]
    kept = {name: sys.modules.pop(name) for name in names if name in sys.modules}
    sys.path.insert(0, folder)
    try:
        return importlib.import_module(name.removesuffix(".py"))
    finally:
        sys.path.remove(folder)
        for name in names:
            sys.modules.pop(name, None)
        sys.modules.update(kept)
