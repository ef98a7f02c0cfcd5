"""A shell for agents that run their commands by themselves, as ``bash`` beside it starts it: arguments as bash's.

The output of a command is bounded, only the shell itself is waited for, and its exit code is the command's.
Standard input is empty: nobody is there who could type, and a command that asks must not wait for ever.
"""

import math
import os
import shutil
import signal
import sys

KEPT = 64 * 1024
"""Bytes that are passed on from either end of a command's output: the first as they come, the last at its end."""
PYTHON = "CODEFORGE_PYTHON"
"""The environment variable that names the Python for this; commands do not get it."""


def main() -> int:
    """Run bash; gives its exit code."""
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    from codeforge_agent.command import run

    for name in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(name, lambda number, _: sys.exit(128 + number))
    left = KEPT

    def hear(chunk: bytes) -> None:
        nonlocal left
        _write(chunk[:left])
        left -= len(chunk[:left])

    command = [shutil.which("bash") or "/bin/sh", *sys.argv[1:]]
    env = {name: value for name, value in os.environ.items() if name != PYTHON}
    ran = run(command, cwd=os.getcwd(), env=env, seconds=math.inf, kept=KEPT, hear=hear)
    _write(ran.output.gap.encode() + ran.output.tail)
    return ran.exit or 0


def _write(data: bytes) -> None:
    while data:
        data = data[os.write(1, data) :]


if __name__ == "__main__":
    sys.exit(main())
