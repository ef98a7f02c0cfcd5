"""What everything inside takes together: rlimits bound single processes only, and those of root not at all."""

import os

GLANCE, LOOKS = 0.02, 12
"""Seconds between two glances, and how many of them make a look: a fork bomb must be met while it is small."""
MEGABYTE = 2**20
WRITABLE = ("/tmp", "/dev/shm")  # memory in the guise of files


def crowded(limits: dict[str, int]) -> bool:
    """Whether there are more processes than there may be: a glance, which costs nothing while there are few."""
    return sum(name.isdecimal() for name in os.listdir("/proc")) - 1 > limits["processes"]


def over(limits: dict[str, int]) -> str:
    """The bound that is passed ("memory" or "processes"), or ""."""
    pids = [int(name) for name in os.listdir("/proc") if name.isdecimal() and name != "1"]
    if len(pids) > limits["processes"]:
        return "processes"
    threads = resident = 0
    for pid in pids:
        facts = _status(pid)
        threads += facts.get("Threads", 0)
        resident += (facts.get("RssAnon", 0) + facts.get("RssShmem", 0)) * 1024
    if threads > limits["processes"]:
        return "processes"
    most, files = limits["memory_mb"] * MEGABYTE, _files()
    if resident + files > most and sum(map(_own, pids)) + files > most:
        return "memory"
    return ""


def _status(pid: int) -> dict[str, int]:
    """The figures of /proc/PID/status, sizes in KiB; none of a process that is gone."""
    facts = {}
    try:
        with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as lines:
            for line in lines:
                name, _, rest = line.partition(":")
                if name in ("Threads", "RssAnon", "RssShmem"):
                    facts[name] = int(rest.split()[0])
    except (OSError, ValueError):
        pass
    return facts


def _own(pid: int) -> int:
    """Bytes of a process's memory; of what it shares with others, its part. Slow: asked in doubt only."""
    try:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as lines:
            parts = dict(line.split(":") for line in lines if line.startswith("Pss_"))
        return sum(int(parts[name].split()[0]) for name in ("Pss_Anon", "Pss_Shmem")) * 1024
    except (OSError, ValueError, KeyError):  # it is gone, or lets nobody look: then its own word counts
        facts = _status(pid)
        return (facts.get("RssAnon", 0) + facts.get("RssShmem", 0)) * 1024


def _files() -> int:
    """Bytes that lie in memory as files or segments, mapped by somebody or not."""
    taken = 0
    for path in WRITABLE:
        try:
            found = os.statvfs(path)
            taken += (found.f_blocks - found.f_bfree) * found.f_frsize
        except OSError:
            pass
    try:
        with open("/proc/sysvipc/shm", encoding="ascii") as lines:
            column = next(lines).split().index("rss")
            taken += sum(int(line.split()[column]) for line in lines)
    except (OSError, ValueError, IndexError, StopIteration):
        pass
    return taken
