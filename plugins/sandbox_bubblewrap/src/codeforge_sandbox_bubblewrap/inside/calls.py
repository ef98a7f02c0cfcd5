"""System calls that nothing inside needs, and that namespaces do not confine: a seccomp filter, by prctl.

Sockets of other families than UNIX, IP and netlink (such as VSOCK, which leads to a virtual machine's host), io_uring,
which would get around that, the kernel's keys, BPF, and memory that nobody sees.
"""

import ctypes
import errno
import os
import socket
import struct

PR_SET_SECCOMP, MODE_FILTER = 22, 2
ALLOW, ERRNO = 0x7FFF0000, 0x00050000
LOAD, JUMP_EQUAL, JUMP_FROM, RETURN = 0x20, 0x15, 0x35, 0x06
FAMILIES = (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6, socket.AF_NETLINK)
X32 = 0x40000000
MACHINES = {  # architecture, socket, then: add_key request_key keyctl perf_event_open bpf userfaultfd memfd_create
    "x86_64": (0xC000003E, 41, (248, 249, 250, 298, 321, 323, 319)),
    "aarch64": (0xC00000B7, 198, (217, 218, 219, 241, 280, 282, 279)),
}
EVERYWHERE = (425, 426, 427, 447)  # io_uring_setup, io_uring_enter, io_uring_register, memfd_secret


class Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def program(machine: str) -> bytes | None:
    """The filter's instructions for this kind of processor, or None where its numbers are not known."""
    if machine not in MACHINES:
        return None
    architecture, opening, own = MACHINES[machine]
    refused = ERRNO | errno.ENOSYS
    steps = [
        (LOAD, 0, 0, 4),
        (JUMP_EQUAL, 1, 0, architecture),
        (RETURN, 0, 0, refused),
        (LOAD, 0, 0, 0),
        (JUMP_FROM, 0, 1, X32),
        (RETURN, 0, 0, refused),
    ]
    for number in (*own, *EVERYWHERE):
        steps += [(JUMP_EQUAL, 0, 1, number), (RETURN, 0, 0, refused)]
    steps += [(JUMP_EQUAL, 1, 0, opening), (RETURN, 0, 0, ALLOW), (LOAD, 0, 0, 16)]
    for family in FAMILIES:
        steps += [(JUMP_EQUAL, 0, 1, int(family)), (RETURN, 0, 0, ALLOW)]
    steps.append((RETURN, 0, 0, ERRNO | errno.EAFNOSUPPORT))
    return b"".join(struct.pack("=HBBI", *step) for step in steps)


def install(libc: ctypes.CDLL) -> None:
    """Filter this process and all that it starts, for good. Raises OSError."""
    steps = program(os.uname().machine)
    if steps is None:
        return
    kept = ctypes.create_string_buffer(steps, len(steps))
    told = Program(len(steps) // 8, ctypes.cast(kept, ctypes.c_void_p))
    if libc.prctl(PR_SET_SECCOMP, MODE_FILTER, ctypes.byref(told), 0, 0):
        raise OSError(ctypes.get_errno(), "the filter of system calls was refused")
