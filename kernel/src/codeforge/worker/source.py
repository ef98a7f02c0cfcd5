"""Where a worker's workspaces come from and where their work goes: beside the server, its mirrors are shared."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from codeforge.coordination import Assignment
from codeforge.model import Project, Run
from codeforge.scm import Scm, Workspace

LAST = 999_999_999
"""What is found after a worker's death comes after all that it sent."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Escrowed:
    """Work of a run: commit ``head``, on top of ``base``, has the hidden reference ``ref`` in this worker's mirror; it
    is the ``nth`` that the worker sends as this.
    """

    run: Run
    project: Project
    ref: str
    base: str
    head: str
    nth: int = LAST


class Source(ABC):
    """Brings a run's commits to the worker, and its work to where every server has it."""

    @abstractmethod
    async def prepare(self, job: Assignment, scm: Scm, into: Path, say: Callable[[str], None]) -> Workspace:
        """A workspace for the job in the new folder ``into``. Raises what `Scm.prepare` raises, and `Unavailable`."""

    @abstractmethod
    async def keep(self, work: Escrowed, scm: Scm) -> None:
        """Have the servers keep what was escrowed.

        Raises `Unavailable`; then the workspace must stay until it is tried again.
        """


class OwnMirrors(Source):
    """The worker of `codeforge up`: server and worker use the same mirrors."""

    async def prepare(self, job: Assignment, scm: Scm, into: Path, say: Callable[[str], None]) -> Workspace:
        return await scm.prepare(job.project, into, base=job.base, start=job.start, say=say)

    async def keep(self, work: Escrowed, scm: Scm) -> None:
        """It is where it belongs."""
