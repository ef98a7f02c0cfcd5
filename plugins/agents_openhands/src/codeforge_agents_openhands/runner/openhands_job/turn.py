"""One turn of conversation: the prompt, the agent's work, and how it ended."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from typing import Any

from codeforge_agent.inbox import heard
from codeforge_agent.job import Job
from codeforge_agent.main import TimeUp
from codeforge_agent.report import Report
from openhands.sdk.conversation.exceptions import ConversationRunError
from openhands.sdk.conversation.state import ConversationExecutionStatus as Status

from .calls import Calls
from .changed import changed_since, now
from .screen import Screen

GO_ON = "If the task is done, call the `finish` tool and say what you did. If it is not, go on."
CUT = "Your last answer was cut off at its output limit, and nothing of it was done. Go on in smaller steps."
LOOK = 0.1
"""Seconds between two looks for what people say."""
LAST = 1.0
"""Seconds for an orderly end after SIGTERM."""


class Turn:
    """Can be interrupted at any time: by SIGTERM, or because the job's time is over."""

    def __init__(self, job: Job, conversation: Any, calls: Calls, screen: Screen) -> None:
        self._job, self._conversation, self._calls, self._screen = job, conversation, calls, screen
        self._workspace, self._began = job.workspace, now(job.state)
        self._loop = asyncio.new_event_loop()
        self._time_is_up = False

    def take(self, prompt: str) -> None:
        """Returns when the agent has stopped. Raises `TimeUp`, `Failed`, `StepLimit` or what went wrong."""
        self._loop.add_signal_handler(signal.SIGTERM, self._stop)
        self._loop.add_signal_handler(signal.SIGALRM, self._end_of_time)
        try:
            self._loop.run_until_complete(self._converse(prompt))
        except ConversationRunError as error:
            raise error.original_exception from None
        except SystemExit:
            pass
        if self._time_is_up:
            raise TimeUp

    async def _converse(self, message: str) -> None:
        acted = -1
        while message:
            await asyncio.to_thread(self._conversation.send_message, message)
            await self._run()
            message = ""
            if self.talked and acted != self._screen.actions:
                acted = self._screen.actions
                message = CUT if self._calls.cut else GO_ON if self.changed else ""

    async def _run(self) -> None:
        """Work to a halt, and on where something was said just then: it is told between two steps."""
        going = True
        while going:
            over = asyncio.Event()
            listening = asyncio.create_task(self._listen(over))
            try:
                await self._conversation.arun()
            finally:
                over.set()
                await asyncio.wait([listening])
            going = self.status == Status.IDLE and listening.result()

    async def _listen(self, over: asyncio.Event) -> bool:
        """Tell what people say until it is ``over``; gives whether there was anything."""
        told = False
        while not over.is_set():
            for words in heard(self._job):
                await asyncio.to_thread(self._conversation.send_message, words)
                told = True
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK):
                    await over.wait()
        return told

    @property
    def talked(self) -> bool:
        """Whether the agent stopped by words alone."""
        return self.status == Status.FINISHED and not self._screen.finished

    @property
    def changed(self) -> bool:
        """Whether anything in the workspace is younger than the turn."""
        return changed_since(self._workspace, self._began)

    @property
    def status(self) -> Status:
        return self._conversation.state.execution_status

    def tell_end(self, report: Report) -> None:
        """Success is what the agent calls so by its tool; words alone are, where there is nothing to show for them."""
        if self.status == Status.STUCK:
            trouble = self._screen.trouble
            report.end("unusable" if trouble else "stuck", trouble or "it does the same again and again")
        elif self.status != Status.FINISHED:
            report.end("error", f"the conversation stands at {self.status.value}")
        elif not self.talked:
            report.end("done")
        elif self._calls.cut:
            report.end("cut")
        elif self.changed:
            report.end("unusable", "it stopped in the middle of its work, without saying that it is done")
        else:
            report.end("done")

    def _stop(self) -> None:
        self._conversation.interrupt()
        self._loop.call_later(LAST, os._exit, 128 + signal.SIGTERM)

    def _end_of_time(self) -> None:
        if self._time_is_up:  # the second alarm: something does not let itself be interrupted
            raise SystemExit
        self._time_is_up = True
        self._conversation.interrupt()
