"""Writing where the run has no business."""

import contextlib
import os
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


def through_the_worker_by_links_in_its_way():
    """Of files that CodeForge itself writes between turns; whoever ran this looks whether it followed one."""
    run, aim = os.path.dirname(os.environ["HOME"]), f"{FACTS['data_dir']}/followed"
    state = [f"{run}/state/{name}" for name in (".codeforge-turns.json", ".codeforge-turns.new", "acp.new", "inbox")]
    for path in (*state, f"{run}/home/gitconfig"):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        os.symlink(f"{aim}-{os.path.basename(path)}", path)


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
