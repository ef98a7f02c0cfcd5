"""One claimed run: its lease is kept while the work goes on, and it is said how it ended."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress

from codeforge.coordination import NOTHING_KNOWN, Assignment, Coordinator
from codeforge.disk import is_full
from codeforge.errors import CodeForgeError, Fenced, RunFailure, Unavailable
from codeforge.events import AgentEvent, Kind
from codeforge.forge import Offers
from codeforge.logs import about
from codeforge.model import ADVICE, Change, Reason, RunState
from codeforge.process import TETHER, Tether
from codeforge.settings import Settings
from codeforge.worker.attempt import Attempt
from codeforge.worker.reporter import Reporter
from codeforge.worker.source import Source

log = logging.getLogger(__name__)
ASIDE = {"pause": RunState.PAUSED, "wait": RunState.WAITING}
"""What is asked of a run that is to be put by, and the state that it is left in then."""
HOLD = 0.8
"""The share of a lease after which a worker that could not renew it ends its work: another may have it soon."""


class Execution:
    """A claimed run. `run` returns when the run has ended, was handed back, or belongs to another worker.

    ``asked`` is when it was asked for (`time.monotonic`): its lease began no sooner.
    """

    def __init__(
        self,
        assignment: Assignment,
        coordinator: Coordinator,
        source: Source,
        offers: Offers,
        settings: Settings,
        *,
        asked: float,
    ) -> None:
        self._run, self._coordinator, self._lease = assignment.run, coordinator, settings.lease
        self._asked = asked
        self._lost, self._tether = asyncio.Event(), Tether()
        self._reporter = Reporter(coordinator, self._run, lost=self._lost)
        self._attempt = Attempt(
            assignment,
            self._reporter,
            coordinator=coordinator,
            source=source,
            offers=offers,
            settings=settings,
            lost=self._lost,
        )
        self._stopped = self._handed_back = False
        self._aside: RunState | None = None

    async def run(self) -> None:
        """See the run through. Cancelling it hands the run back to the queue, unless its work is done already; where
        nobody takes the word of that for the length of a lease, the run is left to be found lost.
        """
        with about(run=self._run.id, generation=self._run.generation, worker=self._run.worker):
            TETHER.set(self._tether)
            await self._whole()

    async def _whole(self) -> None:
        work = asyncio.create_task(self._attempt.work())
        whole = asyncio.create_task(self._see_through(work))
        while not whole.done():
            try:
                await asyncio.wait([whole])
            except asyncio.CancelledError:
                self._handed_back = work.cancel() or self._handed_back
                asyncio.get_running_loop().call_later(self._lease, self._lost.set)
        whole.result()

    async def _see_through(self, work: asyncio.Task[Change]) -> None:
        watch = asyncio.create_task(self._watch(work))
        budget = asyncio.create_task(self._attempt.share.watch(work))
        await asyncio.wait([work])
        budget.cancel()
        await self._attempt.nothing_left()
        try:  # keeping the work of a large repository takes its time: the lease is renewed until all is said
            with suppress(Fenced):
                await self._conclude(work)
        except Unavailable as error:  # what it did is kept; the run is found lost and taken up again
            log.warning("how run %s ended could not be told: %s", self._run.id, error)
        finally:
            watch.cancel()
            await asyncio.wait([watch])
        await self._attempt.clear()

    async def _watch(self, work: asyncio.Task[Change]) -> None:
        """Keep the lease and pass on what is wanted of the run; without a lease, end the work: it is not ours."""
        run, lease = self._run, self._lease
        renewed, wait, known = self._asked, 0.0, NOTHING_KNOWN
        self._hold(renewed)
        while not self._lost.is_set():
            asked = time.monotonic()
            try:
                patience = self._patience(renewed, wait)
                asking = self._coordinator.renew(run.id, run.generation, wait=wait, known=known, patience=patience)
                orders = await asking
            except Fenced:
                self._lost.set()
            except Exception as error:
                log.warning("run %s could not renew its lease: %s", run.id, error)
                wait = 0.0
                if time.monotonic() - renewed > lease * HOLD:
                    self._lost.set()
                await asyncio.sleep(lease / 20)
            else:
                renewed, wait, known = asked, lease / 4, orders.known
                self._hold(renewed)
                self._attempt.asking.hear(orders.answers)
                self._attempt.steering.hear(orders.words)
                if orders.want == "stop" and not self._stopped:
                    self._stopped = True
                    work.cancel()
                elif orders.want in ASIDE and self._aside is None:
                    if not self._attempt.concluding and work.cancel():
                        self._aside = ASIDE[orders.want]
                    wait = 0.1  # while it cannot be put by, what is wanted may change soon
        work.cancel()

    def _patience(self, renewed: float, wait: float) -> float:
        """Half of the time that is left when a server has waited: the other half is for another one."""
        left = renewed + self._lease * HOLD - time.monotonic()
        return max((left - wait) / 2, self._lease / 10)

    def _hold(self, renewed: float) -> None:
        """Where others may take the run once its lease is over, its processes end before, whatever befalls this one."""
        if self._coordinator.others:
            self._tether.extend(renewed + self._lease * HOLD)

    async def _conclude(self, work: asyncio.Task[Change]) -> None:
        """Say how it ended. Raises `Fenced` when it is not ours to say."""
        if self._lost.is_set():
            await self._attempt.keep()
        elif self._stopped:
            await self._end(RunState.STOPPED, detail="Stopped; what it had done is kept.")
        elif self._aside and (work.cancelled() or work.exception()):
            await self._put_by(self._aside, "Paused" if self._aside == RunState.PAUSED else "Waits")
        elif self._attempt.share.over and work.cancelled():
            await self._end(RunState.FAILED, reason=Reason.WORKSPACE_ERROR, detail=self._attempt.share.over)
        elif self._handed_back and work.cancelled():
            await self._put_by(RunState.QUEUED, "The worker was shut down")
        elif self._tether.torn and (work.cancelled() or isinstance(work.exception(), RunFailure)):
            await self._put_by(RunState.QUEUED, "No server gave its worker word in time, and its agent was ended")
        else:
            await self._judge(work)

    async def _judge(self, work: asyncio.Task[Change]) -> None:
        try:
            change = work.result()
        except RunFailure as failure:
            reason, detail = self._attempt.blame(Reason(failure.reason), str(failure))
            await self._end(RunState.FAILED, reason=reason, detail=detail)
        except Fenced:
            await self._attempt.keep()
        except CodeForgeError as error:
            await self._end(RunState.FAILED, reason=Reason.WORKSPACE_ERROR, detail=str(error))
        except (Exception, asyncio.CancelledError) as error:
            log.exception("run %s ended by an error of CodeForge or a plugin", self._run.id)
            reason, detail = self._attempt.blame(Reason.AGENT_ERROR, f"The agent's plugin failed: {error}")
            if is_full(error):
                reason, detail = Reason.DISK_FULL, ADVICE[Reason.DISK_FULL]
            await self._end(RunState.FAILED, reason=reason, detail=detail)
        else:
            await self._end(RunState.REVIEW, change=change)

    async def _put_by(self, state: RunState, why: str) -> None:
        """Leave the run to a later claim, with all that it needs to go on from here."""
        change = await self._attempt.keep()
        if self._attempt.unsaved:
            await self._reporter.move(state, detail=f"{why}; its work could not be kept and stays in its workspace.")
            return
        await self._attempt.remember()
        detail = f"{why}; the run goes on from its work so far."
        await self._reporter.move(state, detail=detail, change=change, worked=self._attempt.worked)

    async def _end(self, state: RunState, **facts: object) -> None:
        if "change" not in facts:
            facts["change"] = await self._attempt.keep()
            with suppress(CodeForgeError):
                await self._attempt.remember()
        if not self._attempt.unsaved:  # else nothing could go on from it
            facts["worked"] = self._attempt.worked
        if change := facts.get("change"):
            await self._reporter.add(AgentEvent(Kind.CHANGE, _figures(change)))
        await self._reporter.move(state, **facts)


def _figures(change: object) -> dict[str, object]:
    return {name: getattr(change, name) for name in ("base", "head", "files", "added", "deleted")}
