"""What a start may have left to it: files that are open, memory that others have, ways past all mounts."""

import contextlib
import os

from hostile.tools import read


def the_program_that_runs_this():
    """By way of /proc, past all mounts: what can be written to would run outside the next time."""
    program = os.stat("/proc/self/exe")
    apart = os.statvfs("/proc/self/exe").f_flag & os.ST_RDONLY or not program.st_nlink
    return None if apart else os.readlink("/proc/self/exe")


def files_by_their_mappings():
    with contextlib.suppress(OSError):
        names = os.listdir("/proc/self/map_files")
        return next((name for name in names if read(f"/proc/self/map_files/{name}")), None)
    return None


def descriptors_that_were_left_open():
    own = {0, 1, 2, os.open(".", os.O_RDONLY)}
    names = [name for name in os.listdir("/proc/self/fd") if int(name) not in own]
    kinds = [os.readlink(f"/proc/self/fd/{name}") for name in names if os.path.lexists(f"/proc/self/fd/{name}")]
    os.close(max(own))
    return [kind for kind in kinds if not kind.startswith("pipe:")] or None


def memory_that_is_shared():
    with open("/proc/self/maps") as lines:
        return [line for line in lines if "ws" in line.split()[1][1::2]] or None
