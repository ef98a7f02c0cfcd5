"""The HTTP door: ``/llm/v1/chat/completions`` and ``/llm/v1/models``, for those who hold a run's key."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from aiohttp import web

from codeforge import CodeForgeError
from codeforge.http import public
from codeforge_llm_litellm.gateway import Gateway
from codeforge_llm_litellm.routing.journey import Journey
from codeforge_llm_litellm.trouble import Trouble

MOST = 64 * 2**20
"""Bytes that a request may have."""
DEEPEST = 100
"""Lists and objects that a request may hold inside one another: what is deeper breaks those who read it."""
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def routes(gateway: Gateway) -> Iterable[web.RouteDef]:
    """The gateway's routes. They need no sign-in: a run's key opens them."""

    async def chat(request: web.Request) -> web.StreamResponse:
        secret = _secret(request)
        key = await gateway.key(secret)  # before the body: strangers shall not fill the memory
        with gateway.place(key):
            call = await gateway.admit(key, await _body(request))
            return await Journey(gateway, request, call, secret).run()

    async def models(request: web.Request) -> web.StreamResponse:
        key = await gateway.key(_secret(request))
        model = {"id": key.model, "object": "model", "created": 0, "owned_by": "codeforge"}
        return web.json_response({"object": "list", "data": [model]})

    return [web.post("/llm/v1/chat/completions", _told(chat)), web.get("/llm/v1/models", _told(models))]


def _told(handler: Handler) -> Handler:
    """The handler, its `Trouble` told in OpenAI's form."""

    @public
    async def told(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except CodeForgeError as error:
            trouble = Trouble(error.status, error.slug, str(error))
        except Trouble as caught:
            trouble = caught
        return web.json_response(trouble.body(), status=trouble.status, headers=trouble.headers())

    return told


def _secret(request: web.Request) -> str:
    kind, _, secret = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "bearer" or not secret.strip():
        raise Trouble(401, "invalid_api_key", "Give the run's key as `Authorization: Bearer KEY`.")
    return secret.strip()


async def _body(request: web.Request) -> dict[str, Any]:
    data = bytearray()
    async for block in request.content.iter_any():
        data += block
        if len(data) > MOST:
            raise Trouble(413, "request_too_large", f"The request has more than {MOST // 2**20} MB.")
    try:
        body = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise Trouble(400, "invalid_json", f"The request is no JSON: {error}.") from error
    if not isinstance(body, dict):
        raise Trouble(400, "invalid_json", "The request must be a JSON object.")
    if _deep(body):
        raise Trouble(400, "invalid_json", f"The request is nested more than {DEEPEST} deep.")
    return body


def _deep(body: dict[str, Any]) -> bool:
    level: list[Any] = [body]
    for _ in range(DEEPEST):
        inner = (one for outer in level for one in (outer.values() if isinstance(outer, dict) else outer))
        level = [one for one in inner if isinstance(one, dict | list)]
    return bool(level)
