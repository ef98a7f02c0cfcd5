"""Runs, as people see them: one, many, how many in which state, and the change of one. `Verbs` steers them."""

from __future__ import annotations

from codeforge.errors import NotFound
from codeforge.forge import calls, projects, rows
from codeforge.forge.parking import Parking
from codeforge.forge.standing import acceptable, end, find, left, row_of
from codeforge.forge.verbs import Verbs
from codeforge.model import LIVE, FileChange, Principal, Project, Run, RunState
from codeforge.store import Door, fn
from codeforge.store import tables as t

__all__ = ["LIVE", "Runs", "acceptable", "end", "find", "left", "row_of"]


class Runs(Verbs, Parking):
    """The tenant's runs."""

    async def get(self, who: Principal, run_id: str) -> Run:
        """One run. Raises `NotFound`."""
        return await self._forge.store.read(who.tenant_id, find, run_id)

    async def counts(self, who: Principal) -> dict[str, dict[RunState, int]]:
        """How many runs each project has in each state, by project id."""

        def work(door: Door) -> dict[str, dict[RunState, int]]:
            counted: dict[str, dict[RunState, int]] = {}
            columns = t.Run.project_id, t.Run.state
            for row in door.rows(door.query(t.Run).select(*columns, fn.COUNT(t.Run.id).alias("n")).group_by(*columns)):
                counted.setdefault(row["project_id"], {})[RunState(row["state"])] = row["n"]
            return counted

        return await self._forge.store.read(who.tenant_id, work)

    async def changes(self, who: Principal, run_id: str) -> list[FileChange]:
        """The files that a run changed. Empty while there is no change."""
        run, project = await self._with_project(who, run_id)
        if run.change is None:
            return []
        await self._forge.packs.fill(run, project)
        return await self._forge.projects.scm(project.scm).changes(project, run.change.base, run.change.head)

    async def diff(self, who: Principal, run_id: str, path: str | None = None) -> str:
        """The unified diff of a run's change, or of one path of it, with dots for secrets. Raises `NotFound` for a path
        not in it.
        """
        run, project = await self._with_project(who, run_id)
        if run.change is None:
            return ""
        scm = self._forge.projects.scm(project.scm)
        if path is not None and all(path not in (f.path, f.old_path) for f in await self.changes(who, run_id)):
            raise NotFound(f"The change does not touch {path!r}.")
        diff = await scm.diff(project, run.change.base, run.change.head, path)
        return await self._forge.clean(who.tenant_id, diff)

    async def _with_project(self, who: Principal, run_id: str) -> tuple[Run, Project]:
        def work(door: Door) -> tuple[Run, Project]:
            run = find(door, run_id)
            return run, projects.find(door, run.project_id)

        return await self._forge.store.read(who.tenant_id, work)

    async def list(
        self,
        who: Principal,
        *,
        task_id: str = "",
        project_id: str = "",
        live: bool = False,
        before: str = "",
        limit: int = 100,
    ) -> list[Run]:
        """Runs, newest first: of a task, of a project, or all; with ``live`` only those that have not ended.

        ``before`` leaves out that run and those after it.
        """

        def work(door: Door) -> list[Run]:
            where = [t.Run.task_id == task_id] if task_id else []
            where += [t.Run.project_id == project_id] if project_id else []
            where += [t.Run.state.in_(list(LIVE))] if live else []
            where += [t.Run.id < before] if before else []
            found = door.rows(door.query(t.Run, *where).order_by(t.Run.id.desc()).limit(limit))
            return [rows.run(row, calls.usage_of(door, t.Call.run_id == row["id"])) for row in found]

        return await self._forge.store.read(who.tenant_id, work)
