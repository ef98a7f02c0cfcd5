"""The agent offer: Aider, run by its own Python."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from codeforge import Recipe, RunnerAgent

if TYPE_CHECKING:
    from codeforge.testing.contract import Dialect

HERE = Path(__file__).parent


class Aider(RunnerAgent):
    """Aider, about 200 MB to fetch once and 700 MB on disk."""

    recipe = Recipe(
        name="aider",
        title="Aider",
        version="0.86.2",
        lock=HERE / "aider.lock",
        pythons=((3, 10), (3, 12)),
        fetched="200 MB",
        warm="from aider.coders import Coder; from aider.repo import GitRepo; import tiktoken",
    )
    runner = HERE / "runner" / "aider_job"

    def remembers(self, state: Path) -> bool:
        return (state / "aider.json").is_file()

    def dialect(self) -> Dialect:
        from codeforge_agents_aider.dialect import AiderDialect

        return AiderDialect()
