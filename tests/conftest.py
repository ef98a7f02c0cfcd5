"""A whole CodeForge for each test: real server, real repositories, an agent that runs its prompt as a script.

Tests that are marked ``every_form`` run on SQLite and PostgreSQL, with the queue in memory and on RabbitMQ, with the
worker in the server and in a process of its own. ``every_form(slow=False)`` has them all run by default.
"""

import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from codeforge import Settings
from codeforge.testing import Fleet, PrivatePostgres, PrivateRabbit, StandIns, fleet, free_port, new_repository, running

sys.path.insert(0, str(Path(__file__).parent))  # what the tests share lies beside them


@dataclass(frozen=True)
class Form:
    """One form of CodeForge: the settings that make it, and the fleet where it is not in this process."""

    name: str
    settings: dict[str, str]
    fleet: Fleet | None = None


FIRST, *OTHERS = (
    "memory-sqlite",
    "memory-postgres",
    "rabbitmq-sqlite",
    "rabbitmq-postgres",
    "fleet-sqlite",
    "fleet-postgres",
)
WITHIN = (FIRST, *(name for name in OTHERS if not name.startswith("fleet")))
"""Those in which the server is in the test's own process, and can be ended and started again."""


def pytest_generate_tests(metafunc):
    mark = metafunc.definition.get_closest_marker("every_form")
    if mark is None:
        return
    names = WITHIN if mark.kwargs.get("within") else (FIRST, *OTHERS)
    slow = mark.kwargs.get("slow", True)
    metafunc.parametrize("form", [pytest.param(name, marks=_marks(name, slow)) for name in names], indirect=True)


def _marks(name, slow):
    if name == FIRST:
        return ()
    needs = [
        getattr(pytest.mark, need) for need in ("rabbitmq", "postgres") if need in name.replace("fleet", "rabbitmq")
    ]
    return (*needs, pytest.mark.xdist_group("services"), *([pytest.mark.slow] if slow else []))


# --------------------------------------------------------------------------------------------------
# What it stands on, started once for all tests
# --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def postgres():
    with PrivatePostgres() as server:
        yield server


@pytest.fixture(scope="session")
def rabbit_node():
    with PrivateRabbit(vhosts=16) as rabbit:
        yield rabbit


@pytest.fixture
def rabbit(rabbit_node):
    """The node, up again if an earlier test ended it."""
    if not rabbit_node.running:
        rabbit_node.start()
    return rabbit_node


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def fleet_sqlite(tmp_path_factory, rabbit_node):
    async with _fleet(tmp_path_factory.mktemp("fleet"), rabbit_node, "") as made:
        yield made


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def fleet_postgres(tmp_path_factory, rabbit_node, postgres):
    async with _fleet(tmp_path_factory.mktemp("fleet"), rabbit_node, postgres.new_database()) as made:
        yield made


def _fleet(folder, rabbit, database_url):
    return _of_one_server(folder, database_url=database_url, broker_url=rabbit.new_vhost(), lease="5")


@asynccontextmanager
async def _of_one_server(folder, **settings):
    """A server and a worker, each in a process of its own."""
    async with fleet(folder, **settings) as made:
        await made.add_server(free_port())
        async with made.api() as api:
            await made.add_worker(api)
        yield made


# --------------------------------------------------------------------------------------------------
# One CodeForge for a test
# --------------------------------------------------------------------------------------------------


@pytest.fixture
def form(request):
    name = getattr(request, "param", FIRST)
    queue, database = name.split("-")
    if queue == "fleet":
        return Form(name, {}, request.getfixturevalue(f"fleet_{database}"))
    given = {}
    if database == "postgres":
        given["database_url"] = request.getfixturevalue("postgres").new_database()
    if queue == "rabbitmq":
        given["broker_url"] = request.getfixturevalue("rabbit").url
    return Form(name, given)


@pytest.fixture
def settings(tmp_path, form):
    return Settings(data_dir=tmp_path / "data", port=0, default_agent="shell", lease=5, **form.settings)


@pytest.fixture
async def api(settings, form):
    if form.fleet:
        async with form.fleet.api() as api:
            yield api
        return
    async with running(settings, extra={"stand_ins": StandIns()}) as (_, api):
        yield api


@pytest.fixture
def repository(tmp_path):
    """A repository with a.txt in one commit on main."""
    return new_repository(tmp_path / "repository")


@pytest.fixture
async def project(api, repository):
    return await api.post(
        "/projects", {"url": str(repository), "name": repository.parent.name, "agent": "shell", "model": "none"}
    )
