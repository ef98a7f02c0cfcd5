"""Servers below tests: kept by a shim, so that they die with the tests, however those end."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import codeforge._shim
from codeforge.errors import Unavailable

_SHIM = codeforge._shim.__file__


class Kept:
    """A command below the shim (see ``_shim.py``), which ends it when this pipe closes, as it does when we die.

    ``grace`` is the number of seconds that it gets for an end in order; what it says goes to a file in ``folder``.
    """

    def __init__(self, command: list[str], env: dict[str, str], folder: Path, *, grace: float = 15) -> None:
        theirs, self._lifeline = os.pipe()
        self.output = folder / f"{Path(command[0]).name}.log"
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-I", "-S", _SHIM, str(theirs), str(grace), "--", *command],
                cwd=folder, env=env, pass_fds=[theirs], start_new_session=True,
                stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            )  # fmt: skip
        os.close(theirs)

    def stop(self) -> None:
        """End the command and everything below it."""
        if self._lifeline >= 0:
            os.close(self._lifeline)
            self._lifeline = -1
        self.process.wait(30)


def wait(ready: Callable[[], bool], kept: Kept, *, seconds: float, what: str) -> None:
    """Wait until a server is ready. Raises `Unavailable` with its last words when it ended or takes too long."""
    deadline = time.monotonic() + seconds
    while not ready():
        if kept.process.poll() is not None or time.monotonic() > deadline:
            said = kept.output.read_text(errors="replace")[-2000:]
            raise Unavailable(f"The private {what} did not start; it said: {said}")
        time.sleep(0.05)
