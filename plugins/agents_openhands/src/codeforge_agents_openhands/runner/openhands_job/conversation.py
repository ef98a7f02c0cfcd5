"""The conversation of a task: new, or taken up where an earlier process left it."""

from __future__ import annotations

import shutil
import tempfile
import uuid
from pathlib import Path
from typing import Any

from codeforge_agent.job import Job
from codeforge_agent.report import Report
from openhands.sdk import Agent, LocalConversation, LocalWorkspace, Tool
from openhands.sdk.context.condenser import LLMSummarizingCondenser
from openhands.tools.task_tracker import TaskTrackerTool

from .calls import Calls
from .llm import make_llm
from .screen import Screen
from .terminal import register

ID = uuid.UUID(int=1)
"""A task has one conversation, in a folder of its own."""
NO_END = 10**9
"""Steps: the job's own limit counts, and it counts model calls."""


class Conversation(LocalConversation):  # type: ignore[misc]
    """Without what a repository could bring along: plugins, whose hooks are commands, and agents of its own."""

    def _ensure_plugins_loaded(self) -> None:
        self._plugins_loaded = True

    def _register_file_based_agents(self) -> None:
        pass

    def answer_what_broke_off(self) -> None:
        """Close the tool calls that an earlier process did not end: else they would be made again."""
        self._ensure_agent_ready()
        with self._state:
            self._emit_orphaned_action_errors()


def open_conversation(job: Job, calls: Calls, screen: Screen, report: Report) -> Conversation:
    """That of the turn before for a follow-up, if it can be read; else a new one."""
    kept = Path(job.state) / "conversation"
    if not job.follow_up:
        shutil.rmtree(kept, ignore_errors=True)
    try:
        return _open(job, kept, calls, screen)
    except Exception as error:
        if not kept.exists() or not job.follow_up:
            raise
        report.text("log", f"What was said before cannot be read ({type(error).__name__}): OpenHands starts anew.")
        shutil.rmtree(kept)
        return _open(job, kept, calls, screen)


def _open(job: Job, kept: Path, calls: Calls, screen: Screen) -> Conversation:
    register()
    agent = Agent(
        llm=make_llm(job, calls, "agent"),
        tools=[Tool(name="terminal"), Tool(name="file_editor"), Tool(name=TaskTrackerTool.name)],
        condenser=LLMSummarizingCondenser(llm=make_llm(job, calls, "condenser")),
        system_prompt_kwargs={"cli_mode": True},
    )
    more: dict[str, Any] = {"visualizer": None, "delete_on_close": False, "max_iteration_per_run": NO_END}
    conversation = Conversation(
        agent=agent, workspace=LocalWorkspace(working_dir=job.workspace), persistence_dir=str(kept),
        conversation_id=ID, callbacks=[screen], profile_store_dir=f"{tempfile.gettempdir()}/openhands/profiles", **more,
    )  # fmt: skip
    conversation.answer_what_broke_off()
    return conversation
