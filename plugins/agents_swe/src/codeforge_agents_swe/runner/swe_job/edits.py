"""Tells which files a command wrote: what git says of the workspace before and after it."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from codeforge_agent.command import run
from codeforge_agent.job import Job
from codeforge_agent.report import Report

SECONDS = 2.0
"""A look that takes longer is the last: commands should not wait for it."""
KEPT = 2_000_000
"""Bytes of git's answer; a longer one is one too many, too."""
TOLD = 100
"""Files that are told of one command."""

Stamp = tuple[int, int, int] | None


@dataclass(frozen=True)
class _Look:
    head: str = ""
    stamps: dict[str, Stamp] = field(default_factory=dict)


class Edits:
    """``any`` turns true with the first edit; where nobody can tell, with the first command."""

    def __init__(self, job: Job, report: Report) -> None:
        self._root, self._report = Path(job.workspace), report
        self._env = {**os.environ, "GIT_OPTIONAL_LOCKS": "0", "GIT_CEILING_DIRECTORIES": str(self._root.parent)}
        self._before = self._look()
        self.any = False

    def tell(self) -> None:
        """Tell what was written since the last look."""
        if self._before is None:
            self.any = True
            return
        before, after = self._before, self._look()
        if after is None:
            self._before, self.any = None, True
            self._report.text("log", "The workspace is large: which files are edited is seen at the end.")
            return
        committed = self._differing(before.head, after.head) if before.head != after.head else set()
        paths = sorted(
            path
            for path in {*before.stamps, *after.stamps, *committed}
            if path not in before.stamps or before.stamps[path] != self._stamp(path)
        )
        for path in paths[:TOLD]:
            self._report.tell("edited", path=os.fsencode(path).decode("utf-8", errors="replace"))
        if len(paths) > TOLD:
            self._report.text("log", f"and {len(paths) - TOLD} more files edited")
        self._before, self.any = after, self.any or bool(paths)

    def _look(self) -> _Look | None:
        told = self._git("status", "--porcelain=v2", "--branch", "-z", "-uall", "--no-renames")
        if told is None:
            return None
        head, paths = "", []
        for line in told:
            kind, _, rest = line.partition(" ")
            if kind == "#" and rest.startswith("branch.oid "):
                head = rest.partition(" ")[2]
            elif kind in _BEFORE_PATH:
                paths.append(rest.split(" ", _BEFORE_PATH[kind])[-1])
        return _Look(head, {path: self._stamp(path) for path in paths})

    def _differing(self, old: str, new: str) -> set[str]:
        return set(self._git("diff", "--name-only", "-z", "--no-renames", "--no-ext-diff", old, new) or ())

    def _git(self, *arguments: str) -> list[str] | None:
        """The answer's parts; None when there is none, or not soon."""
        command = ["git", "-c", "core.fsmonitor=false", *arguments]
        try:
            result = run(
                command, cwd=str(self._root), env=self._env, seconds=SECONDS, kept=KEPT, stderr=subprocess.DEVNULL
            )
        except OSError:
            return None
        if result.exit != 0 or result.output.dropped:
            return None
        return os.fsdecode(bytes(result.output.head + result.output.tail)).rstrip("\0").split("\0")

    def _stamp(self, path: str) -> Stamp:
        try:
            found = (self._root / path).lstat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_mode


_BEFORE_PATH = {"1": 7, "u": 9, "?": 0}
"""How many fields stand before the path in each kind of line of `git status`."""
