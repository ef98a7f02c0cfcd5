"""Warm starts: seconds from a job to OpenHands' first model call, forked from the warm parent, beside a cold start.

Once without a sandbox, and once within bubblewrap's.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from contextlib import aclosing
from pathlib import Path

from bench.rows import Row, row

from codeforge import AgentBackend, AgentJob, Model
from codeforge.testing import InSandbox, ScriptedModels, agents_dir
from codeforge_agents_openhands import OpenHands
from codeforge_sandbox_bubblewrap import Bubblewrap

SAMPLES = 5


async def _first_call(agent: AgentBackend, models: ScriptedModels) -> float:
    """Seconds until the model is called."""
    with tempfile.TemporaryDirectory() as name:
        folder, model = Path(name), Model(name="talk", provider="scripted")
        (folder / "workspace").mkdir()
        job = AgentJob(
            run_id="bench", prompt="x", workspace=folder / "workspace", home=folder / "home", state=folder / "state",
            model=model, gateway=models.url, key="k",
        )  # fmt: skip
        began = time.monotonic()
        async with aclosing(agent.run(job)) as events:
            async for _ in events:
                pass
        return models.requests[-1].at - began


async def _measure() -> list[Row]:
    home = agents_dir() / "openhands"
    await OpenHands(home=home).install(lambda _: None)
    warm, cold = OpenHands(home=home, warm=True), OpenHands(home=home)
    free: list[AgentBackend] = [warm, cold]
    confined: list[AgentBackend] = [InSandbox(agent, Bubblewrap(), readable=[home]) for agent in free]
    rows = []
    async with ScriptedModels() as models:
        try:
            await _first_call(warm, models)  # brings the parent up
            for place, agents in (("", free), (" in a sandbox", confined)):
                seconds = [[await _first_call(agent, models) for _ in range(SAMPLES)] for agent in agents]
                ours, bare = map(statistics.median, seconds)
                rows.append(row(f"start of OpenHands to its first model call{place}", ours, "s", "cold start", bare))
        finally:
            warm.close()
    return rows


def measure() -> list[Row]:
    return asyncio.run(_measure())
