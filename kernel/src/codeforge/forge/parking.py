"""Runs that wait for what is not there now, such as a budget or a quota; they go on when it is.

A run at work is told to wait with its next renewal: its worker ends the agent, puts its work by as for a pause, and
says when nothing of it is left. Until then the run's state is as it was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from codeforge.errors import OverBudget
from codeforge.forge import budgets, prices
from codeforge.forge.standing import move, note
from codeforge.model import RunState
from codeforge.store import Door
from codeforge.store import tables as t

if TYPE_CHECKING:
    from codeforge.forge import Forge

Row = dict[str, Any]
S = RunState


class Parking:
    """Puts runs by, and back into the queue."""

    _forge: Forge

    async def park(self, run_id: str, why: str, until: float | None, detail: str, **facts: Any) -> None:
        """Make a run at work wait for ``why`` ("budget" or "quota"), ``until`` seconds since 1970 at most (None: until
        somebody does something). What somebody asked of it before comes first.

        ``facts`` tell when it can go on: for a budget what the call ``needs``, its ``provider`` and ``model``.
        """

        def work(door: Door) -> None:
            row = door.one(t.Run, t.Run.id == run_id)
            if row and row["state"] == S.WORKING and row["want"] is None:
                waiting_for = {"why": why, "until": until, "detail": detail, **facts}
                door.update(t.Run, t.Run.id == run_id, want="wait", waiting_for=waiting_for)
                note(door, row, f"{detail} The run waits.")

        await self._forge.store.run(None, work)
        self._forge.coordinator.nudge(run_id)

    async def unpark(self) -> None:
        """Put those runs back into the queue that have what they waited for."""
        waiting = t.Run.state == S.WAITING, t.Run.waiting_for.is_null(False)

        def work(door: Door) -> list[str]:
            ready = []
            for row in door.all(t.Run, *waiting):
                if has := self._has(door.of(row["tenant_id"]), row):
                    move(door, row, S.QUEUED, detail=has)
                    ready.append(row["id"])
            return ready

        if await self._forge.store.read(None, lambda door: door.one(t.Run, *waiting)):
            for run_id in await self._forge.store.run(None, work):
                await self._forge.ring(run_id)

    def _has(self, door: Door, row: Row) -> str:
        """What a run has now that it waited for, in words; empty: nothing."""
        wait, settings = row["waiting_for"], self._forge.settings
        if wait["why"] != "budget":
            return "The time is over for which it waited." if wait["until"] and wait["until"] <= door.now() else ""
        provider, model, needs = wait["provider"], wait["model"], wait["needs"]
        if needs is None and prices.said(door, provider, model):
            return "The price of its model is known now."
        found = budgets.followed(door, provider, row["project_id"], row["id"])
        try:
            zone, unpriced = settings.time_zone, settings.unpriced_calls
            budgets.check(door, found, f"{provider}/{model}", needs, zone=zone, unpriced=unpriced)
        except OverBudget as error:
            if error.wait != wait:  # others spent meanwhile, or another budget is in the way
                now = {"waiting_for": error.wait, "detail": error.wait["detail"]}
                door.update(t.Run, t.Run.id == row["id"], **now)
            return ""
        return "The budget allows its next call now."
