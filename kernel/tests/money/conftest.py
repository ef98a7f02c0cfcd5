"""Servers of one database on which runs are paid for."""

import sys
from itertools import count
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # what the tests share lies beside them

import paper
from paid import working

from codeforge import Model, Settings
from codeforge.forge import Forge
from codeforge.store import Store


@pytest.fixture
async def open_forge(tmp_path, database_url):
    """Makes servers of one database."""
    stores, numbers = [], count()

    async def opened(**options):
        options = {"data_dir": tmp_path / str(next(numbers)), **options}
        offers = paper.offers(Model(name="p/m", provider="p", input_price=7))
        stores.append(await Store.open(tmp_path, database_url))
        return Forge(Settings(**options), stores[-1], offers)

    yield opened
    for store in stores:
        await store.close()


@pytest.fixture
async def forge(open_forge):
    return await open_forge()


@pytest.fixture
async def who(forge):
    return await forge.accounts.admin()


@pytest.fixture
async def project(forge, who):
    return await forge.projects.add(who, "/paper/house", agent="shell")


@pytest.fixture
async def run(forge, who, project):
    return await working(forge, who, project)
