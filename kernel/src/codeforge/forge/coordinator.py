"""What workers talk to: gives out runs, passes on people's orders, takes reports of the current generation only."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from codeforge import moving, scheduler
from codeforge.coordination import Assignment, Coordinator, Orders, Unheard
from codeforge.errors import CodeForgeError, Conflict, Fenced
from codeforge.events import AgentEvent, Kind
from codeforge.forge import history, keys, projects, runs, tasks
from codeforge.llm import Model
from codeforge.logs import tell
from codeforge.model import ENDED, TRANSITIONS, Change, Principal, Project, Reason, Run, RunState
from codeforge.store import Door
from codeforge.store import tables as t
from codeforge.vault import redact

if TYPE_CHECKING:
    from codeforge.forge import Forge

log = logging.getLogger(__name__)


class ForgeCoordinator(Coordinator):
    """The coordinator itself, over the database. See `Coordinator` for what its methods do."""

    def __init__(self, forge: Forge) -> None:
        self._forge = forge
        self._nudges: dict[str, asyncio.Event] = {}
        self._keys: dict[str, tuple[str, str]] = {}

    async def claim(self, worker: str) -> Assignment | None:
        while claimed := await self._forge.store.run(None, self._claimed, worker):
            self._forge.history.told()
            run = claimed.run
            self._nudges[run.id] = asyncio.Event()
            self._keys[run.id] = run.tenant_id, claimed.key
            who = Principal(user_id="", user="", tenant_id=run.tenant_id, scopes=frozenset())
            try:
                return replace(claimed, model=await self._forge.models.find(who, run.model))
            except CodeForgeError as error:
                await self.report(
                    run.id, run.generation, state=RunState.FAILED, reason=Reason.PLUGIN_MISSING, detail=str(error)
                )
        return None

    def _claimed(self, door: Door, worker: str) -> Assignment | None:
        lease = self._forge.settings.lease
        row = scheduler.claim(door, worker, lease)
        if row is None:
            return None
        history.append(door, row, [AgentEvent(Kind.STATE, {"state": RunState.PREPARING, "worker": worker})])
        run = runs.find(door, row["id"])
        change, memory = runs.left(door, run)
        return Assignment(
            run=run,
            task=tasks.find(door, run.task_id),
            project=projects.find(door, run.project_id),
            model=Model(name=run.model, provider=""),
            gateway=f"{self._forge.url}/llm/v1",
            key=keys.mint(door, row, lease),
            base=change.base if change else None,
            start=change.head if change else None,
            memory=memory,
        )

    def nudge(self, run_id: str) -> None:
        """Wake the renewal that waits for orders about this run."""
        if bell := self._nudges.get(run_id):
            bell.set()

    async def renew(self, run_id: str, generation: int, wait: float = 0.0) -> Orders:
        if wait and (bell := self._nudges.get(run_id)):
            try:
                await asyncio.wait_for(bell.wait(), wait)
                bell.clear()
            except TimeoutError:
                pass

        def work(door: Door) -> Orders:
            row = scheduler.renew(door, run_id, generation, self._forge.settings.lease)
            keys.extend(door, run_id, self._forge.settings.lease)
            said = door.all(t.Message, t.Message.run_id == run_id)
            return Orders(want=row["want"], words=tuple((m["id"], m["text"]) for m in said))

        return await self._forge.store.run(None, work)

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
        clean = [replace(event, data=_clean(event.data, known)) for event in events]
        if "detail" in facts:
            facts["detail"] = _clean(facts["detail"], known)
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
            if state is None:
                door.update(t.Run, t.Run.id == run_id, **facts)
                return
            if state not in TRANSITIONS[RunState(row["state"])]:
                raise Conflict(f"A run cannot go from {row['state']} to {state}.")
            if row["want"] == "stop" and state in (RunState.FAILED, RunState.QUEUED):
                told = {**facts, "reason": None, "detail": "Stopped; what it had done is kept."}
                self._move(door, row, RunState.STOPPED, told)
            else:
                self._move(door, row, state, facts)

        try:
            await self._forge.store.run(None, work)
        except Fenced:
            self._forge.metrics.fenced.inc()
            tell(log, "report refused", level=logging.WARNING, run=run_id, generation=generation)
            raise
        if state in ENDED or state == RunState.QUEUED:
            self._nudges.pop(run_id, None)
            self._keys.pop(run_id, None)
        self._forge.history.told()

    def _move(self, door: Door, row: dict[str, Any], state: RunState, facts: dict[str, Any]) -> None:
        if state in ENDED:
            runs.end(door, row, state, **facts)
            return
        if state == RunState.QUEUED:
            facts = {"lease_until": None, "worker": None, "rung_at": 0, **facts}
            keys.revoke(door, row["id"])
        moving.move(door, row, state, **facts)
        shown = {"state": state, "detail": facts.get("detail", "")}
        history.append(door, row, [AgentEvent(Kind.STATE, shown)])

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

        return await self._forge.store.run(None, work)

    async def forgotten(self, project_ids: Iterable[str]) -> list[str]:
        asked = set(project_ids)

        def work(door: Door) -> set[str]:
            known = door.query(t.Project, t.Project.id.in_(sorted(asked))).select(t.Project.id)
            return {row["id"] for row in door.rows(known)}

        return sorted(asked - await self._forge.store.read(None, work)) if asked else []

    async def saved(self, run_id: str, ref: str, change: Change) -> None:
        def work(door: Door) -> None:
            row = runs.row_of(door, run_id)
            if row["change"] is None and row["state"] in (RunState.FAILED, RunState.STOPPED):
                door.update(t.Run, t.Run.id == run_id, change=asdict(change))
            text = f"What was done before the worker died is kept in {ref}: {change.files} files changed."
            history.append(door, row, [AgentEvent(Kind.PROGRESS, {"text": text})])

        await self._forge.store.run(None, work)
        self._forge.history.told()

    async def reap(self, *, everything: bool = False) -> None:
        """Queue lost runs again; fail them as ``lost`` after too many losses; one that was to stop has stopped."""

        def work(door: Door) -> None:
            for row in scheduler.lost(door, everything=everything):
                door.after(partial(self._lost, row))
                losses = row["losses"] + 1
                if row["want"] == "stop":
                    runs.end(door, row, RunState.STOPPED, detail="Its worker died while it was being stopped.")
                elif losses > self._forge.settings.max_losses:
                    detail = f"Its worker died {losses} times."
                    runs.end(door, row, RunState.FAILED, reason=Reason.LOST, detail=detail, losses=losses)
                else:
                    later = time.time() + scheduler.back_off(losses)
                    detail = f"Worker {row['worker']} gave no word any more; the run starts again."
                    self._move(door, row, RunState.QUEUED, {"losses": losses, "not_before": later, "detail": detail})

        await self._forge.store.run(None, work)
        self._forge.history.told()

    def _lost(self, row: dict[str, Any]) -> None:
        self._forge.metrics.losses.inc()
        facts = {name: row[name] for name in ("generation", "worker")}
        tell(log, "lease lost", level=logging.WARNING, run=row["id"], **facts)

    async def _secrets(self, run_id: str) -> tuple[str, ...]:
        """What must not stand in this run's history: its key, and the tenant's providers' keys of this moment."""
        if run_id not in self._keys:
            return ()
        tenant_id, key = self._keys[run_id]
        return key, *await self._forge.secrets(tenant_id)


def _clean(value: Any, known: tuple[str, ...]) -> Any:
    """What an agent says, as JSON that every database takes and without secrets."""
    if isinstance(value, str):
        return redact(value, known).encode(errors="replace").decode()
    if isinstance(value, Mapping):
        return {str(name): _clean(one, known) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(one, known) for one in value]
    return value if value is None or isinstance(value, int | float) else _clean(str(value), known)
