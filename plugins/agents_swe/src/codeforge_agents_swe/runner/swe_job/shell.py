"""Where mini-swe-agent's commands run: in the workspace, by bash, told as they run."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from codeforge_agent.command import Ran, run
from codeforge_agent.job import Job
from codeforge_agent.report import PIECE, Report
from minisweagent.environments.local import LocalEnvironment

from .edits import Edits
from .screen import Screen

SECONDS = 600.0
"""The longest that one command may take."""
KEPT = 64 * 1024
"""Bytes that are kept from either end of a command's output."""
ARGUMENT = 100_000
"""Bytes of a command that fit into an argument; the kernel's limit is 128 KB."""
SUBMIT = "COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT"


class Shell(LocalEnvironment):  # type: ignore[misc]
    """Runs commands one after the other, each in a shell and a session of its own."""

    def __init__(self, job: Job, report: Report, edits: Edits, env: dict[str, str]) -> None:
        super().__init__(cwd=job.workspace, env={**env, "PYTHONDONTWRITEBYTECODE": "1"})
        self._report, self._edits = report, edits
        self._bash = shutil.which("bash") or "sh"
        self._seconds = min(SECONDS, job.seconds / 2)  # so that the agent can still do something about it

    def execute(self, action: dict[str, Any], cwd: str = "", *, timeout: int | None = None) -> dict[str, Any]:
        """Run one command. Raises `Submitted` when it is the one that submits."""
        command = action["command"]
        code: int | None = None
        try:
            result = self._run(command)
            code = result.exit
        except (OSError, ValueError) as error:
            code = 126
            output = {"output": "", "returncode": -1, "exception_info": f"The command could not be started: {error}"}
        else:
            output = {"output": result.output.text(), "returncode": -1 if code is None else code, "exception_info": ""}
            if code is None:
                output["exception_info"] = (
                    f"The command was cut off after {self._seconds:g} seconds. "
                    "Run what takes longer in the background, with its output in a file."
                )
        finally:
            shown = command if len(command) <= PIECE else command[: PIECE - 10] + " [...]"
            self._report.tell("ran", command=shown, exit=code)
        self._edits.tell()
        if SUBMIT in command:  # a file of the repository that begins with the word submits nothing
            self._check_finished(output)
        return output

    def _run(self, command: str) -> Ran:
        screen, env = Screen(self._report), {**os.environ, **self.config.env}
        options = {"cwd": self.config.cwd, "env": env, "seconds": self._seconds, "kept": KEPT}
        if len(command.encode()) <= ARGUMENT:
            result = run([self._bash, "-c", command], hear=screen.hear, **options)
        else:
            with tempfile.TemporaryDirectory() as folder:
                script = Path(folder) / "command"
                script.write_text(command, encoding="utf-8")
                result = run([self._bash, str(script)], hear=screen.hear, **options)
        screen.end()
        return result

    def get_template_vars(self, **known: Any) -> dict[str, Any]:
        """Of the machine only its kind: the same words on every machine and day (see cassettes)."""
        return {"system": "Linux", "release": "", "version": "", "machine": "", **known}

    def serialize(self) -> dict[str, Any]:
        return {}
