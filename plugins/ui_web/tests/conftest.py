"""Pages without a browser, and in one."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from codeforge import Settings
from codeforge.http import make_app
from codeforge.testing import open_browser, watched_page
from codeforge_ui_web.pages import routes

sys.path.insert(0, str(Path(__file__).parent))  # what the tests share lies beside them
from web_server import Server
from web_stage import Stage, open_stage


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with AsyncExitStack() as stack:
        yield await open_stage(stack, Settings(data_dir=tmp_path))


@pytest.fixture
async def stranger(stage: Stage) -> AsyncIterator[TestClient[Any, Any]]:
    """Somebody who is not signed in, and asks as a browser does."""
    async with TestClient(TestServer(make_app(stage.forge, routes())), headers={"Accept": "text/html"}) as client:
        yield client


@pytest.fixture
async def client(stage: Stage, stranger: TestClient[Any, Any]) -> TestClient[Any, Any]:
    """Somebody who is signed in."""
    await stranger.post("/signin", data={"token": await stage.forge.accounts.link()}, allow_redirects=False)
    return stranger


# --------------------------------------------------------------------------------------------------
# Pages in a browser
# --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")  # not longer: while it is open, no asynchronous test can run in this process
def browser() -> Iterator[Any]:
    with open_browser() as browser:
        yield browser


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path)
    yield server
    server.stop()


@pytest.fixture
def page(browser: Any, server: Server) -> Iterator[Any]:
    """A signed-in page that fails its test on anything that goes wrong; ``page.expected`` are texts of what may."""
    with watched_page(browser, server.url) as (page, wrong):
        page.expected = []
        page.goto(f"/signin?token={server.do(server.stage.forge.accounts.link())}")
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url("**/projects")
        yield page
    wrong = [text for text in wrong if not any(expected in text for expected in page.expected)]
    assert not wrong, "\n".join(wrong)
