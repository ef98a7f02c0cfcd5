"""A real OpenHands, a scripted model server and a small repository to work on."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from codeforge import Unavailable
from codeforge.testing import Desk, ScriptedModels, installed
from codeforge.testing.contract import Dialect
from codeforge_agents_openhands import OpenHands


@pytest.fixture(scope="session")
def home() -> Path:
    try:
        return installed(OpenHands)
    except Unavailable as error:
        if "needs Python" in str(error):
            pytest.skip(str(error))
        raise


@pytest.fixture(scope="session")
def openhands(home: Path) -> Iterator[OpenHands]:
    """Kept warm for all tests."""
    agent = OpenHands(home=home, warm=True)
    yield agent
    agent.close()


@pytest.fixture
def cold(home: Path) -> OpenHands:
    return OpenHands(home=home)


@pytest.fixture
def say(openhands: OpenHands) -> Dialect:
    """How a scripted model makes OpenHands do things."""
    return openhands.dialect()


@pytest.fixture
async def models() -> AsyncIterator[ScriptedModels]:
    async with ScriptedModels() as server:
        yield server


@pytest.fixture
def desk(tmp_path: Path, models: ScriptedModels) -> Desk:
    return Desk.with_sample(tmp_path, models.url)
