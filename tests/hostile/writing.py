"""Writing where the run has no business."""

import sys

from hostile.tools import FACTS, listed, write


def writing_outside_the_workspace():
    paths = (
        "/usr/bin/owned",
        "/etc/passwd",
        "/owned",
        "/root/owned",
        "/var/owned",
        "/dev/owned",
        "/run/codeforge/owned",
    )
    more = (f"{FACTS['mirror']}/objects/owned", f"{FACTS['agents_dir']}/owned", sys.base_prefix + "/owned")
    return next((done for path in (*paths, *more) if (done := write(path))), None)


def writing_to_the_bridge():
    return write("/run/codeforge/bridge/bridge.py") or write("/run/codeforge/doors/owned")


def writing_to_the_kernel():
    paths = (
        "/proc/sys/kernel/core_pattern",
        "/proc/sysrq-trigger",
        "/proc/self/oom_score_adj",
        "/proc/1/oom_score_adj",
    )
    return next((done for path in paths if (done := write(path))), None) or listed("/sys/kernel")
