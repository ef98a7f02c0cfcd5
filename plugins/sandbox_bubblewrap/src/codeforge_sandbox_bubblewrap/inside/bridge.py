"""Process 1 of a sandbox: ``python -I -S bridge.py TOLD -- [COMMAND...]``. It imports nothing that is installed.

TOLD is JSON: ``doors`` are pairs of a port to listen on and the unix socket that it leads to, ``reports`` is a
socket for the outside, ``limits`` bound the command. It runs the command as its child, passes SIGTERM, SIGINT and
SIGHUP on to it, and ends with its exit code, or 128 + the signal's number; the kernel then ends everything else inside.
Without a command the sandbox is empty: a process may move in that asks at the other end of standard input (see
``enter.py``). Being process 1, it can be neither killed nor stopped from inside, and it lets nobody look into it.
"""

import ctypes
import itertools
import json
import os
import signal
import socket
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(__file__))
import calls
import child
import watch

PR_SET_DUMPABLE = 4
BLOCK = 65536
_libc = ctypes.CDLL(None, use_errno=True)


def spawn(command: list[str], limits: dict[str, int]) -> int:
    """Start the command in a session of its own; gives its process id."""
    signal.pthread_sigmask(signal.SIG_BLOCK, child.STANDARD)  # a stop that comes before exec must not get lost
    pid = os.fork()
    if pid:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, child.STANDARD)
        return pid
    try:
        os.setsid()
        for number in (*child.STANDARD, signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)
        child.limit(limits)
        calls.install(_libc)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, child.STANDARD)
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


def admit(call: socket.socket) -> None:
    """Let somebody move in: show the way to this process's namespaces, and wait until it was gone."""
    with open("/proc/self/ns/user") as user:
        this = os.pidfd_open(os.getpid())
        socket.send_fds(call, [b"+" + child.label()], [this, user.fileno()])
        os.close(this)
    if not call.recv(1):
        os._exit(1)  # nobody comes any more


def main() -> None:
    told, command = json.loads(sys.argv[1]), sys.argv[3:]
    doors = [(listen(port), path) for port, path in told["doors"]]
    main_child: list[int] = []
    child.hear_for(main_child)
    signal.pthread_sigmask(signal.SIG_BLOCK, child.STANDARD)
    call = None if command else socket.socket(fileno=os.dup(0))
    if call:
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
        admit(call)
    else:
        main_child.append(spawn(command, told["limits"]))
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):  # the command's alone: they end when it ends
        os.dup2(nothing, standard)
    _libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)  # nobody inside may look into this process, or trace it
    for door, path in doors:
        threading.Thread(target=serve, args=(door, path), daemon=True).start()
    threading.Thread(target=keep_watch, args=(told["limits"], told["reports"]), daemon=True).start()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, child.STANDARD)
    if call:
        call.sendall(b"+")
        call.close()
    while True:
        try:
            pid, status = os.waitpid(-1, 0)
        except ChildProcessError:  # who moved in is nobody's child here; what it leaves behind will be
            signal.sigwait([signal.SIGCHLD])
            continue
        if pid in main_child:
            os._exit(child.code(status))


main()
