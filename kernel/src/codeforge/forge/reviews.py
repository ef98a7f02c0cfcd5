"""The reviewer's verdict on a change: accept delivers it, once, whatever is killed in between."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from codeforge.errors import Conflict, Invalid, Unavailable
from codeforge.events import AgentEvent, Kind
from codeforge.forge import history, needs, projects, runs, tasks
from codeforge.logs import tell
from codeforge.model import Principal, Run, RunState
from codeforge.store import Door, Expression
from codeforge.store import tables as t

if TYPE_CHECKING:
    from codeforge.forge import Forge

log = logging.getLogger(__name__)
VERDICTS = ("accept", "send_back", "reject")
STRATEGIES = ("merge", "squash", "fast-forward")


class Reviews:
    """Verdicts on changes."""

    def __init__(self, forge: Forge) -> None:
        self._forge = forge
        self._one_at_a_time: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def give(
        self, who: Principal, run_id: str, verdict: str, *, comment: str = "", strategy: str = "merge"
    ) -> Run:
        """Accept (deliver to the branch), send back (a new run with ``comment``) or reject a change.

        Gives the run, or for send_back the new one. Accepting what is accepted already changes nothing. Raises
        `Invalid`, `Conflict` for a run with nothing to review, and what `Scm.deliver` raises; then the change
        still waits for review.
        """
        if verdict not in VERDICTS:
            raise Invalid(f"{verdict!r} is no verdict: say accept, send_back or reject.", field="verdict")
        if strategy not in STRATEGIES:
            raise Invalid(f"{strategy!r} is no strategy: say {', '.join(STRATEGIES)}.", field="strategy")
        comment = await self._forge.clean(who.tenant_id, comment)
        async with self._alone(run_id):
            run = await self._forge.runs.get(who, run_id)
            if verdict == "accept":
                return await self._accept(who, run, comment, strategy)
            if verdict == "send_back":
                if run.state == RunState.SENT_BACK:
                    raise Conflict("The change was sent back already: say more to the run that goes on from it.")
                return await self._forge.runs.follow_up(who, run, comment)
            return await self._reject(who, run, comment)

    def _alone(self, run_id: str) -> asyncio.Lock:
        return self._one_at_a_time.setdefault(run_id, asyncio.Lock())

    async def _reject(self, who: Principal, run: Run, comment: str) -> Run:
        if run.state == RunState.REJECTED:
            return run
        if run.state not in (RunState.REVIEW, RunState.FAILED, RunState.STOPPED):
            raise Conflict(f"The run is {run.state}: there is no change to reject.")
        await self._close(who, run, RunState.REJECTED, comment)
        return await self._forge.runs.get(who, run.id)

    async def _accept(self, who: Principal, run: Run, comment: str, strategy: str) -> Run:
        if run.state == RunState.ACCEPTED:
            return run
        if not runs.acceptable(run):
            raise Conflict(f"The run is {run.state.replace('_', ' ')}: there is no change to accept.")
        intent = {"by": who.user, "comment": comment, "strategy": strategy}
        as_seen = t.Run.id == run.id, t.Run.state == run.state, t.Run.intent.is_null()
        if not await self._forge.store.run(who.tenant_id, self._intend, as_seen, intent):
            raise Conflict("Somebody accepts or sends back this change right now: look at it again.")
        return await self.deliver(who, run, intent)

    def _intend(self, door: Door, where: tuple[Expression, ...], intent: dict[str, Any]) -> int:
        """Write down that this server delivers a change, for the length of a lease."""
        until = door.now() + self._forge.settings.lease
        return door.update(t.Run, *where, intent={**intent, "until": until})

    @asynccontextmanager
    async def _intent_kept(self, run: Run, intent: dict[str, Any]) -> AsyncIterator[None]:
        """While the block lasts, no other server takes the delivery for cut off."""

        async def keep() -> None:
            mine = t.Run.id == run.id, t.Run.intent.is_null(False)
            while True:
                await asyncio.sleep(self._forge.settings.lease / 3)
                with suppress(Unavailable):
                    await self._forge.store.run(run.tenant_id, self._intend, mine, intent)

        keeping = asyncio.create_task(keep())
        try:
            yield
        finally:
            keeping.cancel()
            await asyncio.wait([keeping])

    async def deliver(self, who: Principal, run: Run, intent: dict[str, Any]) -> Run:
        """Deliver an accepted change; also what a restart does with an intent that was cut off."""
        assert run.change
        project = await self._forge.store.read(who.tenant_id, projects.find, run.project_id)
        task = await self._forge.store.read(who.tenant_id, tasks.find, run.task_id)
        trailers = {"Task": task.id, "Run": run.id, "Agent": f"{run.agent} ({run.model})", "Accepted-by": who.user}
        message = f"{task.title}\n\n" + "".join(f"{name}: {value}\n" for name, value in trailers.items())
        try:
            async with self._intent_kept(run, intent):
                await self._forge.packs.fill(run, project)
                delivery = await self._forge.projects.scm(project.scm).deliver(
                    project,
                    run.change,
                    strategy=intent["strategy"],
                    message=message,
                    author=f"{who.user} <{who.user}@codeforge.local>",
                )
        except Exception as error:
            tell(log, "change not delivered", level=logging.WARNING, run=run.id, by=who.user, why=str(error))
            await self._forge.store.run(who.tenant_id, lambda d: d.update(t.Run, t.Run.id == run.id, intent=None))
            raise
        tell(log, "change delivered", run=run.id, branch=delivery.branch, commit=delivery.commit, by=who.user)
        where = AgentEvent(Kind.DELIVERED, {"branch": delivery.branch, "commit": delivery.commit})
        await self._close(who, run, RunState.ACCEPTED, intent["comment"], where, delivered=delivery.commit)
        return await self._forge.runs.get(who, run.id)

    async def resume(self, *, everything: bool = False) -> None:
        """Finish the deliveries that a dead server had begun; ``everything``: there is no other server."""
        cut_off = await self._forge.store.read(
            None,
            lambda d: d.all(t.Run, t.Run.intent.is_null(False), t.Run.state.in_([RunState.REVIEW, RunState.FAILED])),
        )
        for row in cut_off:
            intent = row["intent"]
            if not everything and not await self._forge.store.run(None, self._take_over, row):
                continue
            who = Principal(user_id="", user=intent["by"], tenant_id=row["tenant_id"], scopes=frozenset())
            async with self._alone(row["id"]):
                run = await self._forge.runs.get(who, row["id"])
                if run.state != row["state"]:
                    continue
                try:
                    await self.deliver(who, run, intent)
                except Exception as error:
                    await self._forge.note(run, f"The delivery could not be finished: {error}")

    def _take_over(self, door: Door, row: dict[str, Any]) -> int:
        """Whether the delivery is this server's now: its own has given no word for the length of a lease."""
        if row["intent"].get("until", 0) > door.now():
            return 0
        return self._intend(door, (t.Run.id == row["id"], t.Run.intent == row["intent"]), row["intent"])

    async def _close(
        self, who: Principal, run: Run, state: RunState, comment: str, *more: AgentEvent, delivered: str | None = None
    ) -> None:
        verdict = "accept" if state == RunState.ACCEPTED else "reject"

        def work(door: Door) -> list[str]:
            row = runs.row_of(door, run.id)
            if row["state"] == state:
                return []
            ready = needs.met(door, row["task_id"]) if state == RunState.ACCEPTED else []
            history.append(
                door, row, [AgentEvent(Kind.REVIEW, {"verdict": verdict, "comment": comment, "by": who.user}), *more]
            )
            kept = {name: row[name] for name in ("reason", "detail", "ended_at")}
            runs.end(door, row, state, **kept, delivered=delivered, intent=None)
            return ready

        ready = await self._forge.store.run(who.tenant_id, work)
        for run_id in ready:
            await self._forge.ring(run_id)
