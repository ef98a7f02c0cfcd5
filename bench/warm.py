"""Warm starts: seconds from a job to OpenHands' first model call, forked from the warm parent, beside a cold start."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from contextlib import aclosing
from pathlib import Path

from bench.rows import Row, row

from codeforge import AgentJob, Model
from codeforge.testing import ScriptedModels, agents_dir
from codeforge_agents_openhands import OpenHands

SAMPLES = 5


async def _first_call(agent: OpenHands, models: ScriptedModels) -> float:
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


async def _measure() -> tuple[float, float]:
    """(warm, cold)"""
    home = agents_dir() / "openhands"
    await OpenHands(home=home).install(lambda _: None)
    warm, cold = OpenHands(home=home, warm=True), OpenHands(home=home)
    async with ScriptedModels() as models:
        try:
            await _first_call(warm, models)  # brings the parent up
            seconds = [[await _first_call(agent, models) for _ in range(SAMPLES)] for agent in (warm, cold)]
        finally:
            warm.close()
    return statistics.median(seconds[0]), statistics.median(seconds[1])


def measure() -> list[Row]:
    warm, cold = asyncio.run(_measure())
    return [row("start of OpenHands to its first model call", warm, "s", "cold start", cold)]
