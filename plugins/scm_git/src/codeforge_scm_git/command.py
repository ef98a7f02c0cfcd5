"""Calling git through GitPython: a clean environment, a time limit, and an end when nobody waits any more."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import ContextVar, copy_context
from pathlib import Path
from typing import ParamSpec, TypeVar, cast

from codeforge import Unavailable

P = ParamSpec("P")
T = TypeVar("T")
SECONDS = 900.0
_GRACE = 3.0
_THREADS = ThreadPoolExecutor(64, "git")  # of our own: a few remotes that do not answer would hold up all other threads

# What git and its children need of the service's environment. Everything else stays out of it, because the hooks of
# a local origin run there: the service's own settings, providers' keys, and GIT_* variables that would redirect us.
_KEPT = frozenset(
    {"PATH", "HOME", "USER", "LOGNAME", "LANG", "TMPDIR", "TZ", "LD_LIBRARY_PATH", "GNUPGHOME", "SSH_AUTH_SOCK"}
    | {"XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS"}
    | {"http_proxy", "https_proxy", "no_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY"}
    | {"SSL_CERT_FILE", "SSL_CERT_DIR", "NIX_SSL_CERT_FILE"}
)


class GitError(Exception):
    """git ended with an unexpected status; ``err`` is what it said."""

    def __init__(self, what: str, status: int, err: str) -> None:
        super().__init__(f"git {what} failed ({status}): {err.strip()[-2000:]}")
        self.status, self.err = status, err


class TimedOutError(GitError):
    """git took longer than it was given."""


class StoppedError(Exception):
    """Nobody waits for the result any more."""


class Stop:
    """Ends the git that is under way, and lets no other start."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self.asked = threading.Event()

    def watch(self, process: subprocess.Popen[bytes] | None) -> None:
        with self._lock:
            self._process = process
            if process and self.asked.is_set():
                end(process, signal.SIGTERM)

    def now(self) -> None:
        with self._lock:
            self.asked.set()
            if self._process:
                end(self._process, signal.SIGTERM)


STOP: ContextVar[Stop | None] = ContextVar("stop", default=None)


async def in_thread(work: Callable[P, T], *args: P.args, **options: P.kwargs) -> T:
    """``work`` in a thread. Cancelling ends the git that it runs, and returns when ``work`` has cleaned up."""
    stop = Stop()

    def watched() -> T:
        STOP.set(stop)
        return work(*args, **options)

    context = copy_context()
    task = asyncio.get_running_loop().run_in_executor(_THREADS, context.run, watched)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        stop.now()
        while not task.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait([task])
        if not task.cancelled():
            task.exception()
        raise


def pause(seconds: float) -> None:
    """Wait within `in_thread`, not longer than somebody waits for the result."""
    (STOP.get() or Stop()).asked.wait(seconds)


def end(process: subprocess.Popen[bytes], number: int) -> None:
    """Signal git and all that it started."""
    if process.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)


def call(
    *args: str | Path,
    cwd: Path,
    env: Mapping[str, str],
    keep: frozenset[str] = frozenset(),
    stdin: bytes = b"",
    seconds: float = SECONDS,
) -> tuple[int, bytes, str]:
    """Run ``git args``: exit status, stdout and stderr. The environment is ``env`` and the few variables git needs.

    ``keep`` names more variables of the service's environment. Raises `TimedOutError` and `StoppedError`.
    """
    stop = STOP.get() or Stop()
    if stop.asked.is_set():
        raise StoppedError
    removed = [part for name in os.environ if name not in _KEPT | keep and name not in env for part in ("-u", name)]
    process = _start(["env", *removed, "git", *map(str, args)], cwd, env)
    stop.watch(process)
    try:
        out, err = _communicate(process, stdin, seconds)
    except subprocess.TimeoutExpired:
        raise TimedOutError(str(args[0]), -1, f"timed out after {seconds:.0f} seconds") from None
    finally:
        stop.watch(None)
    if stop.asked.is_set():
        raise StoppedError
    return process.returncode, out, err.decode(errors="replace")


def _start(command: list[str], cwd: Path, env: Mapping[str, str]) -> subprocess.Popen[bytes]:
    try:
        from git.cmd import Git
    except ImportError:  # GitPython looks for git when it is imported
        raise Unavailable("git is not installed: install git 2.38 or newer and start CodeForge again.") from None
    if not shutil.which("git"):
        raise Unavailable("git is not installed: install git 2.38 or newer and start CodeForge again.")
    started = Git(str(cwd)).execute(
        command, istream=subprocess.PIPE, as_process=True, env=dict(env), start_new_session=True
    )
    process, started.proc = started.proc, None  # its life is ours to end, not the garbage collector's
    return cast("subprocess.Popen[bytes]", process)


def _communicate(process: subprocess.Popen[bytes], stdin: bytes, seconds: float) -> tuple[bytes, bytes]:
    try:
        return process.communicate(stdin, timeout=seconds)
    except subprocess.TimeoutExpired:
        end(process, signal.SIGTERM)  # lets git remove its lock files
        with suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=_GRACE)
        raise
    finally:
        if process.poll() is None:
            end(process, signal.SIGKILL)
            process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream:
                with suppress(OSError):
                    stream.close()
