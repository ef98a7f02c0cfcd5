"""The work of one run: prepare a workspace, let the agent take its turns, keep what it did, run the check."""

from __future__ import annotations

import asyncio
import logging
import shutil
import time
from contextlib import AsyncExitStack, aclosing, suppress
from dataclasses import replace

from codeforge.abilities import Ability, By, abilities
from codeforge.agents import AgentBackend, AgentJob
from codeforge.coordination import Assignment, Coordinator, Unheard
from codeforge.errors import CodeForgeError, RunFailure, Unavailable
from codeforge.events import AgentEvent, Kind
from codeforge.forge import Offers
from codeforge.model import ADVICE, Change, Reason, RunState
from codeforge.process import confining
from codeforge.retelling import Retelling
from codeforge.sandboxes import Confined
from codeforge.scm import Workspace, summarise
from codeforge.settings import Settings
from codeforge.worker.asking import Asking
from codeforge.worker.checks import check
from codeforge.worker.confining import choose, enter
from codeforge.worker.folder import RunFolder
from codeforge.worker.patience import insist
from codeforge.worker.reporter import Reporter
from codeforge.worker.share import DiskShare
from codeforge.worker.source import Escrowed, Source
from codeforge.worker.steering import Steering

log = logging.getLogger(__name__)
PREPARE_SECONDS = 3600.0
"""How long installing the agent, fetching the repository and asking the plugins may take together."""
NOTHING = 2**20
"""Bytes: a disk with less free space is full."""
DOUBTFUL = frozenset({Reason.AGENT_ERROR, Reason.AGENT_STUCK, Reason.BAD_OUTPUT, Reason.NOTHING_CHANGED})


class Attempt:
    """A run's work. `work` may be cancelled at any time; `keep` saves what there is, `clear` tidies up."""

    def __init__(
        self,
        assignment: Assignment,
        reporter: Reporter,
        *,
        coordinator: Coordinator,
        source: Source,
        offers: Offers,
        settings: Settings,
        lost: asyncio.Event,
    ) -> None:
        self._job, self._reporter, self._coordinator = assignment, reporter, coordinator
        self._source, self._lost = source, lost
        self._offers, self._settings = offers, settings
        self.asking = Asking(assignment.project.permissions, reporter)
        self.steering = Steering(reporter)
        run = assignment.run
        self._folder = RunFolder(settings.data_dir / "runs" / f"{run.id}-{run.generation}")
        self._scm = offers.scms.get(assignment.project.scm)
        self.share = DiskShare(assignment.project, self._scm, settings.data_dir)
        self._workspace: Workspace | None = None
        self._retelling = Retelling()
        self._confined: Confined | None = None
        self._change: Change | None = None
        self._sent = 0
        self._began: float | None = None
        self._done: float | None = None
        self.unsaved = False
        """Whether its work could not be kept, so that the workspace stays."""

    @property
    def concluding(self) -> bool:
        """Whether the agent is done: what comes now is soon over, and nothing to pause."""
        return self._done is not None

    @property
    def worked(self) -> float:
        """Seconds for which the run's agent was at work, in this attempt and before it."""
        if self._began is None:
            return self._job.run.worked
        return self._job.run.worked + (self._done or time.monotonic()) - self._began

    async def work(self) -> Change:
        """Gives the change of a run that ended well. Raises `RunFailure`."""
        async with AsyncExitStack() as stack:
            return await self._work(stack)

    async def _work(self, stack: AsyncExitStack) -> Change:
        job, reporter = self._job, self._reporter
        self._loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(PREPARE_SECONDS) as limit:
                agent = await self._prepare(stack)
        except TimeoutError as error:
            if limit.expired():
                raise RunFailure(Reason.TIME_LIMIT, f"Preparing took longer than {PREPARE_SECONDS:.0f} s.") from error
            raise RunFailure(Reason.WORKSPACE_ERROR, f"Preparing waited in vain: {error or 'time-out'}.") from error
        prompt, follow_up = job.run.prompt, job.memory is not None
        if job.resumed:  # what was said to it before is told again, in case it was not heard to the end
            prompt = "\n\n".join(filter(None, [prompt, await self._news()]))
        self._began = time.monotonic()
        deadline = self._loop.time() + job.project.limits.seconds - job.run.worked
        rounds, failed = job.project.limits.rounds, ""
        while True:
            await self._turns(agent, prompt, follow_up, deadline)
            change = await self._escrow()
            await self.remember()
            if change is None or change.head == job.given:
                raise RunFailure(Reason.NOTHING_CHANGED, ADVICE[Reason.NOTHING_CHANGED])
            self._done = time.monotonic()
            try:
                await reporter.move(RunState.CHECKING, change=change, words_seen=self.steering.told)
            except Unheard:  # somebody spoke in the last moment
                self._done = None
                prompt, follow_up = await self._news(), True
            else:
                self._change = change
                trouble = await self._check()
                if not trouble:
                    return change
                if not rounds or change.head == failed or abilities(agent)[Ability.FOLLOW_UP] == By.NOBODY:
                    raise RunFailure(Reason.CHECK_FAILED, ADVICE[Reason.CHECK_FAILED])
                rounds, failed, deadline = rounds - 1, change.head, deadline + await self._back_to_work()
                prompt, follow_up = trouble, True

    async def _prepare(self, stack: AsyncExitStack) -> AgentBackend:
        """Everything before the agent's first turn; its sandbox lasts as long as ``stack``. Raises `RunFailure`."""
        job, reporter = self._job, self._reporter
        scm = self._scm
        if scm is None:
            raise RunFailure(Reason.PLUGIN_MISSING, f"No plugin for {job.project.scm} repositories is installed.")
        agent = self._offers.agents.get(job.run.agent)
        if agent is None:
            raise RunFailure(Reason.PLUGIN_MISSING, f"The agent {job.run.agent} is not installed.")
        sandbox, instead = await choose(self._offers.sandboxes, self._settings)
        if not (await agent.check()).ok:
            await reporter.say(f"Installing {job.run.agent}, once")
            try:
                await agent.install(self._say)
            except Unavailable as error:
                raise RunFailure(Reason.PLUGIN_MISSING, str(error)) from error
        await reporter.say(f"Preparing a workspace of {job.project.name} at {job.project.branch}")
        await self.share.hold()
        with suppress(ValueError):
            self._retelling.load(await asyncio.to_thread(self._folder.make, job.memory, job.project.id))
        self._workspace = await self._source.prepare(job, scm, self._folder.workspace, self._say)
        await asyncio.to_thread(self._folder.note_base, self._workspace.base)
        await self._offers.before_run(job.run, job.task, job.project)
        self._confined = await stack.enter_async_context(
            enter(sandbox, job, agent=agent, settings=self._settings, workspace=self._workspace, folder=self._folder)
        )
        words = f"{instead} {self._confined.words}".strip()
        await reporter.say(words)
        await reporter.move(RunState.WORKING, base=self._workspace.base, sandbox=words)
        return agent

    def _say(self, text: str) -> None:
        """A line of progress, from whatever thread."""
        asyncio.run_coroutine_threadsafe(self._reporter.say(text), self._loop)

    def blame(self, reason: Reason, detail: str) -> tuple[Reason, str]:
        """Why it failed: what looks like the agent's fault may be the sandbox's doing, or that of a full disk."""
        if self._confined and self._confined.trouble:
            return Reason.SANDBOX_ERROR, self._confined.trouble
        if reason in DOUBTFUL and self._disk_is_full():
            return Reason.DISK_FULL, f"{ADVICE[Reason.DISK_FULL]} It said: {detail}"
        return reason, detail

    def _disk_is_full(self) -> bool:
        with suppress(OSError):
            return shutil.disk_usage(self._folder.path).free < NOTHING
        return False

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
        run = self._job.run
        orders = await insist(lambda: self._coordinator.renew(run.id, run.generation), self._lost)
        news = [text for _, text in orders.words[self.steering.told :]]
        self.steering.told = len(orders.words)
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
            gateway=self._confined.gateway if self._confined else job.gateway,
            key=job.key,
            limits=job.project.limits,
            follow_up=follow_up,
            mark=self._folder.mark(),
            ask=self.asking.ask,
        )
        if not follow_up:
            self._retelling = Retelling()
        elif self._forgets():
            agent_job = replace(agent_job, prompt=self._retelling.prompt(prompt, window=job.model.window))
        self._retelling.begin(prompt)
        last: AgentEvent | None = None
        with confining(self._confined):
            async with aclosing(agent.run(agent_job)) as events, self.steering.during(agent, agent_job):
                async for event in events:
                    last = event
                    await self._reporter.add(event)
                    if event.kind == Kind.SAID:
                        self._retelling.said(str(event.data.get("text", "")))
        if last is None or last.kind != Kind.ENDED:
            raise RunFailure(Reason.AGENT_ERROR, f"{job.run.agent} ended without a last word.")
        if reason := last.data.get("reason"):
            raise RunFailure(Reason(reason), last.data.get("detail") or ADVICE[Reason(reason)])

    def _forgets(self) -> bool:
        """Whether the agent could take a further turn, but has no conversation of the turns before."""
        agent = self._offers.agents.get(self._job.run.agent)
        if agent is None or abilities(agent)[Ability.FOLLOW_UP] == By.NOBODY:
            return False
        return not agent.remembers(self._folder.state)

    async def remember(self) -> None:
        """Keep the agent's memory for a run that follows; without it, that run knows less, but this one counts."""
        try:
            turns, alone = self._retelling, self._forgets()
            if memory := await asyncio.to_thread(self._folder.memory, turns.dump(), alone=alone):
                await self._coordinator.remember(self._job.run.id, self._job.run.generation, memory)
        except (OSError, Unavailable) as error:
            log.warning("the agent's memory of run %s could not be kept: %s", self._job.run.id, error)

    async def _check(self) -> str:
        """Run the project's check; gives what its agent is to be told when it failed, else ""."""
        job = self._job
        command = job.project.check if job.task.check is None else job.task.check
        if not command:
            return ""
        with confining(self._confined):
            result, output = await check(
                command,
                workspace=self._folder.workspace,
                home=self._folder.home,
                mark=self._folder.mark(),
                seconds=self._settings.check_seconds,
                reporter=self._reporter,
            )
        await self._reporter.fact(check=result)
        if result.passed:
            return ""
        how = "did not end in time" if result.exit is None else f"ended with exit code {result.exit}"
        return f"Your change fails this check: {command}\nIt {how}. Mend the change. The end of its output:\n\n{output}"

    async def _back_to_work(self) -> float:
        """Let the agent have its workspace again, as it left it; gives the seconds that were not the agent's."""
        assert self._workspace
        assert self._began
        assert self._done
        await self._workspace.restore()
        await self._reporter.move(RunState.WORKING, detail="Its change failed the check; its agent is to mend that.")
        aside = time.monotonic() - self._done
        self._change, self._done, self._began = None, None, self._began + aside
        return aside

    async def _escrow(self) -> Change | None:
        """Commit everything to the run's hidden ref; None when nothing differs from the base."""
        if self._workspace is None or self._scm is None:
            return None
        job, scm, workspace, ref = self._job, self._scm, self._workspace, self._folder.ref
        head = await workspace.escrow(ref, f"{job.task.title}\n\nRun: {job.run.id}", _author(job.run.agent))
        if head == workspace.base:
            return None
        self._sent += 1
        work = Escrowed(run=job.run, project=job.project, ref=ref, base=workspace.base, head=head, nth=self._sent)
        await insist(lambda: self._source.keep(work, scm), self._lost)
        files = await scm.changes(job.project, workspace.base, head)
        return summarise(workspace.base, head, files)

    async def keep(self) -> Change | None:
        """Escrow on the way out: a fault here must not hide how the run ended.

        Once the check has begun, what it leaves in the workspace is none of the agent's work.
        """
        if self._change or self._workspace is None:
            return self._change or self._job.run.change
        try:
            return await self._escrow()
        except Exception as error:
            sentence = "the work of run %s could not be kept; its workspace stays: %s"
            log.log(logging.ERROR, sentence, self._job.run.id, error, exc_info=not isinstance(error, CodeForgeError))
            with suppress(CodeForgeError):
                await self._reporter.say(f"The work could not be kept ({error}); it stays in {self._folder.workspace}.")
            self._workspace = None
            self.unsaved = True
            return None

    async def nothing_left(self) -> None:
        """End whatever still carries the run's mark: a process whose shim was killed has nobody else to end it."""
        await asyncio.to_thread(self._folder.end_processes)

    async def clear(self) -> None:
        if self.unsaved:
            return
        await asyncio.to_thread(self._folder.forget_base)
        if self._workspace is not None:
            await self._workspace.remove()
        await asyncio.to_thread(self._folder.remove)


def _author(agent: str) -> str:
    return f"{agent} (CodeForge) <{agent}@codeforge.local>"
