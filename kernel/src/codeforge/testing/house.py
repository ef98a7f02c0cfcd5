"""A whole CodeForge inside a test, and a client of its API."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from codeforge.boot import house
from codeforge.forge import Forge
from codeforge.model import ENDED
from codeforge.settings import Settings

Json = dict[str, Any]


class Api:
    """A client of the REST API that knows the base address and the token."""

    def __init__(self, http: aiohttp.ClientSession, url: str) -> None:
        self.http, self.url = http, url

    async def call(
        self, method: str, path: str, body: Json | None = None, *, status: int | None = None, **options: Any
    ) -> Any:
        async with self.http.request(method, f"{self.url}/api/v1{path}", json=body, **options) as answer:
            content = await answer.json() if answer.content_type.endswith("json") else await answer.text()
            if status is None:
                assert answer.status < 400, f"{method} {path}: {answer.status} {content}"
            else:
                assert answer.status == status, f"{method} {path}: {answer.status} {content}"
            return content

    async def get(self, path: str, **options: Any) -> Any:
        return await self.call("GET", path, **options)

    async def post(self, path: str, body: Json | None = None, **options: Any) -> Any:
        return await self.call("POST", path, body or {}, **options)

    async def start(self, project: Json, prompt: str, **options: Any) -> Json:
        """Submit a task; gives its first run."""
        made: Json = await self.post(f"/projects/{project['id']}/tasks", {"prompt": prompt, **options})
        run: Json = made["run"]
        return run

    async def until(self, run: Json, *states: str, seconds: float = 30.0) -> Json:
        """The run once it is in one of the states (by default: once it has ended)."""
        wanted, deadline = states or tuple(ENDED), time.monotonic() + seconds
        while True:
            run = await self.get(f"/runs/{run['id']}")
            if run["state"] in wanted:
                return run
            assert time.monotonic() < deadline, f"still {run['state']}, wanted {wanted}"
            assert states == () or run["state"] not in ENDED, f"{run['state']}: {run['detail']}, wanted {wanted}"
            await asyncio.sleep(0.02)

    async def says(self, run: Json, text: str, seconds: float = 30.0) -> None:
        """Wait until an event of the run holds the text."""
        deadline = time.monotonic() + seconds
        while text not in repr(await self.get(f"/runs/{run['id']}/events?limit=1000")):
            assert time.monotonic() < deadline, f"nobody said {text!r}"
            await asyncio.sleep(0.02)


@asynccontextmanager
async def running(
    settings: Settings, *, extra: Mapping[str, object] | None = None, working: bool = True
) -> AsyncIterator[tuple[Forge, Api]]:
    """A CodeForge in this process, and a client of it with every scope.

    Where ``settings`` do not name a sandbox there is none, so that scripted agents reach what their test looks at.
    """
    if "sandbox" not in settings.model_fields_set:
        settings = settings.model_copy(update={"sandbox": "none"})
    async with house(settings, extra=extra, working=working) as forge:
        _, token = await forge.accounts.new_token(await forge.accounts.admin(), "test", ("read", "write", "admin"))
        async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as http:
            yield forge, Api(http, forge.url)
