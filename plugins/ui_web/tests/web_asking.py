"""Asks for pages as a browser and as htmx do."""

from __future__ import annotations

import re

HTMX = {"HX-Request": "true", "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}


async def read(client, path, **headers):
    answer = await client.get(path, headers=headers)
    assert answer.status == 200, await answer.text()
    return await answer.text()


async def token_of(client):
    return re.search(r'name="csrf-token" content="(\w*)"', await read(client, "/projects"))[1]


async def send(client, path, headers=HTMX, **data):
    """Post a form as htmx does."""
    answer = await client.post(
        path, data=data, headers={**headers, "X-CSRF-Token": await token_of(client)}, allow_redirects=False
    )
    return answer.status, answer.headers, await answer.text()
