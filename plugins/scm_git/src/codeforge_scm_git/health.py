"""Whether a git that is new enough is installed."""

from __future__ import annotations

import re
import shutil
import subprocess

from codeforge import Health

NEEDED = (2, 38)  # the first with `git merge-tree --write-tree`
_FIX = "Install git 2.38 or newer (for example `apt-get install git`) so that it is found on PATH."


def check() -> Health:
    """The installed git with its version, or how to get one."""
    if not (program := shutil.which("git")):
        return Health(name="git", ok=False, detail="git is not installed", fix=_FIX)
    try:
        said = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=10, check=True).stdout
    except (OSError, subprocess.SubprocessError) as error:
        return Health(name="git", ok=False, detail=f"{program} does not start: {error}", fix=_FIX)
    return judge(program, said)


def judge(program: str, said: str) -> Health:
    """What `git --version` said, as health."""
    found = re.search(r"(\d+)\.(\d+)[\w.]*", said)
    if not found:
        return Health(name="git", ok=False, detail=f"{program} does not tell its version", fix=_FIX)
    version = found.group()
    if (int(found[1]), int(found[2])) < NEEDED:
        return Health(name="git", ok=False, detail=f"{program} {version} is too old", fix=_FIX, version=version)
    return Health(name="git", ok=True, detail=program, version=version)
