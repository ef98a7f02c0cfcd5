"""A whole CodeForge for each test: real server, real repositories, an agent that runs its prompt as a script."""

import sys
from pathlib import Path

import pytest

from codeforge import Settings
from codeforge.testing import StandIns, new_repository, running

sys.path.insert(0, str(Path(__file__).parent))  # what the tests share lies beside them


@pytest.fixture
def settings(tmp_path):
    return Settings(data_dir=tmp_path / "data", port=0, default_agent="shell", lease=5)


@pytest.fixture
async def house(settings):
    """The forge and a client of its API."""
    async with running(settings, extra={"stand_ins": StandIns()}) as both:
        yield both


@pytest.fixture
def api(house):
    return house[1]


@pytest.fixture
def repository(tmp_path):
    """A repository with a.txt in one commit on main."""
    return new_repository(tmp_path / "repository")


@pytest.fixture
async def project(api, repository):
    return await api.post("/projects", {"url": str(repository), "agent": "shell", "model": "none"})
