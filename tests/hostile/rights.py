"""Rights over the machine."""

import contextlib
import glob
import os

from hostile.tools import in_a_child, libc, read


def more_namespaces():
    return next((kind for kind in (0x10000000, 0x20000) if in_a_child(lambda: libc.unshare(kind) == 0)), None)


def mounting():
    os.mkdir("mounted")
    worked = libc.mount(b"none", b"mounted", b"tmpfs", 0, None) == 0 and libc.umount(b"mounted") == 0
    os.rmdir("mounted")
    return worked or None


def making_a_device():
    for mode in (0o060600, 0o020600):
        with contextlib.suppress(OSError):
            os.mknod("device", mode, os.makedev(254, 0))
            os.unlink("device")
            return "device"
    return None


def the_disk():
    return next(
        (path for path in glob.glob("/dev/[vs]d*") + glob.glob("/dev/nvme*") + ["/dev/mem", "/dev/kvm"] if read(path)),
        None,
    )


def the_kernels_keys():
    return "keyring" if libc.syscall(250, 0, -3, 1) > 0 else None


def rights():
    told = dict(line.split(":\t", 1) for line in open("/proc/self/status") if ":\t" in line)
    held = [name for name in ("CapPrm", "CapEff", "CapBnd", "CapAmb") if int(told[name], 16)]
    return held or (told["NoNewPrivs"].strip() != "1" and "new privileges") or None


def becoming_another_user():
    return in_a_child(lambda: os.setuid(12345) is None)
