"""How a process that runs already moves into an empty sandbox: `enter`, called by a fork of an agent's warm parent.

It does to its caller what bwrap and the bridge do to what they start. It runs in the agent's own Python, from 3.10 on.
"""

import ctypes
import json
import os
import signal
import socket

import calls
import child

USER = 0x10000000
OTHERS = 0x00020000 | 0x02000000 | 0x04000000 | 0x08000000 | 0x20000000 | 0x40000000
"""Of mounts, cgroups, host name, IPC, processes and network."""
PR_SET_DUMPABLE, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT, AMBIENT_CLEAR_ALL = 4, 24, 38, 47, 4
CAPABILITIES = 0x20080522
"""The version of capset's layout, which has room for 64."""
_libc = ctypes.CDLL(None, use_errno=True)


def enter(call: socket.socket, told: str) -> None:
    """Return inside, in a child that is confined like anything else there; ``call`` leads to the bridge.

    The calling process stays behind: it passes signals on, and ends like the child. Raises where it cannot be.
    """
    with open("/proc/self/oom_score_adj", "w") as score:
        score.write("1000")
    _join(call)
    child.limit(json.loads(told)["limits"])
    _renounce()
    signal.pthread_sigmask(signal.SIG_BLOCK, child.STANDARD)  # a stop that comes before there is a child waits for it
    if pid := os.fork():
        _stay_behind(pid)
    os.setsid()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, child.STANDARD)
    call.sendall(b"+")
    if not call.recv(1):
        raise ConnectionResetError("the bridge has ended")


def _join(call: socket.socket) -> None:
    """Be in all namespaces of the bridge, but for that of processes, in which children will be."""
    theirs, (bridge, user), _, _ = socket.recv_fds(call, 4096, 2)
    if theirs.removeprefix(b"+") != child.label():
        raise PermissionError("a security module confines what starts in the sandbox, and cannot what moves in")
    apart = 0 if os.path.samestat(os.fstat(user), os.stat("/proc/self/ns/user")) else USER
    _must(_libc.setns(bridge, OTHERS | apart))  # all or none
    os.close(bridge)
    os.close(user)


def _renounce() -> None:
    """Give up all rights for good, and the system calls that nothing inside needs."""
    for capability in range(64):
        if _libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0):
            break  # the kernel knows no further one
    _must(_libc.prctl(PR_CAP_AMBIENT, AMBIENT_CLEAR_ALL, 0, 0, 0))
    _must(_libc.capset((ctypes.c_uint32 * 2)(CAPABILITIES, 0), (ctypes.c_uint32 * 6)()))
    _must(_libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    _must(_libc.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0))  # as anything that was started is: the bridge must see its memory
    calls.install(_libc)


def _stay_behind(pid: int) -> None:
    os.closerange(0, os.sysconf("SC_OPEN_MAX"))
    child.hear_for([pid])
    signal.pthread_sigmask(signal.SIG_UNBLOCK, child.STANDARD)
    _, status = os.waitpid(pid, 0)
    os._exit(child.code(status))


def _must(result: int) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
