"""A real Aider, a scripted model server and a small repository to work on."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from codeforge.testing import Desk, ScriptedModels, agents_dir, search_replace
from codeforge_agents_aider import Aider


class AiderDesk(Desk):
    EDIT = "I will make greet() friendlier.\n\n" + search_replace("hello.py", Desk.HELLO, Desk.FRIENDLY)


@pytest.fixture(scope="session")
def home() -> Path:
    """Where Aider is installed: once for all sessions and all workers, which wait for one another."""
    folder = agents_dir() / "aider"
    asyncio.run(Aider(home=folder).install(print))
    return folder


@pytest.fixture
def aider(home: Path) -> Aider:
    return Aider(home=home)


@pytest.fixture
async def models() -> AsyncIterator[ScriptedModels]:
    async with ScriptedModels() as server:
        server.script("m", [AiderDesk.EDIT])
        yield server


@pytest.fixture
def desk(tmp_path: Path, models: ScriptedModels) -> AiderDesk:
    desk = AiderDesk(tmp_path, models.url)
    desk.write({"hello.py": Desk.HELLO, "other.py": "def other():\n    return 1\n", "README.md": "# Sample\n"})
    desk.commit()
    return desk
