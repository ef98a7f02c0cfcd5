"""Process 1 of a sandbox: ``python -I -S bridge.py TOLD -- COMMAND...``. It imports nothing that is installed.

TOLD is JSON: ``doors`` are pairs of a port to listen on and the unix socket that it leads to, ``reports`` is a
socket for the outside, ``limits`` bound the command. It runs the command as its child, passes SIGTERM, SIGINT and
SIGHUP on to it, and ends with its exit code, or 128 + the signal's number; the kernel then ends everything else inside.
Being process 1, it can be neither killed nor stopped from inside, and it lets nobody look into it.
"""

import ctypes
import itertools
import json
import os
import resource
import signal
import socket
import sys
import threading
import time
from types import FrameType

sys.path.insert(0, os.path.dirname(__file__))
import calls
import watch

PR_SET_DUMPABLE = 4
BLOCK = 65536
STANDARD = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_libc = ctypes.CDLL(None, use_errno=True)


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


def spawn(command: list[str], limits: dict[str, int]) -> int:
    """Start the command in a session of its own; gives its process id."""
    signal.pthread_sigmask(signal.SIG_BLOCK, STANDARD)  # a stop that comes before exec must not get lost
    pid = os.fork()
    if pid:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STANDARD)
        return pid
    try:
        os.setsid()
        for number in (*STANDARD, signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)
        limit(limits)
        calls.install(_libc)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STANDARD)
        os.execvp(command[0], command)
    except OSError as error:
        sys.stderr.write(f"cannot start {command[0]}: {error.strerror}\n")
    os._exit(127)


def listen(port: int) -> socket.socket:
    door = socket.socket()
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    door.bind(("127.0.0.1", port))
    door.listen(64)
    return door


def serve(door: socket.socket, path: str) -> None:
    """Lead every connection of ``door`` to the unix socket at ``path``."""
    while True:
        near, _ = door.accept()
        far = socket.socket(socket.AF_UNIX)
        try:
            far.connect(path)
        except OSError:
            near.close()
            far.close()
            continue
        for source, sink in ((near, far), (far, near)):
            threading.Thread(target=pump, args=(source, sink), daemon=True).start()


def pump(source: socket.socket, sink: socket.socket) -> None:
    """Copy until ``source`` ends, then say so to ``sink``."""
    try:
        while data := source.recv(BLOCK):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def keep_watch(limits: dict[str, int], report: str) -> None:
    """End everything inside once it takes more than it may, and tell the outside which bound it was."""
    for glance in itertools.count(1):
        time.sleep(watch.GLANCE)
        if (glance % watch.LOOKS == 0 or watch.crowded(limits)) and (over := watch.over(limits)):
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
                try:
                    out.sendto(over.encode(), report)
                except OSError:
                    pass
            os.kill(-1, signal.SIGKILL)  # all but this one, at once: nothing can fork away from it


def main() -> None:
    told, command = json.loads(sys.argv[1]), sys.argv[3:]
    doors = [(listen(port), path) for port, path in told["doors"]]
    child: list[int] = []

    def pass_on(number: int, _: FrameType | None) -> None:
        for pid in child:
            try:
                os.killpg(pid, number)
            except OSError:
                try:
                    os.kill(pid, number)
                except OSError:
                    pass

    for number in STANDARD:
        signal.signal(number, pass_on)
    signal.pthread_sigmask(signal.SIG_BLOCK, STANDARD)
    child.append(spawn(command, told["limits"]))
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):  # the command's alone: they end when it ends
        os.dup2(nothing, standard)
    _libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)  # nobody inside may look into this process, or trace it
    for door, path in doors:
        threading.Thread(target=serve, args=(door, path), daemon=True).start()
    threading.Thread(target=keep_watch, args=(told["limits"], told["reports"]), daemon=True).start()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STANDARD)
    while True:
        pid, status = os.waitpid(-1, 0)
        if pid == child[0]:
            code = os.waitstatus_to_exitcode(status)
            os._exit(code if code >= 0 else 128 - code)


main()
