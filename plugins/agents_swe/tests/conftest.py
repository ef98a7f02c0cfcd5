"""A real mini-swe-agent, a scripted model server and a small repository to work on."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from codeforge.testing import Desk, ScriptedModels, installed
from codeforge.testing.contract import Dialect
from codeforge_agents_swe import MiniSwe


@pytest.fixture(scope="session")
def home() -> Path:
    return installed(MiniSwe)


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
    return Desk.with_sample(tmp_path, models.url)
