"""One command in a session of its own: its output bounded while it is read, nobody waited for but itself."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import IO

from codeforge_agent.bounded import Bounded

TICK = 0.05
"""Seconds between two looks at a command that is silent."""
LINGER = 0.3
"""Seconds for which the output of jobs in the background is still listened to when the command itself has ended."""


@dataclass(frozen=True)
class Ran:
    """What came of a command; ``exit`` is None when it was cut off."""

    output: Bounded
    exit: int | None


def run(
    command: Sequence[str],
    *,
    cwd: str,
    env: Mapping[str, str],
    seconds: float,
    kept: int,
    stderr: int = subprocess.STDOUT,
    hear: Callable[[bytes], None] = lambda _: None,
) -> Ran:
    """Run it for at most ``seconds``, keep ``kept`` bytes from either end of its output; ``hear`` is told all of it.

    Raises `OSError` or `ValueError` when it cannot be started. Whatever is raised meanwhile ends its process group.
    """
    process = subprocess.Popen(
        command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr,
        start_new_session=True, bufsize=0,
    )  # fmt: skip
    assert process.stdout
    output = Bounded(kept)

    def take(chunk: bytes) -> None:
        hear(chunk)
        output.add(chunk)

    try:
        ended = _read(process, process.stdout, take, time.monotonic() + seconds)
    except BaseException:
        _kill(process)
        raise
    if not ended:
        _kill(process)
    code = process.returncode if ended else None
    return Ran(output, 128 - code if code and code < 0 else code)


def _read(process: subprocess.Popen[bytes], pipe: IO[bytes], take: Callable[[bytes], None], until: float) -> bool:
    """Read to the end of the command; gives whether it ended by itself."""
    over: float | None = None
    while (left := until - time.monotonic()) > 0:
        if select.select([pipe], [], [], min(TICK, left))[0]:
            chunk = os.read(pipe.fileno(), 65536)
            if not chunk:
                pipe.close()
                with suppress(subprocess.TimeoutExpired):
                    process.wait(left)
                return process.returncode is not None
            take(chunk)
            if over is None and process.poll() is not None:
                over = time.monotonic() + LINGER
            if over is None or time.monotonic() < over:
                continue
        elif process.poll() is None:
            continue
        _drain(pipe)
        return True
    return False


def _drain(pipe: IO[bytes]) -> None:
    """Whoever still holds the pipe was left in the background: it may go on talking, but nobody waits for it.

    Where no process more can be started it talks to nobody; its command has ended well all the same.
    """
    nowhere = subprocess.DEVNULL
    with pipe, suppress(OSError):
        subprocess.Popen(["cat"], stdin=pipe, stdout=nowhere, stderr=nowhere, start_new_session=True)


def _kill(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdout:
        process.stdout.close()
