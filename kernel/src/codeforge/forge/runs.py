"""Runs, as people see and steer them: start again, stop, say something, look at the change."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from codeforge import moving
from codeforge.errors import Conflict, NotFound
from codeforge.events import AgentEvent, Kind
from codeforge.forge import calls, history, keys, projects, rows, tasks
from codeforge.ids import new_id
from codeforge.model import ENDED, HELD, Change, FileChange, Principal, Project, Reason, Run, RunState
from codeforge.store import Door, fn
from codeforge.store import tables as t

if TYPE_CHECKING:
    from codeforge.forge import Forge

LIVE = frozenset(RunState) - ENDED


def row_of(door: Door, run_id: str) -> dict[str, Any]:
    """The tenant's run as a row. Raises `NotFound`."""
    if row := door.one(t.Run, t.Run.id == run_id):
        return row
    raise NotFound(f"There is no run {run_id}.")


def find(door: Door, run_id: str) -> Run:
    """The tenant's run with its use of models. Raises `NotFound`."""
    return rows.run(row_of(door, run_id), calls.usage_of(door, t.Call.run_id == run_id))


def left(door: Door, run: Run) -> tuple[Change | None, bytes | None]:
    """What a run goes on from: the newest change and agent's memory among those that it follows."""
    change, memory = None, None
    while run.follows and not (change and memory):
        run = find(door, run.follows)
        kept = door.one(t.Artifact, t.Artifact.run_id == run.id, t.Artifact.name == "memory")
        change, memory = change or run.change, memory or (bytes(kept["data"]) if kept else None)
    return change, memory


def end(door: Door, row: dict[str, Any], state: RunState, **values: Any) -> None:
    """Put a run into an end state and say so in its history, inside the caller's transaction."""
    values = {"lease_until": None, "want": None, "reason": None, "detail": "", "ended_at": time.time(), **values}
    moving.move(door, row, state, **values)
    shown = {"state": state, "reason": values.get("reason"), "detail": values.get("detail", "")}
    history.append(door, row, [AgentEvent(Kind.STATE, shown)])
    keys.revoke(door, row["id"])


def acceptable(run: Run) -> bool:
    """Whether a person may accept the run's change: one in review, one whose check failed, or an earlier run's
    change to which this one added nothing.
    """
    judged = run.state == RunState.FAILED and run.reason in (Reason.CHECK_FAILED, Reason.NOTHING_CHANGED)
    return run.change is not None and (run.state == RunState.REVIEW or judged)


class Runs:
    """The tenant's runs."""

    def __init__(self, forge: Forge) -> None:
        self._forge = forge

    async def start(
        self, who: Principal, task_id: str, *, agent: str = "", model: str = "", follows: str | None = None
    ) -> Run:
        """Queue one more run of a task: from scratch, or with ``follows`` from the work of an earlier run.

        Raises `NotFound` (task, agent, model, run) and `Conflict` when there is no work to go on from.
        """
        task = await self._forge.tasks.get(who, task_id)
        project = await self._forge.projects.get(who, task.project_id)
        name, chosen, rank = await self._forge.tasks.choices(who, task, project, agent, model)

        def work(door: Door) -> str:
            if follows:
                row = row_of(door, follows)
                if row["task_id"] != task_id or not row["change"]:
                    raise Conflict("That run left no work of this task to go on from: start from scratch.")
            return tasks.queue(door, task, agent=name, model=chosen, priority=rank, follows=follows)

        return await self._queued(who, await self._forge.store.run(who.tenant_id, work))

    async def get(self, who: Principal, run_id: str) -> Run:
        """One run. Raises `NotFound`."""
        return await self._forge.store.run(who.tenant_id, find, run_id)

    async def counts(self, who: Principal) -> dict[str, dict[RunState, int]]:
        """How many runs each project has in each state, by project id."""

        def work(door: Door) -> dict[str, dict[RunState, int]]:
            counted: dict[str, dict[RunState, int]] = {}
            columns = t.Run.project_id, t.Run.state
            for row in door.rows(door.query(t.Run).select(*columns, fn.COUNT(t.Run.id).alias("n")).group_by(*columns)):
                counted.setdefault(row["project_id"], {})[RunState(row["state"])] = row["n"]
            return counted

        return await self._forge.store.run(who.tenant_id, work)

    def verbs(self, run: Run) -> tuple[str, ...]:
        """What people can do with a run now, of: stop, message, accept, send_back, reject, retry."""
        if run.state in LIVE:
            can_hear = run.state != RunState.CHECKING and run.want is None
            return (*(("message",) if can_hear else ()), *(("stop",) if run.want is None else ()))
        if run.state in (RunState.ACCEPTED, RunState.REJECTED):
            return ("retry",)
        if run.state == RunState.SENT_BACK:
            return ("message", "retry")
        return (*(("accept",) if acceptable(run) else ()), "send_back", "reject", "message", "retry")

    async def stop(self, who: Principal, run_id: str) -> Run:
        """Ask a run to stop; what it did so far is kept. A run that has ended stays as it is.

        Returns at once; the run is ``stopped`` when its worker says that nothing of it is left.
        """

        def work(door: Door) -> None:
            row = row_of(door, run_id)
            if row["state"] in HELD and row["want"] != "stop":
                door.update(t.Run, t.Run.id == run_id, want="stop")
                told = AgentEvent(Kind.PROGRESS, {"text": f"{who.user} asked to stop"})
                history.append(door, row, [told])
            elif row["state"] in LIVE - HELD:
                end(door, row, RunState.STOPPED, detail=f"Stopped by {who.user} before it began.")
            keys.revoke(door, run_id)

        await self._forge.store.run(who.tenant_id, work)
        self._forge.coordinator.nudge(run_id)
        self._forge.history.told()
        return await self.get(who, run_id)

    async def message(self, who: Principal, run_id: str, text: str) -> Run:
        """Say something to a run: an agent at work is told at its next turn; one that ended goes on in a new run.

        Gives the run that has the message. Raises `Invalid` for an empty text and `Conflict` when the run
        left nothing to go on from.
        """
        tasks.checked_prompt(text, "text")
        run = await self.get(who, run_id)
        if run.state in ENDED:
            return await self.follow_up(who, run, text)

        def work(door: Door) -> None:
            row = row_of(door, run_id)
            if row["state"] not in LIVE - {RunState.CHECKING} or row["want"]:
                raise Conflict("The run is ending right now: send your message again in a moment.")
            door.insert(t.Message, id=new_id(), run_id=run_id, text=text, created_at=time.time())
            history.append(door, row, [AgentEvent(Kind.MESSAGE, {"text": text, "by": who.user})])

        await self._forge.store.run(who.tenant_id, work)
        self._forge.coordinator.nudge(run_id)
        self._forge.history.told()
        return await self.get(who, run_id)

    async def follow_up(self, who: Principal, run: Run, text: str) -> Run:
        """Queue a run that goes on from an ended one's work with new words; a change in review counts as sent back.

        Where no run before left anything, the new one gets the words that were said before, too.
        """
        tasks.checked_prompt(text, "comment")
        task = await self._forge.tasks.get(who, run.task_id)
        self._forge.agent(run.agent)

        def work(door: Door) -> str:
            row = row_of(door, run.id)
            if row["state"] in (RunState.ACCEPTED, RunState.REJECTED):
                raise Conflict(f"The change was {row['state']} already: start a new task for more.")
            if row["intent"]:
                raise Conflict("The change is being delivered right now: wait until it is.")
            if row["state"] in (RunState.REVIEW, RunState.FAILED, RunState.STOPPED):
                history.append(
                    door, row, [AgentEvent(Kind.REVIEW, {"verdict": "send_back", "comment": text, "by": who.user})]
                )
                end(door, row, RunState.SENT_BACK, reason=row["reason"], detail=row["detail"], ended_at=row["ended_at"])
            new = tasks.queue(
                door, task, agent=run.agent, model=run.model, priority=run.priority, prompt=text, follows=run.id
            )
            if not any(left(door, find(door, new))):
                door.update(t.Run, t.Run.id == new, prompt=f"{row['prompt']}\n\n{text}")
            return new

        return await self._queued(who, await self._forge.store.run(who.tenant_id, work))

    async def changes(self, who: Principal, run_id: str) -> list[FileChange]:
        """The files that a run changed. Empty while there is no change."""
        run, project = await self._with_project(who, run_id)
        if run.change is None:
            return []
        return await self._forge.projects.scm(project.scm).changes(project, run.change.base, run.change.head)

    async def diff(self, who: Principal, run_id: str, path: str | None = None) -> str:
        """The unified diff of a run's change, or of one path of it. Raises `NotFound` for a path not in it."""
        run, project = await self._with_project(who, run_id)
        if run.change is None:
            return ""
        scm = self._forge.projects.scm(project.scm)
        if path is not None and all(path not in (f.path, f.old_path) for f in await self.changes(who, run_id)):
            raise NotFound(f"The change does not touch {path!r}.")
        return await scm.diff(project, run.change.base, run.change.head, path)

    async def _with_project(self, who: Principal, run_id: str) -> tuple[Run, Project]:
        def work(door: Door) -> tuple[Run, Project]:
            run = find(door, run_id)
            return run, projects.find(door, run.project_id)

        return await self._forge.store.run(who.tenant_id, work)

    async def _queued(self, who: Principal, run_id: str) -> Run:
        run = await self.get(who, run_id)
        await self._forge.announce(run)
        return run

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

        return await self._forge.store.run(who.tenant_id, work)
