"""Runs one command and leaves no process of it behind: ``python -I -S _shim.py LIFELINE GRACE -- CMD...``

LIFELINE is an inherited file descriptor. When it closes, because the owner wants a stop or because the owner
died, the command gets SIGTERM and GRACE seconds, then everything below this process gets SIGKILL. A line on it
is a time of the monotonic clock: when no later one has come by then, the owner is frozen or cut off, and
everything gets SIGKILL at once. The same clean-up happens when the command ends by itself. This process is a
child subreaper, so that whatever left the command's session or lost its parent is still found below it. It exits
with the command's exit code, or 128 + the signal's number, only when nothing is left. Standard library only: it
runs without site-packages, and beside an agent in whatever Python that has (see ``runners/agent_side``).
"""

import ctypes
import os
import select
import signal
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
_libc = ctypes.CDLL(None)


def descendants() -> list[int]:
    """The ids of all living processes below this one, parents first."""
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat", encoding="utf-8", errors="replace") as stat:
                    state, parent = stat.read().rsplit(")", 1)[1].split()[:2]
            except OSError:
                continue
            if state not in "ZX":
                children.setdefault(int(parent), []).append(int(entry))
    todo, found = [os.getpid()], list[int]()
    while todo:
        for child in children.get(todo.pop(), ()):
            found.append(child)
            todo.append(child)
    return found


def send(pids: list[int], number: int) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass


def reap(main: int, status: int | None) -> int | None:
    """Collect the dead; gives the main command's wait status once it is known."""
    while True:
        try:
            pid, this = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return status
        if not pid:
            return status
        if pid == main:
            status = this


def sweep(main: int, status: int | None) -> int | None:
    """Kill until nothing is left below."""
    while left := descendants():
        send(left, signal.SIGKILL)
        time.sleep(0.005)
        status = reap(main, status)
    return reap(main, status)


def spawn(begin: "Callable[[], None]", lifeline: int) -> int:
    """Let ``begin`` take over a child in a session of its own; gives its process id."""
    ours = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)
    signal.pthread_sigmask(signal.SIG_BLOCK, ours)  # a stop that comes before exec must not be swallowed by our handler
    shim, pid = os.getpid(), os.fork()
    if pid:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ours)
        return pid
    try:
        os.setsid()
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != shim:  # it was killed before it could be said
            return 0
        os.close(lifeline)
        for number in ours:
            signal.signal(number, signal.SIG_DFL)
        signal.set_wakeup_fd(-1)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ours)
        begin()
    finally:
        os._exit(127)


def supervise(begin: "Callable[[], None]", lifeline: int, grace: float) -> int:
    """Run ``begin`` in a child; gives its exit code, or 128 + the signal's number, when nothing of it is left."""
    os.set_inheritable(lifeline, False)
    _libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    awake, wake = os.pipe()
    os.set_blocking(wake, False)
    os.set_blocking(awake, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: None)  # the lifeline alone decides: a Ctrl-C must not race the owner
    pid = spawn(begin, lifeline)
    status: int | None = None
    stopping, deadline = False, float("inf")
    while status is None:
        waits = [awake] if stopping else [awake, lifeline]
        timeout = None if deadline == float("inf") else max(0.0, deadline - time.monotonic())
        ready, _, _ = select.select(waits, [], [], timeout)
        if awake in ready:
            os.read(awake, 512)
        status = reap(pid, status)
        if lifeline in ready:
            if told := os.read(lifeline, 65536).split():
                deadline = float(told[-1])
                continue
            stopping, deadline = True, time.monotonic() + grace
            send([pid], signal.SIGTERM)
            try:
                os.killpg(pid, signal.SIGTERM)
            except OSError:
                pass
        if time.monotonic() >= deadline:
            break
    status = sweep(pid, status)
    code = os.waitstatus_to_exitcode(status) if status is not None else -signal.SIGKILL
    return code if code >= 0 else 128 - code


def main() -> None:
    lifeline, grace, command = int(sys.argv[1]), float(sys.argv[2]), sys.argv[4:]

    def begin() -> None:
        try:
            os.execvp(command[0], command)
        except OSError as error:
            sys.stderr.write(f"cannot start {command[0]}: {error.strerror}\n")
            sys.stderr.flush()

    os._exit(supervise(begin, lifeline, grace))


if __name__ == "__main__":
    main()
