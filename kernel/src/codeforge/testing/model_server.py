"""A scripted model server in three protocols: real HTTP, real streams, no model. Runs alone with ``python -m``."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from aiohttp import web

from codeforge.errors import Invalid
from codeforge.testing import asked
from codeforge.testing.answers import send
from codeforge.testing.ports import free_port
from codeforge.testing.rules import Rules
from codeforge.testing.shapes import SHAPES, Chat
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
        return "\n".join(words for _, words in asked.conversation(self.body))


Script = Callable[[Seen], Step]


class ScriptedModels:
    """``async with ScriptedModels() as models``: then ``models.url`` is a base URL, and `requests` what it saw.

    It speaks OpenAI's chat completions and responses and Anthropic's messages. Any key is accepted. A model that
    is not scripted is answered by the ``rules`` (a YAML file), else by its name (see `codeforge.testing.steps`);
    one that has no such name either is answered with 404. Raises `Invalid` for rules that cannot be read.
    """

    def __init__(self, *, port: int = 0, rules: Path | None = None) -> None:
        self._port = port or free_port()
        self._rules = Rules.read(rules) if rules else None
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
        app.add_routes([web.post(shape.path, partial(self._answer, shape)) for shape in SHAPES])
        app.add_routes([web.get("/v1/models", self._models)])
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/v1"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _answer(self, shape: type[Chat], request: web.Request) -> web.StreamResponse:
        body = await request.json()
        key = request.headers.get("x-api-key") or request.headers.get("Authorization", "").removeprefix("Bearer ")
        seen = Seen(model=body["model"], key=key, body=body)
        step = self._step(seen)
        async with self._arrived:
            self.requests.append(seen)
            self._arrived.notify_all()
        response = await send(shape(step, body), request)
        seen.done = True
        return response

    def _step(self, seen: Seen) -> Step:
        if script := self._scripts.get(seen.model):
            return script(seen)
        if self._rules:
            return self._rules.step(seen.body)
        if steps := steps_for(seen.model):
            script = self._scripts[seen.model] = _in_order(steps)
            return script(seen)
        return Step(status=404, code="model_not_found", text=f"no model {seen.model}")

    async def _models(self, _: web.Request) -> web.Response:
        names = [*self._scripts, *(self._rules.models if self._rules else ())]
        data = [{"id": name, "object": "model", "owned_by": "codeforge"} for name in dict.fromkeys(names)]
        return web.json_response({"object": "list", "data": data})


def _in_order(steps: Sequence[Step | str]) -> Script:
    left = [Step(text=step) if isinstance(step, str) else step for step in steps]
    return lambda _: left.pop(0) if len(left) > 1 else left[0]


async def _serve(port: int, rules: Path | None) -> None:
    async with ScriptedModels(port=port, rules=rules) as models:
        sys.stdout.write(models.url + "\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m codeforge.testing.model_server", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="the port of 127.0.0.1; by default a free one")
    parser.add_argument("--rules", type=Path, help="a YAML file that says what is answered")
    given = parser.parse_args()
    try:
        with suppress(KeyboardInterrupt):
            asyncio.run(_serve(given.port, given.rules))
    except Invalid as error:
        sys.exit(str(error))
