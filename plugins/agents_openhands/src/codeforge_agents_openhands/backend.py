"""The agent offer: OpenHands' SDK, run by its own Python."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from codeforge import AgentJob, Recipe, RunnerAgent

if TYPE_CHECKING:
    from codeforge.testing.contract import Dialect

HERE = Path(__file__).parent


class OpenHands(RunnerAgent):
    """OpenHands, about 130 MB to fetch once and 480 MB on disk."""

    recipe = Recipe(
        name="openhands",
        title="OpenHands",
        version="1.58.0",
        lock=HERE / "openhands.lock",
        pythons=((3, 12), (3, 13)),
        fetched="130 MB",
        warm="import os; os.environ['LITELLM_LOCAL_MODEL_COST_MAP'] = 'True'; "
        "import openhands.sdk, openhands.tools.file_editor, openhands.tools.task_tracker",
    )
    runner = HERE / "runner" / "openhands_job"

    def remembers(self, state: Path) -> bool:
        return (state / "conversation").is_dir()

    async def steer(self, job: AgentJob, words: str) -> bool:
        return await self.hand_in(job, words)

    def dialect(self) -> Dialect:
        from codeforge_agents_openhands.dialect import OpenHandsDialect

        return OpenHandsDialect()
