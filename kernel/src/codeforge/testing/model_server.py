"""A scripted OpenAI-compatible model server: real HTTP, real streams, no model. Runs alone with ``python -m``."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from codeforge.testing.answers import send
from codeforge.testing.ports import free_port
from codeforge.testing.steps import Step, steps_for


@dataclass(slots=True)
class Seen:
    """One request as it arrived. ``done`` turns true when the answer was sent to its end."""

    model: str
    key: str
    body: dict[str, Any]
    at: float = field(default_factory=time.monotonic)
    done: bool = False

    @property
    def text(self) -> str:
        """Everything that the request says, in one piece, to look for words in."""
        return "\n".join(str(message.get("content")) for message in self.body.get("messages", []))


Script = Callable[[Seen], Step]


class ScriptedModels:
    """``async with ScriptedModels() as models``: then ``models.url`` is a base URL, and `requests` what it saw.

    Any key is accepted. A model that is not scripted answers by its name (see `codeforge.testing.steps`); one
    that has no such name either is answered with 404.
    """

    def __init__(self, *, port: int = 0) -> None:
        self._port = port or free_port()
        self._scripts: dict[str, Script] = {}
        self._arrived = asyncio.Condition()
        self.requests: list[Seen] = []

    def script(self, model: str, steps: Script | Sequence[Step | str]) -> None:
        """Let ``model`` answer with ``steps`` one after the other, the last one for ever; or ask a function."""
        self._scripts[model] = steps if callable(steps) else _in_order(steps)

    async def seen(self, count: int = 1, *, seconds: float = 60.0) -> list[Seen]:
        """Wait until ``count`` requests have arrived. Raises `TimeoutError` after ``seconds``."""
        async with asyncio.timeout(seconds), self._arrived:
            await self._arrived.wait_for(lambda: len(self.requests) >= count)
        return self.requests

    async def __aenter__(self) -> ScriptedModels:
        app = web.Application(client_max_size=64 * 2**20)
        app.add_routes([web.post("/v1/chat/completions", self._chat), web.get("/v1/models", self._models)])
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/v1"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        key = request.headers.get("Authorization", "").removeprefix("Bearer ")
        seen = Seen(model=body["model"], key=key, body=body)
        script = self._scripts.get(seen.model)
        if not script and (steps := steps_for(seen.model)):
            script = self._scripts[seen.model] = _in_order(steps)
        step = script(seen) if script else Step(status=404, code="model_not_found", text=f"no model {seen.model}")
        async with self._arrived:
            self.requests.append(seen)
            self._arrived.notify_all()
        response = await send(step, body, request)
        seen.done = True
        return response

    async def _models(self, _: web.Request) -> web.Response:
        data = [{"id": name, "object": "model", "owned_by": "codeforge"} for name in self._scripts]
        return web.json_response({"object": "list", "data": data})


def _in_order(steps: Sequence[Step | str]) -> Script:
    left = [Step(text=step) if isinstance(step, str) else step for step in steps]
    return lambda _: left.pop(0) if len(left) > 1 else left[0]


async def _serve(port: int) -> None:
    async with ScriptedModels(port=port) as models:
        sys.stdout.write(models.url + "\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m codeforge.testing.model_server", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="the port of 127.0.0.1; by default a free one")
    with suppress(KeyboardInterrupt):
        asyncio.run(_serve(parser.parse_args().port))
