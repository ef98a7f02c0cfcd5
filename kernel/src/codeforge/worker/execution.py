"""One run, from its workspace to its end: prepare, let the agent work, keep what it did, check, hand over."""

from __future__ import annotations

import asyncio
import logging
import shutil
import time
from contextlib import aclosing, suppress

from codeforge.agents import AgentBackend, AgentJob
from codeforge.errors import CodeForgeError, Fenced, RunFailure, Unavailable
from codeforge.events import AgentEvent, Kind
from codeforge.forge import Assignment, Coordinator, Offers, Unheard
from codeforge.model import ADVICE, Change, Reason, RunState
from codeforge.scm import Workspace, summarise
from codeforge.settings import Settings
from codeforge.worker.checks import check
from codeforge.worker.folder import RunFolder
from codeforge.worker.reporter import Reporter

log = logging.getLogger(__name__)
PREPARE_SECONDS = 3600.0
"""How long installing the agent, fetching the repository and asking the plugins may take together."""


class Execution:
    """A claimed run. `run` returns when the run has ended, was handed back, or belongs to another worker."""

    def __init__(self, assignment: Assignment, coordinator: Coordinator, offers: Offers, settings: Settings) -> None:
        self._job, self._coordinator, self._offers, self._settings = assignment, coordinator, offers, settings
        run = assignment.run
        self._folder = RunFolder(settings.data_dir / "runs" / f"{run.id}-{run.generation}")
        self._reporter = Reporter(coordinator, run, patience=settings.lease)
        self._scm = offers.scms.get(assignment.project.scm)
        self._workspace: Workspace | None = None
        self._change: Change | None = None
        self._seen = 0
        self._stopped = self._fenced = self._handed_back = self._unsaved = False

    async def run(self) -> None:
        """See the run through. Cancelling it hands the run back to the queue, unless its work is done already."""
        self._loop = asyncio.get_running_loop()
        work = asyncio.create_task(self._work())
        whole = asyncio.create_task(self._see_through(work))
        while not whole.done():
            try:
                await asyncio.wait([whole])
            except asyncio.CancelledError:
                self._handed_back = work.cancel() or self._handed_back
        whole.result()

    async def _see_through(self, work: asyncio.Task[Change]) -> None:
        watch = asyncio.create_task(self._watch(work))
        await asyncio.wait([work])
        try:  # keeping the work of a large repository takes its time: the lease is renewed until all is said
            with suppress(Fenced):
                await self._conclude(work)
        finally:
            watch.cancel()
            await asyncio.wait([watch])
        await self._clear()

    async def _watch(self, work: asyncio.Task[Change]) -> None:
        """Keep the lease and pass a stop on; without a lease, end the work: it is not ours any more."""
        run, lease = self._job.run, self._settings.lease
        renewed, wait = time.monotonic(), 0.0
        while not self._fenced:
            asked = time.monotonic()
            try:
                orders = await self._coordinator.renew(run.id, run.generation, wait=wait)
            except Fenced:
                self._fenced = True
            except Exception as error:
                log.warning("run %s could not renew its lease: %s", run.id, error)
                self._fenced = time.monotonic() - renewed > lease * 0.8
                await asyncio.sleep(lease / 20)
            else:
                renewed, wait = asked, lease / 4
                if orders.stop and not self._stopped:
                    self._stopped = True
                    work.cancel()
        work.cancel()

    # ---- the work itself

    async def _work(self) -> Change:
        """Gives the change of a run that ended well. Raises `RunFailure`."""
        job, reporter = self._job, self._reporter
        try:
            async with asyncio.timeout(PREPARE_SECONDS) as limit:
                agent = await self._prepare()
        except TimeoutError as error:
            if limit.expired():
                raise RunFailure(Reason.TIME_LIMIT, f"Preparing took longer than {PREPARE_SECONDS:.0f} s.") from error
            raise RunFailure(Reason.WORKSPACE_ERROR, f"Preparing waited in vain: {error or 'time-out'}.") from error
        prompt, follow_up = job.run.prompt, job.memory is not None
        deadline = self._loop.time() + job.project.limits.seconds
        while True:
            await self._turns(agent, prompt, follow_up, deadline)
            change = await self._escrow()
            await self._remember()
            if change is None or change.head == job.start:
                raise RunFailure(Reason.NOTHING_CHANGED, ADVICE[Reason.NOTHING_CHANGED])
            try:
                await reporter.move(RunState.CHECKING, change=change, words_seen=self._seen)
            except Unheard:  # somebody spoke in the last moment
                prompt, follow_up = await self._news(), True
            else:
                self._change = change
                await self._check()
                return change

    async def _prepare(self) -> AgentBackend:
        """Everything before the agent's first turn. Raises `RunFailure`."""
        job, reporter = self._job, self._reporter
        self._enough_disk()
        if self._scm is None:
            raise RunFailure(Reason.PLUGIN_MISSING, f"No plugin for {job.project.scm} repositories is installed.")
        agent = self._offers.agents.get(job.run.agent)
        if agent is None:
            raise RunFailure(Reason.PLUGIN_MISSING, f"The agent {job.run.agent} is not installed.")
        if not (await agent.check()).ok:
            await reporter.say(f"Installing {job.run.agent}, once")
            try:
                await agent.install(self._say)
            except Unavailable as error:
                raise RunFailure(Reason.PLUGIN_MISSING, str(error)) from error
        await reporter.say(f"Preparing a workspace of {job.project.name} at {job.project.branch}")
        await asyncio.to_thread(self._folder.make, job.memory)
        self._workspace = await self._scm.prepare(
            job.project, self._folder.workspace, base=job.base, start=job.start, say=self._say
        )
        await asyncio.to_thread(self._folder.note_base, self._workspace.base)
        await self._offers.before_run(job.run, job.task, job.project)
        await reporter.move(RunState.WORKING, base=self._workspace.base)
        return agent

    def _say(self, text: str) -> None:
        """A line of progress, from whatever thread."""
        asyncio.run_coroutine_threadsafe(self._reporter.say(text), self._loop)

    def _enough_disk(self) -> None:
        free = shutil.disk_usage(self._settings.data_dir).free // 2**20
        if free < self._settings.min_free_mb:
            raise RunFailure(
                Reason.WORKSPACE_ERROR,
                f"Only {free} MB are free in {self._settings.data_dir}, less than {self._settings.min_free_mb} "
                "(setting min_free_mb): make room, then retry.",
            )

    async def _turns(self, agent: AgentBackend, prompt: str, follow_up: bool, deadline: float) -> None:
        """The agent's turns: the prompt, then whatever people said meanwhile. Raises `RunFailure`."""
        while prompt:
            try:
                async with asyncio.timeout_at(deadline) as limit:
                    await self._turn(agent, prompt, follow_up)
            except TimeoutError as error:
                if limit.expired():
                    seconds, advice = self._job.project.limits.seconds, ADVICE[Reason.TIME_LIMIT]
                    raise RunFailure(Reason.TIME_LIMIT, f"It took longer than {seconds} s. {advice}") from error
                raise RunFailure(Reason.AGENT_ERROR, f"{self._job.run.agent} gave up waiting: {error}") from error
            prompt, follow_up = await self._news(), True

    async def _news(self) -> str:
        """What people said since the agent was told last; "" when nothing."""
        orders = await self._coordinator.renew(self._job.run.id, self._job.run.generation)
        news = [text for _, text in orders.words[self._seen :]]
        self._seen = len(orders.words)
        return "\n\n".join(news)

    async def _turn(self, agent: AgentBackend, prompt: str, follow_up: bool) -> None:
        job = self._job
        agent_job = AgentJob(
            run_id=job.run.id,
            prompt=prompt,
            workspace=self._folder.workspace,
            home=self._folder.home,
            state=self._folder.state,
            model=job.model,
            gateway=job.gateway,
            key=job.key,
            limits=job.project.limits,
            follow_up=follow_up,
            mark=self._folder.mark(),
        )
        last: AgentEvent | None = None
        async with aclosing(agent.run(agent_job)) as events:
            async for event in events:
                last = event
                await self._reporter.add(event)
        if last is None or last.kind != Kind.ENDED:
            raise RunFailure(Reason.AGENT_ERROR, f"{job.run.agent} ended without a last word.")
        if reason := last.data.get("reason"):
            raise RunFailure(Reason(reason), last.data.get("detail") or ADVICE[Reason(reason)])

    async def _remember(self) -> None:
        """Keep the agent's memory for a run that follows; without it, that run knows less, but this one counts."""
        try:
            if memory := await asyncio.to_thread(self._folder.memory):
                await self._coordinator.remember(self._job.run.id, self._job.run.generation, memory)
        except (OSError, Unavailable) as error:
            log.warning("the agent's memory of run %s could not be kept: %s", self._job.run.id, error)

    async def _check(self) -> None:
        """Run the project's check. Raises `RunFailure`."""
        job = self._job
        command = job.project.check if job.task.check is None else job.task.check
        if not command:
            return
        result = await check(
            command,
            workspace=self._folder.workspace,
            home=self._folder.home,
            mark=self._folder.mark(),
            seconds=self._settings.check_seconds,
            reporter=self._reporter,
        )
        await self._reporter.fact(check=result)
        if not result.passed:
            raise RunFailure(Reason.CHECK_FAILED, ADVICE[Reason.CHECK_FAILED])

    async def _escrow(self) -> Change | None:
        """Commit everything to the run's hidden ref; None when nothing differs from the base."""
        if self._workspace is None or self._scm is None:
            return None
        job, workspace = self._job, self._workspace
        head = await workspace.escrow(
            self._folder.ref, f"{job.task.title}\n\nRun: {job.run.id}", _author(job.run.agent)
        )
        if head == workspace.base:
            return None
        files = await self._scm.changes(job.project, workspace.base, head)
        return summarise(workspace.base, head, files)

    # ---- its end

    async def _conclude(self, work: asyncio.Task[Change]) -> None:
        """Say how it ended. Raises `Fenced` when it is not ours to say."""
        if self._fenced:
            await self._keep()
        elif self._stopped:
            await self._end(RunState.STOPPED, detail="Stopped; what it had done is kept.")
        elif self._handed_back and work.cancelled():
            await self._keep()
            await self._reporter.move(RunState.QUEUED, detail="The worker was shut down; the run starts again.")
        else:
            await self._judge(work)

    async def _judge(self, work: asyncio.Task[Change]) -> None:
        try:
            change = work.result()
        except RunFailure as failure:
            await self._end(RunState.FAILED, reason=Reason(failure.reason), detail=str(failure))
        except Fenced:
            await self._keep()
        except CodeForgeError as error:
            await self._end(RunState.FAILED, reason=Reason.WORKSPACE_ERROR, detail=str(error))
        except (Exception, asyncio.CancelledError) as error:
            log.exception("run %s ended by an error of CodeForge or a plugin", self._job.run.id)
            await self._end(RunState.FAILED, reason=Reason.AGENT_ERROR, detail=f"The agent's plugin failed: {error}")
        else:
            await self._end(RunState.REVIEW, change=change)

    async def _end(self, state: RunState, **facts: object) -> None:
        if "change" not in facts:
            facts["change"] = await self._keep()
            with suppress(CodeForgeError):
                await self._remember()
        if change := facts.get("change"):
            await self._reporter.add(AgentEvent(Kind.CHANGE, _figures(change)))
        await self._reporter.move(state, **facts)

    async def _keep(self) -> Change | None:
        """Escrow on the way out: a fault here must not hide how the run ended.

        Once the check has begun, what it leaves in the workspace is none of the agent's work.
        """
        if self._change:
            return self._change
        try:
            return await self._escrow()
        except Exception as error:
            log.exception("the work of run %s could not be kept; its workspace stays", self._job.run.id)
            with suppress(CodeForgeError):
                await self._reporter.say(f"The work could not be kept ({error}); it stays in {self._folder.workspace}.")
            self._workspace = None
            self._unsaved = True
            return None

    async def _clear(self) -> None:
        if self._unsaved:
            return
        await asyncio.to_thread(self._folder.forget_base)
        if self._workspace is not None:
            await self._workspace.remove()
        await asyncio.to_thread(self._folder.remove)


def _author(agent: str) -> str:
    return f"{agent} (CodeForge) <{agent}@codeforge.local>"


def _figures(change: object) -> dict[str, object]:
    return {name: getattr(change, name) for name in ("base", "head", "files", "added", "deleted")}
