"""A real mini-swe-agent, a scripted model server and a small repository to work on."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from codeforge.testing import Desk, ScriptedModels, agents_dir
from codeforge.testing.contract import Dialect
from codeforge_agents_swe import MiniSwe


@pytest.fixture(scope="session")
def home() -> Path:
    """Where the agent is installed: once for all sessions and all workers, which wait for one another."""
    folder = agents_dir() / "swe"
    asyncio.run(MiniSwe(home=folder).install(print))
    return folder


@pytest.fixture
def swe(home: Path) -> MiniSwe:
    return MiniSwe(home=home)


@pytest.fixture
def dialect(swe: MiniSwe) -> Dialect:
    return swe.dialect()


@pytest.fixture
async def models(dialect: Dialect) -> AsyncIterator[ScriptedModels]:
    async with ScriptedModels() as server:
        server.script("m", dialect.change({"hello.py": Desk.FRIENDLY}))
        yield server


@pytest.fixture
def desk(tmp_path: Path, models: ScriptedModels) -> Desk:
    desk = Desk(tmp_path, models.url)
    desk.write({"hello.py": Desk.HELLO, "README.md": "# Sample\n"})
    desk.commit()
    return desk
