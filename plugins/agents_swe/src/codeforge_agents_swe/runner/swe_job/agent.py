"""mini-swe-agent's own agent, with a conversation that is kept between turns and an eye on going in circles."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from codeforge_agent.inbox import heard
from codeforge_agent.job import Job
from minisweagent.agents.default import AgentConfig, DefaultAgent

from .circles import Circles
from .conversation import Conversation
from .model import GatewayModel
from .shell import Shell

FOLLOW_UP = """{task}

Work on as before. When you are done, submit again by this command, not combined with any other:
`echo COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT`"""


class Agent(DefaultAgent):  # type: ignore[misc]
    """Steps and seconds are bounded from outside, so its own limits are off."""

    def __init__(self, job: Job, model: GatewayModel, shell: Shell, config: dict[str, Any]) -> None:
        known = {name: value for name, value in config.items() if name in AgentConfig.model_fields}
        super().__init__(model, shell, **{**known, "step_limit": 0, "cost_limit": 0})
        self._job, self._conversation, self._circles = job, Conversation(job), Circles()

    def add_messages(self, *messages: dict[str, Any]) -> list[dict[str, Any]]:
        """Add; the first time, when a turn before was kept, that one's messages with the new words after them."""
        if not self.messages and (before := self._conversation.before):
            words = FOLLOW_UP.format(task=self.extra_template_vars["task"])
            messages = (*before, self.model.format_message(role="user", content=words))
        return list(super().add_messages(*messages))

    def query(self) -> dict[str, Any]:
        """Ask the model, after it was told what people said meanwhile."""
        for words in heard(self._job):
            self.add_messages(self.model.format_message(role="user", content=words))
        return dict(super().query())

    def execute_actions(self, message: dict[str, Any]) -> list[dict[str, Any]]:
        began = time.monotonic()
        results: list[dict[str, Any]] = super().execute_actions(message)
        commands = [action["command"] for action in message["extra"]["actions"]]
        self._circles.add(commands, [result["content"] for result in results], time.monotonic() - began)
        return results

    def save(self, path: Path | None, *_: dict[str, Any]) -> dict[str, Any]:
        """Called after each step, however it ended."""
        self._conversation.keep(self.messages)
        return {}
