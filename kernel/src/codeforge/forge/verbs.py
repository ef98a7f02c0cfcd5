"""What people can do with a run that is not over: stop it, pause it, resume it, move it up, say something to it.

Each verb works on a run in any state, or says in one sentence why not; asked twice, it changes nothing more.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from codeforge.abilities import Ability, By
from codeforge.errors import Conflict
from codeforge.events import AgentEvent, Kind
from codeforge.forge import history, questions, tasks
from codeforge.forge.again import Again
from codeforge.forge.standing import UNHELD, acceptable, halt, move, note, row_of
from codeforge.ids import new_id
from codeforge.model import ENDED, HELD, LIVE, Principal, Run, RunState
from codeforge.store import Door
from codeforge.store import tables as t

if TYPE_CHECKING:
    from codeforge.forge import Forge

S = RunState
Row = dict[str, Any]


class Verbs(Again):
    """The verbs, for the tenant's runs."""

    def __init__(self, forge: Forge) -> None:
        self._forge = forge

    def verbs(self, run: Run) -> tuple[str, ...]:
        """What people can do with a run now, of: answer, message, pause, resume, stop, restart, prioritise, accept,
        send_back, reject, retry.
        """
        able = self._forge.agents.by_class(run.agent)
        if run.state in LIVE:
            can = {
                "answer": bool(run.questions) and run.want is None,
                "message": able[Ability.STEER] != By.NOBODY and run.state != S.CHECKING and run.want != "stop",
                "pause": run.state in LIVE - {S.PAUSED, S.CHECKING} and run.want in (None, "wait"),
                "resume": run.state in (S.PAUSED, S.WAITING) or run.want in ("pause", "wait"),
                "stop": run.want != "stop",
                "restart": True,
                "prioritise": run.state in UNHELD,
            }
            return tuple(verb for verb, possible in can.items() if possible)
        if run.state in (S.ACCEPTED, S.REJECTED):
            return "retry", "restart"
        more = able[Ability.FOLLOW_UP] != By.NOBODY
        if run.state == S.SENT_BACK:
            return (*(("message",) if more else ()), "retry", "restart")
        can = {"accept": acceptable(run), "send_back": more, "reject": True, "message": more}
        return (*(verb for verb, possible in can.items() if possible), "retry", "restart")

    async def stop(self, who: Principal, run_id: str) -> Run:
        """Ask a run to stop; what it did so far is kept. One that nobody works on stops at once, one that has
        ended stays as it is.

        Returns at once; the run is ``stopped`` when its worker says that nothing of it is left.
        """
        return await self._changed(who, run_id, lambda door, row: halt(door, row, f"{who.user} asked to stop"))

    async def pause(self, who: Principal, run_id: str) -> Run:
        """Ask a run to pause: its agent ends, and its work and the agent's memory are kept for `resume`.

        Returns at once; the run is ``paused`` when its worker says that nothing of it is left. One that nobody
        works on is paused at once. Raises `Conflict` for one that has ended, is stopping, or whose check runs.
        """

        def work(door: Door, row: Row) -> None:
            if row["state"] in ENDED:
                raise Conflict(f"The run is {_word(row)}: there is nothing left to pause.")
            if row["want"] == "stop":
                raise Conflict("The run is being stopped: there is nothing left to pause.")
            if row["state"] == S.CHECKING:
                raise Conflict("The agent is done and its change is being checked: wait for that, or stop the run.")
            if row["state"] in UNHELD - {S.PAUSED}:
                move(door, row, S.PAUSED, detail=f"Paused by {who.user}.")
            elif row["state"] in HELD and row["want"] in (None, "wait"):
                door.update(t.Run, t.Run.id == row["id"], want="pause")
                note(door, row, f"{who.user} asked to pause")

        return await self._changed(who, run_id, work)

    async def resume(self, who: Principal, run_id: str) -> Run:
        """Put a paused run, or one that waits for something, back into the queue; it goes on from its work so far.

        A wish to pause, or a need to wait, is taken back. A run that is queued or at work stays as it is. Raises
        `Conflict` for one that has ended or is stopping.
        """

        def work(door: Door, row: Row) -> None:
            if row["state"] in ENDED:
                raise Conflict(f"The run is {_word(row)}: start a new one of its task with retry.")
            if row["want"] == "stop":
                raise Conflict("The run is being stopped: start a new one of its task once it has.")
            if row["state"] in (S.PAUSED, S.WAITING):
                move(door, row, S.QUEUED, detail=f"Resumed by {who.user}.")
            elif row["want"] in ("pause", "wait"):
                door.update(t.Run, t.Run.id == row["id"], want=None, waiting_for=None)
                note(door, row, f"{who.user} asked to go on")

        run = await self._changed(who, run_id, work)
        if run.state == S.QUEUED:
            await self._forge.ring(run_id)
        return run

    async def prioritise(self, who: Principal, run_id: str, priority: int) -> Run:
        """Give a run that waits another priority: among those that wait, a higher one is taken first.

        Raises `Conflict` for one that is at work or has ended.
        """

        def work(door: Door, row: Row) -> None:
            if row["state"] not in UNHELD:
                over = row["state"] in ENDED
                why = f"is {_word(row)}" if over else "is at work already"
                raise Conflict(f"The run {why}: a priority counts only while a run waits.")
            if row["priority"] != priority:
                door.update(t.Run, t.Run.id == row["id"], priority=priority)
                note(door, row, f"{who.user} changed its priority from {row['priority']} to {priority}")

        return await self._changed(who, run_id, work)

    async def message(self, who: Principal, run_id: str, text: str) -> Run:
        """Say something to a run: its agent is told at its next turn, however long the run waits for that; one
        that ended goes on in a new run.

        Gives the run that has the message. Raises `Invalid` for an empty text and `Conflict` when the run is
        just ending, or left nothing to go on from.
        """
        text = await self._forge.clean(who.tenant_id, tasks.checked_prompt(text, "text"))
        run = await self._forge.runs.get(who, run_id)
        if run.state in ENDED:
            return await self.follow_up(who, run, text)
        if self._forge.agents.by_class(run.agent)[Ability.STEER] == By.NOBODY:
            raise Conflict(f"The agent {run.agent} takes one turn: nothing more can be said to it.")

        def work(door: Door, row: Row) -> None:
            if row["state"] not in LIVE - {S.CHECKING} or row["want"] == "stop":
                raise Conflict("The run is ending right now: send your message again in a moment.")
            door.insert(t.Message, id=new_id(), run_id=run_id, text=text, created_at=door.now())
            history.append(door, row, [AgentEvent(Kind.MESSAGE, {"text": text, "by": who.user})])

        return await self._changed(who, run_id, work)

    async def answer(self, who: Principal, run_id: str, question_id: str, answer: str) -> Run:
        """Answer a question of the run's agent, which waits for it, with the id of one of its choices.

        The same answer again changes nothing. Raises `NotFound` for a question that is not open any more,
        `Conflict` when it was answered otherwise, and `Invalid` for an answer that it does not allow.
        """

        def work(door: Door, row: Row) -> None:
            answered, name = questions.with_answer(row, question_id, answer)
            if answered != row["questions"]:
                door.update(t.Run, t.Run.id == row["id"], questions=answered)
                said = {"id": question_id, "answer": answer, "name": name, "by": who.user}
                history.append(door, row, [AgentEvent(Kind.ANSWERED, said)])

        return await self._changed(who, run_id, work)

    async def _changed(self, who: Principal, run_id: str, work: Callable[[Door, Row], None]) -> Run:
        """The run after ``work`` on its row; its worker and all who watch are told."""
        await self._forge.store.run(who.tenant_id, lambda door: work(door, row_of(door, run_id)))
        self._forge.coordinator.nudge(run_id)
        return await self._forge.runs.get(who, run_id)


def _word(row: Row) -> str:
    return str(row["state"]).replace("_", " ")
