"""Processes of others, and of the sandbox."""

import contextlib
import glob
import os

from hostile.tools import FACTS, in_a_child, libc, read


def processes_outside():
    told = next(
        (pid for pid in FACTS["pids"] if b"codeforge" in read(f"/proc/{pid}/cmdline").replace(b"/codeforge", b"")), None
    )
    return told or (len(glob.glob("/proc/[0-9]*")) > 20 and "many processes") or None


def killing_processes_outside():
    for pid in FACTS["pids"]:
        if pid > 400:
            with contextlib.suppress(OSError):
                os.kill(pid, 0)
                return pid
    return None


def stopping_process_1():
    if b"bridge.py" not in read("/proc/1/cmdline"):
        return "it is none of ours"
    os.kill(1, 19)
    os.kill(1, 9)
    return None  # had it worked, nothing would be said any more


def tracing_processes():
    return next((pid for pid in (1, *FACTS["pids"]) if in_a_child(lambda: libc.ptrace(0x4206, pid, 0, 0) == 0)), None)


def the_root_of_process_1():
    with contextlib.suppress(OSError):
        return os.listdir("/proc/1/root/")
    with contextlib.suppress(OSError):
        return os.listdir("/proc/1/cwd/")
    return None


def joining_other_namespaces():
    def join(kind):
        return libc.setns(os.open(f"/proc/1/ns/{kind}", os.O_RDONLY), 0) == 0

    return next((kind for kind in ("mnt", "net", "pid", "user") if in_a_child(lambda: join(kind))), None)
