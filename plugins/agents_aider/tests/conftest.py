"""A real Aider, a scripted model server and a small repository to work on."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from codeforge.testing import Desk, ScriptedModels, installed, search_replace
from codeforge_agents_aider import Aider


class AiderDesk(Desk):
    EDIT = "I will make greet() friendlier.\n\n" + search_replace("hello.py", Desk.HELLO, Desk.FRIENDLY)


@pytest.fixture(scope="session")
def home() -> Path:
    return installed(Aider)


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
    return AiderDesk.with_sample(tmp_path, models.url)
