"""Pages as a browser gets them, without one."""

from __future__ import annotations

import pytest

PAGES = ["/projects", "/models", "/usage", "/plugins", "/tokens", "/api"]


@pytest.mark.parametrize("path", PAGES)
async def test_every_page_answers_when_there_is_nothing_yet(client, path):
    answer = await client.get(path)
    assert answer.status == 200, await answer.text()
    assert "<h1>" in await answer.text()
