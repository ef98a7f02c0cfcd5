"""New runs of a task that was tried before: from scratch, with the work so far, or with more words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codeforge.abilities import Ability, By
from codeforge.errors import Conflict
from codeforge.events import AgentEvent, Kind
from codeforge.forge import budgets, history, tasks
from codeforge.forge.standing import end, find, halt, left, row_of
from codeforge.model import LIVE, Principal, Run, RunState
from codeforge.store import Door
from codeforge.store import tables as t

if TYPE_CHECKING:
    from codeforge.forge import Forge


class Again:
    """The verbs that queue one more run."""

    _forge: Forge

    async def start(
        self,
        who: Principal,
        task_id: str,
        *,
        agent: str = "",
        model: str = "",
        follows: str | None = None,
        max_cost_micro: int | None = None,
        like: str = "",
    ) -> Run:
        """Queue one more run of a task: from scratch, or with ``follows`` from the work of an earlier run.

        ``max_cost_micro`` (micro-dollars) becomes its budget; without it, what people allowed the run ``like``.
        Raises `NotFound` (task, agent, model, run) and `Conflict` when there is no work to go on from.
        """
        task = await self._forge.tasks.get(who, task_id)
        project = await self._forge.projects.get(who, task.project_id)
        name, chosen, rank, provider = await self._forge.tasks.choices(who, task, project, agent, model)

        ceiling = tasks.ceiling_of(who, project, max_cost_micro)

        def work(door: Door) -> str:
            if follows:
                row = row_of(door, follows)
                if row["task_id"] != task_id or not row["change"]:
                    raise Conflict("That run left no work of this task to go on from: start from scratch.")
            given = {"agent": name, "model": chosen, "provider": provider, "made_by": who.user}
            new = tasks.queue(door, task, **given, priority=rank, follows=follows, ceiling=ceiling)
            if like and ceiling is None:
                budgets.inherit(door, like, new)
            return new

        return await self._queued(who, await self._forge.store.run(who.tenant_id, work))

    async def retry(self, who: Principal, run_id: str, *, work: bool = False, agent: str = "", model: str = "") -> Run:
        """Try the task of a run that has ended once more, with the task's words: from scratch, or with ``work``
        from what the run left. Agent and model are the run's unless others are given.

        Raises `NotFound`, and `Conflict` for a run that goes on still or left no work.
        """
        run = await self._forge.runs.get(who, run_id)
        if run.state in LIVE:
            raise Conflict("The run is not over: stop it first, or restart it from scratch.")
        if work and run.state == RunState.ACCEPTED:
            raise Conflict("Its work is on the branch already: start from scratch, which begins there.")
        follows = run_id if work else None
        agent, model = agent or run.agent, model or run.model
        return await self.start(who, run.task_id, agent=agent, model=model, follows=follows, like=run_id)

    async def restart(self, who: Principal, run_id: str) -> Run:
        """Begin a run's task anew from scratch, in its place: where it is not over it is stopped. Gives the new run.

        A run is restarted once: asked again, this gives the same new run; `retry` makes yet another.
        """
        run = await self._forge.runs.get(who, run_id)
        task = await self._forge.tasks.get(who, run.task_id)
        project = await self._forge.projects.get(who, run.project_id)
        agent, model, _, provider = await self._forge.tasks.choices(who, task, project, run.agent, run.model)

        def work(door: Door) -> str:
            row = row_of(door, run_id)
            if made := door.one(t.Run, t.Run.task_id == task.id, t.Run.replaces == run_id):
                return str(made["id"])
            halt(door, row, f"{who.user} started it again from scratch")
            given = {"agent": agent, "model": model, "provider": provider, "made_by": who.user}
            new = tasks.queue(door, task, **given, priority=row["priority"])  # type: ignore[arg-type]
            budgets.inherit(door, run_id, new)
            door.update(t.Run, t.Run.id == new, replaces=run_id)
            return new

        new = await self._forge.store.run(who.tenant_id, work)
        self._forge.coordinator.nudge(run_id)
        return await self._queued(who, new)

    async def replay(self, who: Principal, run_id: str) -> Run:
        """Do a run that has ended once more: same words, agent and commit to begin at, and the answers that its model
        gave. No model is called. Raises `NotFound`, and `Conflict` for a run that goes on still or whose exchanges
        were not all kept.
        """
        run = await self._forge.runs.get(who, run_id)
        if run.state in LIVE:
            raise Conflict("The run is not over: it can be replayed when it is.")
        cassette = await self._forge.exchanges.shelve(who, run_id)
        task = await self._forge.tasks.get(who, run.task_id)
        agent = self._forge.agent(run.agent).name

        def work(door: Door) -> str:
            given = {"agent": agent, "model": f"replay/{cassette}", "provider": "replay", "made_by": who.user}
            like = {"prompt": run.prompt, "follows": run.follows, "priority": run.priority}
            new = tasks.queue(door, task, **given, **like)  # type: ignore[arg-type]
            door.update(t.Run, t.Run.id == new, replays=run_id, start_commit=run.base)
            return new

        return await self._queued(who, await self._forge.store.run(who.tenant_id, work))

    async def follow_up(self, who: Principal, run: Run, text: str) -> Run:
        """Queue a run that goes on from an ended one's work with new words; a change in review counts as sent back.

        Where no run before left anything, the new one gets the words that were said before, too.
        """
        text = await self._forge.clean(who.tenant_id, tasks.checked_prompt(text, "comment"))
        task = await self._forge.tasks.get(who, run.task_id)
        self._forge.agent(run.agent)
        if self._forge.agents.by_class(run.agent)[Ability.FOLLOW_UP] == By.NOBODY:
            raise Conflict(f"The agent {run.agent} takes one turn and cannot go on from it: start a new task for more.")

        def work(door: Door) -> str:
            row = row_of(door, run.id)
            if row["state"] in LIVE:
                raise Conflict("The run is not over: say it to the run itself, or stop it first.")
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
                door,
                task,
                agent=run.agent,
                model=run.model,
                provider=run.provider,
                priority=run.priority,
                prompt=text,
                follows=run.id,
                made_by=who.user,
            )
            budgets.inherit(door, run.id, new)
            if not any(left(door, find(door, new))):
                door.update(t.Run, t.Run.id == new, prompt=f"{row['prompt']}\n\n{text}")
            return new

        return await self._queued(who, await self._forge.store.run(who.tenant_id, work))

    async def _queued(self, who: Principal, run_id: str) -> Run:
        run = await self._forge.runs.get(who, run_id)
        await self._forge.announce(run)
        return run
