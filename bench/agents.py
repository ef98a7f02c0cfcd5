"""What one run of each agent takes, beside the agent's own command line where it has one: seconds and memory.

The model is scripted and answers at once, so that what is measured is the agent's own. Memory is what its processes
have for themselves, together, at their most.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path

import uv
from bench.rows import Row, row

from codeforge import AgentBackend, Process, Settings
from codeforge.plugins import Plugins
from codeforge.testing import agents_dir
from codeforge.testing.contract.processes import alive
from codeforge.testing.contract.trial import FRIENDLY, Trial, trial

TIMES = 3
AIDER = """--model openai/m --edit-format diff --yes-always --no-check-update --no-analytics --no-pretty --no-stream
--no-show-release-notes --no-show-model-warnings --no-gitignore --no-detect-urls""".split()  # noqa: SIM905
MINI = ["mini", "-m", "openai/m", "-y", "--exit-immediately", "-c", "mini.yaml", "-t"]
MINI_ENV = {"MSWEA_CONFIGURED": "true", "MSWEA_SILENT_STARTUP": "1", "MSWEA_COST_TRACKING": "ignore_errors"}
Bare = Callable[[Trial], tuple[list[str], dict[str, str]]]


def _aider(given: Trial) -> tuple[list[str], dict[str, str]]:
    """Aider's own command line, of the environment that was made for it."""
    program = next((agents_dir() / "aider").glob("*/bin/aider"))
    return [str(program), *AIDER, "--message", "Make greet() friendlier.", "hello.py"], {}


def _mini(given: Trial) -> tuple[list[str], dict[str, str]]:
    """mini-swe-agent as it is installed by people, with litellm of a version that works with it."""
    run = [uv.find_uv_bin(), "tool", "run", "--quiet", "--compile-bytecode", "--from", "mini-swe-agent==2.4.6"]
    env = {**MINI_ENV, "MSWEA_GLOBAL_CONFIG_DIR": str(given.folder / "mini")}
    return [*run, "--with", "litellm==1.102.4", *MINI, "Make greet() friendlier."], env


BARE: dict[str, Bare] = {"aider": _aider, "swe": _mini}


def measure() -> list[Row]:
    return asyncio.run(_measure())


async def _measure() -> list[Row]:
    """Those that have no command line of their own here stand beside Aider."""
    rows, aider = [], (0.0, 0.0)
    agents = Plugins(()).agents(Settings(agents_dir=agents_dir())).values()
    for agent in sorted(agents, key=lambda agent: agent.name != "aider"):
        if agent.dialect() is None:
            continue
        await agent.install(lambda _: None)
        ours, bare = await _several(agent, lambda given: given.done()), BARE.get(agent.name)
        theirs = await _several(agent, partial(_alone, bare)) if bare else aider
        aider = ours if agent.name == "aider" else aider
        beside = "its own command line" if bare else "Aider's"
        rows.append(row(f"a run of {agent.name}", ours[0], "s", beside, theirs[0]))
        rows.append(row(f"memory of {agent.name}", ours[1], "MB", beside, theirs[1]))
    return rows


async def _several(agent: AgentBackend, work: Callable[[Trial], Awaitable[None]]) -> tuple[float, float]:
    """Median seconds and most MB of so many runs, after one that nobody counts."""
    took, most = [], 0.0
    for n in range(TIMES + 1):
        with tempfile.TemporaryDirectory() as folder:
            async with trial(agent, agent.dialect(), Path(folder)) as given, _memory(given) as memory:
                given.greet()
                began = time.perf_counter()
                await work(given)
                if n:
                    took.append(time.perf_counter() - began)
                    most = max(most, *memory)
    return statistics.median(took), most / 2**20


async def _alone(bare: Bare, given: Trial) -> None:
    command, more = bare(given)
    env = {**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "OPENAI_API_BASE": given.models.url}
    env |= {"OPENAI_API_KEY": "k", "TERM": "dumb", **given.mark, **more}
    async with Process(command, cwd=given.workspace, env=env) as process:
        told = [line async for _, line in process.lines()]
        code = await process.wait()
    if code or given.read("hello.py") != FRIENDLY:
        raise RuntimeError(f"{command[0]} ended with {code}: {told[-3:]}")


@asynccontextmanager
async def _memory(given: Trial) -> AsyncIterator[list[int]]:
    """What the processes of the trial take, looked at ten times a second."""
    found = [0]

    async def look() -> None:
        while True:
            found.append(sum(one.memory for one in alive(given.mark)))
            await asyncio.sleep(0.1)

    looking = asyncio.create_task(look())
    yield found
    looking.cancel()
    with suppress(asyncio.CancelledError):
        await looking
