"""A stop at any moment leaves no process, no lock file, no further request, and all the work in escrow."""

import asyncio
import os
import random
import time
from contextlib import suppress
from dataclasses import replace

import psutil
import pytest

from codeforge import Settings
from codeforge.testing import ScriptedModels, agents_dir, git, new_repository, running

STOPS = int(os.environ.get("CODEFORGE_TEST_STOPS", "8"))
"""How many runs of each agent are stopped; the seed is told where one fails."""
SEED = int(os.environ.get("CODEFORGE_TEST_SEED", "0")) or random.randrange(10**6)
LONGEST = 6.0
"""Seconds within which a stop comes."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120 + 10 * STOPS), pytest.mark.xdist_group("stops")]


def answers(dialect):
    """The model keeps an agent that runs commands at writing; another one writes a file in the first answer."""
    if dialect.shell("true") is None:
        [step] = dialect.change({"log.txt": "".join(f"{n}\n" for n in range(60))}, {})
        return lambda _: replace(step, pause=0.5)

    def script(seen):
        n = len(seen.body["messages"])
        return replace(dialect.shell(f"for i in 1 2 3; do echo {n}.$i >> log.txt; sleep 0.1; done")[0], pause=0.01)

    return script


@pytest.mark.parametrize("name", ["aider", "swe", "openhands", "opencode"])
async def test_a_stop_at_any_moment_leaves_nothing_behind_and_loses_nothing(tmp_path, name):
    chance = random.Random(SEED)
    settings = Settings(data_dir=tmp_path / "data", agents_dir=agents_dir(), port=0, slots=2)
    async with ScriptedModels() as models, running(settings) as (forge, api):
        agent = forge.agent(name)
        await agent.install(print)
        models.script("m", answers(agent.dialect()))
        await api.call(
            "PUT",
            "/providers/scripted?test=false",
            {"kind": "openai-compatible", "base_url": models.url, "key": "sk-x", "settings": {"models": ["m"]}},
        )
        repository = new_repository(tmp_path / "repository")
        project = await api.post("/projects", {"url": str(repository), "agent": name, "model": "scripted/m"})
        states = []

        async def one(after):
            run = await api.start(project, f"Write log.txt, says {after}.")
            run = await api.until(run, "preparing", "working", "review", "failed", seconds=60)
            seen = await watched(tmp_path / "data" / "runs" / f"{run['id']}-1" / "workspace" / "log.txt", after)
            await api.post(f"/runs/{run['id']}/stop")
            asked = time.monotonic()
            run = await api.until(run, seconds=60)
            took = time.monotonic() - asked
            calls = sum(str(after) in request.text for request in models.requests)
            assert left(run) == [], (SEED, after)
            assert took < 10, (SEED, after)
            if seen:
                mirror = tmp_path / "data" / "mirrors" / f"{project['id']}.git"
                kept = git(mirror, "show", f"refs/codeforge/runs/{run['id']}/1:log.txt")
                assert (kept + "\n").startswith(seen), (SEED, after)
            await asyncio.sleep(0.5)  # in which a request that should not come would come
            assert sum(str(after) in request.text for request in models.requests) == calls, (SEED, after)
            states.append(run["state"])

        moments = [chance.uniform(0, LONGEST) for _ in range(STOPS)]
        for pair in zip(moments[::2], moments[1::2], strict=True):
            await asyncio.gather(*map(one, pair))
    assert set(states) <= {"stopped", "review", "failed"}
    assert states.count("stopped") >= STOPS // 2
    assert list((tmp_path / "data" / "mirrors").glob("*.git/**/*.lock")) == []
    assert list((tmp_path / "data" / "runs").glob("*/workspace")) == []


async def watched(file, seconds):
    """What was last seen in ``file`` within so many seconds."""
    seen, deadline = "", time.monotonic() + seconds
    while time.monotonic() < deadline:
        with suppress(OSError):
            seen = file.read_text()
        await asyncio.sleep(0.02)
    return seen


def left(run):
    """The command lines of what still carries the run's mark."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.pid != os.getpid() and run["id"] in process.environ().get("CODEFORGE_RUN_FOLDER", ""):
                found.append(process.cmdline())
    return found
