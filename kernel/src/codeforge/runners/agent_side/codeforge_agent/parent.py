"""The warm parent of an agent's runs: it has imported everything once, and forks for each run.

It never looks at a run: what comes to it is a socket, and the fork for that socket reads the rest. Nothing of one run
can therefore reach another. A fork becomes the run's shim (see ``_shim.py``), below which a second one is the runner.
"""

from __future__ import annotations

import ctypes
import gc
import importlib.util
import json
import os
import select
import signal
import socket
import struct
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

PR_SET_PDEATHSIG = 1
ROOM = "CODEFORGE_ROOM"
"""A variable of this process that keeps room where the environments of its forks are written."""
ENV_START, ENV_END = 47, 48
"""Where /proc/self/stat tells, after the command, from where to where the environment lies in memory."""
_LENGTH = struct.Struct("!I")


def die_with_the_worker() -> None:
    """Even while importing, which takes long."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def serve(control: int, shim: str, idle: float, run: Callable[[], None]) -> None:
    """Fork for each socket that comes over ``control``, until it is closed or nothing came for ``idle`` seconds.

    ``run`` works on the job that a fork finds on its standard input.
    """
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # so that nobody has to wait for the forks
    supervise = _load(shim).supervise
    if len(os.listdir("/proc/self/task")) != 1:
        sys.exit("what was imported started a thread: forks would not be whole")
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
                _keep(socket.socket(fileno=given[0]), supervise, run)
            finally:
                os._exit(70)
        os.close(given[0])
    os._exit(0)


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
    _take_environment(told["env"])
    os.chdir(told["cwd"])
    call.sendall(_LENGTH.pack(os.getpid()))

    def begin() -> None:
        call.close()
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


def _load(path: str) -> Any:
    spec = importlib.util.spec_from_file_location("codeforge_shim", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
