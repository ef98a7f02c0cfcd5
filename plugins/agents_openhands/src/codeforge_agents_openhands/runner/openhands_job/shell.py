"""The agent's commands: a bash of its own for each, its true exit code, and never more output than is read."""

from __future__ import annotations

import os
import select
import shlex
import signal
import subprocess
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from codeforge_agent.bounded import Bounded

HALF = 15_000
"""Bytes kept of either end of an output: a model reads no more at once."""
LOOK = 0.05
"""Seconds between two looks whether a command has ended while something in the background holds its output open."""
PIPE = 20
"""Pieces that a full pipe holds, and some."""
GRACE = 1.0
"""Seconds between SIGTERM and SIGKILL for a command that took too long."""
QUIET = {"TERM": "dumb", "PAGER": "cat", "GIT_PAGER": "cat", "MANPAGER": "cat", "DEBIAN_FRONTEND": "noninteractive"}


@dataclass(frozen=True)
class Ran:
    """What came of one command. ``exit`` is None when it was cut off, and ``note`` says why."""

    output: str
    exit: int | None
    folder: str
    note: str = ""


class Shell:
    """Starts in ``workspace``. Folder, exported variables and functions carry over, in files below ``own``.

    A prompt that is waited for, as terminals do it, may come early on a busy machine, and then a failed command
    passes for a good one. Here a command's end is the end of its process.
    """

    def __init__(self, workspace: str, own: Path, env: dict[str, str]) -> None:
        self._workspace, self._own, self._env = workspace, own, {**env, **QUIET}
        self._process: subprocess.Popen[bytes] | None = None
        self._interrupted = False
        self.reset()

    def reset(self) -> None:
        """Forget what carried over."""
        self._folder = self._workspace
        self._own.mkdir(parents=True, exist_ok=True)
        for left in self._own.iterdir():
            left.unlink()

    def run(self, command: str, seconds: float) -> Ran:
        """Run ``command`` to its end, or for at most ``seconds``. What it leaves in the background goes on."""
        self._interrupted = False
        (self._own / "command").write_text(command + "\n", encoding="utf-8", errors="surrogateescape")
        (self._own / "script").write_text(self._script(), encoding="utf-8")
        folder = self._folder if Path(self._folder).is_dir() else self._workspace
        process = self._process = subprocess.Popen(
            ["bash", "--norc", "--noprofile", str(self._own / "script")], cwd=folder, env=self._env,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        assert process.stdout
        output, pipe = Bounded(HALF), process.stdout.fileno()
        os.set_blocking(pipe, False)
        deadline, note, whole = time.monotonic() + seconds, "", False
        while process.poll() is None:
            left = deadline - time.monotonic()
            if left <= 0:
                note = f"ended after {seconds:g} s"
                self._end(process)
            elif whole:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(left)
            elif select.select([pipe], [], [], min(left, LOOK))[0]:
                whole = _read(pipe, output)
        for _ in range(PIPE):  # all that the command said is in the pipe by now; others may go on and on
            whole = whole or _read(pipe, output)
        _let_go(process, whole)
        self._remember_folder()
        if self._interrupted:
            note = "interrupted"
        code = process.returncode
        return Ran(output.text(), None if note else code if code >= 0 else 128 - code, self._folder, note)

    def interrupt(self) -> None:
        """End the command that runs now, from another thread."""
        self._interrupted = True
        if self._process is not None and self._process.poll() is None:
            self._signal(self._process, signal.SIGKILL)

    def _script(self) -> str:
        """Sourced, not inlined: a command as long as any, with a syntax error or an `exit`, stays a command."""
        own = shlex.quote(str(self._own))
        keep = f"{{ export -p; declare -f; }} > {own}/new 2>/dev/null && mv -f {own}/new {own}/kept; pwd > {own}/folder"
        return (
            f"[ -f {own}/kept ] && . {own}/kept 2>/dev/null\n"
            f"cd -- {shlex.quote(self._folder)} 2>/dev/null\n"
            f"trap {shlex.quote(f'codeforge_exit=$?; set +eu; {keep}; exit $codeforge_exit')} EXIT\n"
            f". {own}/command\n"
        )

    def _remember_folder(self) -> None:
        with suppress(OSError):
            self._folder = (self._own / "folder").read_text(encoding="utf-8", errors="surrogateescape")[:-1]

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        self._signal(process, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(GRACE)
        self._signal(process, signal.SIGKILL)  # whatever of the group is left, too
        process.wait()

    def _signal(self, process: subprocess.Popen[bytes], number: int) -> None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)


def _read(pipe: int, output: Bounded) -> bool:
    """Read a piece; gives whether that was the end."""
    try:
        chunk = os.read(pipe, 65536)
    except BlockingIOError:
        return False
    output.add(chunk)
    return not chunk


def _let_go(process: subprocess.Popen[bytes], whole: bool) -> None:
    """Close the pipe, or read on for whoever holds it: a background process must not die of a closed one."""
    assert process.stdout
    if whole:
        process.stdout.close()
    else:
        os.set_blocking(process.stdout.fileno(), True)
        threading.Thread(target=_drain, args=(process,), daemon=True).start()


def _drain(process: subprocess.Popen[bytes]) -> None:
    assert process.stdout
    while os.read(process.stdout.fileno(), 65536):
        pass
    process.stdout.close()
