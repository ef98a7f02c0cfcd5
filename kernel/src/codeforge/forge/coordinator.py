"""What workers talk to: gives out runs, passes on people's orders, takes reports of the current generation only."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from codeforge import news, scheduler
from codeforge.coordination import NOTHING_KNOWN, Assignment, Coordinator, Known, Orders, Unheard
from codeforge.errors import CodeForgeError, Conflict, DatabaseAway, Fenced, NotFound
from codeforge.events import AgentEvent, Kind
from codeforge.forge import claims, history, keys, leaving, projects, questions, runs, standing, tasks
from codeforge.llm import Model
from codeforge.logs import tell
from codeforge.model import ENDED, HELD, TRANSITIONS, Change, Principal, Project, Reason, Run, RunState
from codeforge.store import Door
from codeforge.store import tables as t
from codeforge.vault import cleaned

if TYPE_CHECKING:
    from codeforge.forge import Forge

log = logging.getLogger(__name__)
DIED = "Its worker died while it was being paused; what is found of its work is what it goes on from."


class ForgeCoordinator(Coordinator):
    """The coordinator itself, over the database. See `Coordinator` for what its methods do."""

    def __init__(self, forge: Forge) -> None:
        self._forge = forge
        self._silence = scheduler.Silence(forge.settings.lease)

    @property
    def others(self) -> bool:
        queue = self._forge.offers.queue
        return queue is not None and queue.far

    async def claim(self, worker: str) -> Assignment | None:
        while claimed := await self._forge.store.run(None, self._claimed, worker):
            run = claimed.run
            who = Principal(user_id="", user="", tenant_id=run.tenant_id, scopes=frozenset())
            try:
                return replace(claimed, model=await self._model(who, run))
            except DatabaseAway:  # the run is found lost, and claimed again
                raise
            except CodeForgeError as error:
                await self.report(
                    run.id, run.generation, state=RunState.FAILED, reason=Reason.PLUGIN_MISSING, detail=str(error)
                )
        return None

    async def _model(self, who: Principal, run: Run) -> Model:
        """The run's model; for a replay as it was when it answered, because agents work in ways of their model's."""
        if not run.replays:
            return await self._forge.models.find(who, run.model, run.project_id)
        before = await self._forge.runs.get(who, run.replays)
        await self._forge.exchanges.shelve(who, before.id)  # by now another server may be at work
        await self._forge.models.find(who, run.model, run.project_id)
        try:
            return await self._forge.models.find(who, before.model, run.project_id)
        except NotFound:
            return Model(name=before.model, provider=before.provider)

    def _claimed(self, door: Door, worker: str) -> Assignment | None:
        lease = self._forge.settings.lease
        row = scheduler.claim(door, scheduler.worker_facts(door, worker), lease)
        if row is None:
            return None
        history.append(door, row, [AgentEvent(Kind.STATE, {"state": RunState.PREPARING, "worker": worker})])
        run = runs.find(door, row["id"])
        given, _ = before = runs.left(door, run)
        own = standing.own(door, row)
        change, memory = own or before
        return Assignment(
            run=run,
            task=tasks.find(door, run.task_id),
            project=projects.find(door, run.project_id),
            model=Model(name=run.model, provider=""),
            gateway=f"{self._forge.url}/llm/v1",
            key=keys.mint(door, row, lease),
            base=change.base if change else row["start_commit"],
            start=change.head if change else row["start_commit"],
            given=given.head if given else None,
            resumed=own is not None,
            memory=memory,
        )

    def nudge(self, run_id: str) -> None:
        """Wake the renewal that waits for orders about this run."""
        self._forge.store.news.tell([news.orders(run_id)])

    async def renew(
        self,
        run_id: str,
        generation: int,
        wait: float = 0.0,
        known: Known = NOTHING_KNOWN,
        *,
        patience: float | None = None,
    ) -> Orders:
        if wait:
            with self._forge.store.news.bell(news.orders(run_id)) as bell:
                orders = await self._forge.store.read(None, self._orders, run_id, generation)
                if orders.known == known:
                    with suppress(TimeoutError):
                        async with asyncio.timeout(wait):
                            await bell.wait()
        return await self._forge.store.run(None, self._renewed, run_id, generation)

    def _orders(self, door: Door, run_id: str, generation: int) -> Orders:
        row = scheduler.held(door, run_id, generation)
        said = door.all(t.Message, t.Message.run_id == run_id)
        return Orders(
            want=row["want"],
            words=tuple((m["id"], m["text"]) for m in said),
            reported=row["reported"],
            answers=questions.answers(row),
        )

    def _renewed(self, door: Door, run_id: str, generation: int) -> Orders:
        lease = self._forge.settings.lease
        scheduler.renew(door, run_id, generation, lease)
        keys.extend(door, run_id, lease)
        return self._orders(door, run_id, generation)

    async def report(
        self,
        run_id: str,
        generation: int,
        events: Iterable[AgentEvent] = (),
        *,
        number: int | None = None,
        state: RunState | None = None,
        words_seen: int | None = None,
        **facts: Any,
    ) -> None:
        known = await self._secrets(run_id)
        clean = [replace(event, data=cleaned(event.data, known)) for event in events]
        if "detail" in facts:
            facts["detail"] = cleaned(facts["detail"], known)
        for name in ("change", "check"):
            if facts.get(name) is not None:
                facts[name] = asdict(facts[name])

        def work(door: Door) -> None:
            row = scheduler.held(door, run_id, generation, reported=number)
            if number is not None and row["reported"] >= number:
                return
            if words_seen is not None and len(door.all(t.Message, t.Message.run_id == run_id)) > words_seen:
                raise Unheard("Somebody said something to this run meanwhile.")
            history.append(door, row, clean)
            facts["reported"] = number or row["reported"]
            if claimed := claims.added(row["claimed"], clean):
                facts["claimed"] = claimed
            if (asked := questions.after(row, clean)) is not None:
                facts["questions"] = asked
            if state is None:
                door.update(t.Run, t.Run.id == run_id, **facts)
                return
            if state not in TRANSITIONS[RunState(row["state"])]:
                raise Conflict(f"A run cannot go from {row['state']} to {state}.")
            goes, told = state, facts
            may_pass = state == RunState.FAILED and row["want"] not in ("stop", "wait")
            if may_pass and (later := leaving.again(row, facts, self._forge.settings.max_retries, door.now())):
                goes, told = RunState.QUEUED, later
            self._move(door, row, *leaving.heed(door, row, goes, told))

        try:
            await self._forge.store.run(None, work)
        except Fenced:
            self._forge.metrics.fenced.inc()
            tell(log, "report refused", level=logging.WARNING, run=run_id, generation=generation)
            raise

    def _move(self, door: Door, row: dict[str, Any], state: RunState, facts: dict[str, Any]) -> None:
        (runs.end if state in ENDED else standing.move)(door, row, state, **facts)

    def lagged(self, seconds: float) -> None:
        self._forge.metrics.lag.observe(seconds)

    async def remember(self, run_id: str, generation: int, memory: bytes) -> None:
        def work(door: Door) -> None:
            row = scheduler.held(door, run_id, generation)
            door.delete(t.Artifact, t.Artifact.run_id == run_id, t.Artifact.name == "memory")
            door.insert(t.Artifact, tenant_id=row["tenant_id"], run_id=run_id, name="memory", data=memory)

        await self._forge.store.run(None, work)

    async def describe(self, run_id: str) -> tuple[Run, Project] | None:
        def work(door: Door) -> tuple[Run, Project] | None:
            row = door.one(t.Run, t.Run.id == run_id)
            return (runs.find(door, run_id), projects.find(door, row["project_id"])) if row else None

        return await self._forge.store.read(None, work)

    async def forgotten(self, project_ids: Iterable[str]) -> list[str]:
        asked = set(project_ids)

        def work(door: Door) -> set[str]:
            known = door.query(t.Project, t.Project.id.in_(sorted(asked))).select(t.Project.id)
            return {row["id"] for row in door.rows(known)}

        return sorted(asked - await self._forge.store.read(None, work)) if asked else []

    async def saved(self, run_id: str, ref: str, change: Change) -> None:
        def work(door: Door) -> None:
            row = runs.row_of(door, run_id)
            generation = int(ref.rpartition("/")[2])
            if row["change"] is None and row["state"] in (RunState.FAILED, RunState.STOPPED):
                door.update(t.Run, t.Run.id == run_id, change=asdict(change))
            elif _put_by(row) and row["generation"] == generation > _kept_by(row):
                door.update(t.Run, t.Run.id == run_id, change=asdict(change))
                standing.put_by(door, row, generation, change.base, asdict(change))
            text = f"What was done before the worker died is kept in {ref}: {change.files} files changed."
            history.append(door, row, [AgentEvent(Kind.PROGRESS, {"text": text})])

        await self._forge.store.run(None, work)

    def due(self) -> float:
        """Seconds until the next run may be lost; none of those that are claimed meanwhile comes before."""
        return self._silence.due()

    async def reap(self, *, everything: bool = False) -> None:
        """Queue lost runs again; fail them as ``lost`` after too many losses. One that was to stop has stopped, one
        that was to pause is paused, and one that was to wait waits.
        """

        def work(door: Door) -> None:
            held = t.Run.state.in_(list(HELD))
            for row in door.all(t.Run, held) if everything else self._silence.over(door):
                door.after(partial(self._lost, row))
                losses = row["losses"] + 1
                if row["want"] == "stop":
                    runs.end(door, row, RunState.STOPPED, detail="Its worker died while it was being stopped.")
                elif row["want"] == "pause":
                    self._move(door, row, RunState.PAUSED, {"losses": losses, "detail": DIED})
                elif row["want"] == "wait":
                    self._move(door, row, RunState.WAITING, {"losses": losses, "detail": row["waiting_for"]["detail"]})
                elif losses > self._forge.settings.max_losses:
                    detail = f"Its worker died {losses} times."
                    runs.end(door, row, RunState.FAILED, reason=Reason.LOST, detail=detail, losses=losses)
                else:
                    wait = scheduler.back_off(losses)
                    later = door.now() + wait if wait else 0
                    detail = f"Worker {row['worker']} gave no word any more; the run starts again."
                    self._move(door, row, RunState.QUEUED, {"losses": losses, "not_before": later, "detail": detail})

        await self._forge.store.run(None, work)

    def _lost(self, row: dict[str, Any]) -> None:
        self._forge.metrics.losses.inc()
        facts = {name: row[name] for name in ("generation", "worker")}
        tell(log, "lease lost", level=logging.WARNING, run=row["id"], **facts)

    async def _secrets(self, run_id: str) -> tuple[str, ...]:
        """What must not stand in this run's history: the tenant's providers' keys. Its own its worker leaves out."""
        row = await self._forge.store.read(None, lambda door: door.one(t.Run, t.Run.id == run_id))
        return await self._forge.secrets(row["tenant_id"]) if row else ()


def _put_by(row: dict[str, Any]) -> bool:
    """Whether a run is paused or waits, or will be once its dead worker's lease is over."""
    here = row["state"] in (RunState.PAUSED, RunState.WAITING)
    return here or (row["state"] in HELD and row["want"] in ("pause", "wait"))


def _kept_by(row: dict[str, Any]) -> int:
    """The generation whose work the run goes on from; 0: none."""
    return int(row["kept"]["generation"]) if row["kept"] else 0
