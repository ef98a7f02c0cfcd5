"""A shell for agents that run their commands by themselves: see ``agent_side/codeforge_agent/shell.py``."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NamedTuple

from codeforge.runners.backend import AGENT_SIDE


class BoundedShell(NamedTuple):
    """To an agent it is bash at ``path``; it needs ``env``, and ``folder`` to be readable where there is a sandbox.

    It passes on the beginning and the end of a command's output, and waits for nothing that is left in the background.
    A command's standard input is always empty, whatever the shell itself is given.
    """

    path: Path
    env: dict[str, str]
    folder: Path


def bounded_shell() -> BoundedShell:
    """The shell, run by this very Python."""
    env = {"CODEFORGE_PYTHON": os.path.realpath(sys.executable)}
    return BoundedShell(AGENT_SIDE / "shell" / "bash", env, AGENT_SIDE)
