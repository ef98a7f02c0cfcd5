"""What a run's agent asks leave for: answered by the project's setting, or by a person while the agent waits."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import asdict

from codeforge.events import AgentEvent, Kind
from codeforge.ids import new_id
from codeforge.model import Choice, Permissions
from codeforge.worker.reporter import Reporter

LONGEST = 4000
"""Characters of a question that are kept."""
SETTING = "the project's setting"


class Asking:
    """Of one run: `ask` is handed to its agent, `hear` is told what people have answered."""

    def __init__(self, permissions: Permissions, reporter: Reporter) -> None:
        self._permissions, self._reporter = permissions, reporter
        self._open: dict[str, asyncio.Future[str]] = {}

    async def ask(self, question: str, choices: Sequence[Choice]) -> str | None:
        """The id of the choice that was taken; None when there is none to refuse with, or nothing to choose from."""
        question_id = new_id()
        told = {"id": question_id, "question": question[:LONGEST], "choices": [asdict(choice) for choice in choices]}
        if self._permissions != "ask" or not choices:
            allows = self._permissions != "deny"
            answer = next((choice.id for choice in choices if choice.allows == allows), None)
            await self._reporter.add(AgentEvent(Kind.ASKED, {**told, "answer": answer, "by": SETTING}))
            return answer
        future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._open[question_id] = future
        try:
            await self._reporter.add(AgentEvent(Kind.ASKED, {**told, "answer": None, "by": None}))
            return await future
        finally:
            del self._open[question_id]
            if not future.done() or future.cancelled():  # the agent does not ask any more
                data = {"id": question_id, "answer": None, "name": None, "by": None}
                await self._reporter.add(AgentEvent(Kind.ANSWERED, data))

    def hear(self, answers: Iterable[tuple[str, str]]) -> None:
        """Answers of people, new ones and such as were heard before."""
        for question, answer in answers:
            future = self._open.get(question)
            if future and not future.done():
                future.set_result(answer)
