"""A desk for agents that ask, and for the plain one, which does as its prompt says."""

import json
from dataclasses import dataclass, field, replace
from typing import Any

from codeforge import AgentEvent, AgentJob, Model
from codeforge.testing import Desk
from codeforge_agents_acp import AcpAgent


@dataclass
class AcpDesk(Desk):
    """``questions`` were asked, and are given ``answer`` by its name."""

    questions: list[tuple[str, list[str]]] = field(default_factory=list)
    answer: str | None = None

    def job(self, prompt: object = "x", model: str = "talk", **more: Any) -> AgentJob:
        """A job; a prompt that is a list is what the plain agent is to do."""
        told = prompt if isinstance(prompt, str) else json.dumps(prompt)
        unpriced = Model(name=model, provider="scripted", window=100_000)
        return replace(super().job(model, told, **{"ask": self.ask, **more}), model=unpriced)

    async def ask(self, question, choices):
        self.questions.append((question, [choice.name for choice in choices]))
        return next((choice.id for choice in choices if choice.name == self.answer), None)

    async def do(self, agent: AcpAgent, *deeds: tuple[str, object], **more: object) -> AgentEvent:
        """Let the plain agent do these deeds."""
        return await self.run(agent, self.job([list(deed) for deed in deeds], **more))
