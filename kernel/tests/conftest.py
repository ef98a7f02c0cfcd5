"""Databases for the kernel's tests: SQLite for every test, and PostgreSQL for those that ask for both."""

import sys
from pathlib import Path

import pytest

from codeforge.testing import PrivatePostgres

sys.path.insert(0, str(Path(__file__).parent))  # what the tests share lies beside them


@pytest.fixture(scope="session")
def postgres():
    """A PostgreSQL server of this test run."""
    with PrivatePostgres() as server:
        yield server


@pytest.fixture(
    params=[
        "sqlite",
        pytest.param("postgres", marks=[pytest.mark.postgres, pytest.mark.xdist_group("postgres")]),
    ]
)
def database_url(request):
    """The address of an empty database: of SQLite's default one, then of one on PostgreSQL."""
    return "" if request.param == "sqlite" else request.getfixturevalue("postgres").new_database()
