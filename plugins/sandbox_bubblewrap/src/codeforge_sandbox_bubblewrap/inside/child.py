"""What works inside, as its keeper sees it: the bounds that it is put in, the signals that it gets, and its end."""

import os
import resource
import signal
from collections.abc import Callable
from types import FrameType

STANDARD = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def limit(limits: dict[str, int]) -> None:
    """Bound this process and what it will start; a limit that is lower already stays."""
    megabyte = 2**20
    wanted = {
        resource.RLIMIT_DATA: limits["memory_mb"] * megabyte,
        resource.RLIMIT_NPROC: limits["processes"],
        resource.RLIMIT_FSIZE: limits["file_mb"] * megabyte,
        resource.RLIMIT_CPU: limits["cpu_seconds"],
        resource.RLIMIT_CORE: 0,
    }
    for which, value in wanted.items():
        _, hard = resource.getrlimit(which)
        most = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(which, (most, most))


def hear_for(child: list[int]) -> None:
    """Pass on what this process is told to ``child``, if there is one by then, and to its process group."""

    def pass_on(number: int, _: FrameType | None) -> None:
        for pid in child:
            tell: Callable[[int, int], None]
            for tell in (os.killpg, os.kill):
                try:
                    tell(pid, number)
                    break
                except OSError:
                    pass

    for number in STANDARD:
        signal.signal(number, pass_on)


def code(status: int) -> int:
    """The exit code for a wait status, or 128 + the signal's number."""
    found = os.waitstatus_to_exitcode(status)
    return found if found >= 0 else 128 - found


def label() -> bytes:
    """What a security module calls this process, where there is such a module."""
    try:
        with open("/proc/self/attr/current", "rb") as file:
            return file.read()
    except OSError:
        return b""
