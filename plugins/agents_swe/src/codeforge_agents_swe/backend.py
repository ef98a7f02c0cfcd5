"""The agent offer: mini-swe-agent, run by its own Python."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from codeforge import AgentJob, Recipe, RunnerAgent

if TYPE_CHECKING:
    from codeforge.testing.contract import Dialect

HERE = Path(__file__).parent
WARM = """
import os, tempfile
folder = tempfile.TemporaryDirectory()  # without it, importing makes a folder in the user's home
os.environ.update(MSWEA_GLOBAL_CONFIG_DIR=folder.name, MSWEA_SILENT_STARTUP="1")
import minisweagent.agents.default, minisweagent.environments.local, minisweagent.models.utils.actions_toolcall, yaml
"""


class MiniSwe(RunnerAgent):
    """mini-swe-agent without the libraries by which it would speak to models itself: 47 MB where all take 550 MB."""

    recipe = Recipe(
        name="swe",
        title="SWE-agent (mini)",
        version="2.4.6",
        lock=HERE / "mini.lock",
        pythons=((3, 10), (3, 13)),
        fetched="10 MB",
        warm=WARM,
    )
    runner = HERE / "runner" / "swe_job"

    def remembers(self, state: Path) -> bool:
        return (state / "swe.json").is_file()

    async def steer(self, job: AgentJob, words: str) -> bool:
        return await self.hand_in(job, words)

    def dialect(self) -> Dialect:
        from codeforge_agents_swe.dialect import MiniDialect

        return MiniDialect()
