"""The HTTP door: OpenAI's chat completions and responses and Anthropic's messages, for those who hold a run's key."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from aiohttp import web

from codeforge import CodeForgeError
from codeforge.http import public
from codeforge_llm_litellm.counter import count
from codeforge_llm_litellm.gateway import Gateway
from codeforge_llm_litellm.protocols.known import protocol
from codeforge_llm_litellm.protocols.responses import NOT_KEPT
from codeforge_llm_litellm.routing.journey import Journey
from codeforge_llm_litellm.trouble import Trouble

MOST = 64 * 2**20
"""Bytes that a request may have."""
DEEPEST = 100
"""Lists and objects that a request may hold inside one another: what is deeper breaks those who read it."""
PASSED_ON = ("anthropic-beta", "anthropic-version")
"""Fields of a request's head that are the provider's to read."""
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def routes(gateway: Gateway) -> Iterable[web.RouteDef]:
    """The gateway's routes. They need no sign-in: a run's key opens them."""

    def answering(name: str) -> Handler:
        async def answer(request: web.Request) -> web.StreamResponse:
            secret = _secret(request)
            key = await gateway.key(secret)  # before the body: strangers shall not fill the memory
            with gateway.place(key):
                call = await gateway.admit(key, await _body(request), protocol=name, head=_head(request))
                return await Journey(gateway, request, call, secret).run()

        return _told(answer, name)

    async def counting(request: web.Request) -> web.StreamResponse:
        key = await gateway.key(_secret(request))
        with gateway.place(key):
            body = {"max_tokens": 1, **await _body(request)}  # which counting does without
            call = await gateway.admit(key, body, protocol="messages", head=_head(request))
            return web.json_response({"input_tokens": await count(gateway, call)})

    async def models(request: web.Request) -> web.StreamResponse:
        key = await gateway.key(_secret(request))
        if (asked := request.match_info.get("id", key.model)) != key.model:
            raise Trouble(404, "model_not_found", f"This run's key is good for {key.model}, not for {asked}.")
        anthropic = "anthropic-version" in request.headers or request.path.startswith("/llm/anthropic/")
        model = _anthropic_model(key.model) if anthropic else _openai_model(key.model)
        if "id" in request.match_info:
            return web.json_response(model)
        more = {"first_id": key.model, "last_id": key.model, "has_more": False} if anthropic else {"object": "list"}
        return web.json_response({"data": [model], **more})

    async def kept(request: web.Request) -> web.StreamResponse:
        await gateway.key(_secret(request))
        raise Trouble(404, "response_not_found", f"There is no response {request.match_info['id']}. {NOT_KEPT}")

    counted = _told(counting, "messages")
    return [
        web.post("/llm/v1/chat/completions", answering("chat")),
        web.post("/llm/v1/responses", answering("responses")),
        web.route("*", "/llm/v1/responses/{id}{rest:.*}", _told(kept, "responses")),
        web.post("/llm/v1/messages", answering("messages")),
        web.post("/llm/anthropic/v1/messages", answering("messages")),
        web.post("/llm/v1/messages/count_tokens", counted),
        web.post("/llm/anthropic/v1/messages/count_tokens", counted),
        web.get("/llm/v1/models", _told(models, "chat")),
        web.get("/llm/v1/models/{id:.+}", _told(models, "chat")),
        web.get("/llm/anthropic/v1/models", _told(models, "messages")),
        web.get("/llm/anthropic/v1/models/{id:.+}", _told(models, "messages")),
    ]


def _openai_model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "codeforge"}


def _anthropic_model(name: str) -> dict[str, Any]:
    return {"id": name, "type": "model", "display_name": name, "created_at": "1970-01-01T00:00:00Z"}


def _told(handler: Handler, name: str) -> Handler:
    """The handler, its `Trouble` told in the protocol's form."""

    @public
    async def told(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except CodeForgeError as error:
            trouble = Trouble(error.status, error.slug, str(error))
        except Trouble as caught:
            trouble = caught
        return web.json_response(protocol(name).error(trouble), status=trouble.status, headers=trouble.headers())

    return told


def _secret(request: web.Request) -> str:
    kind, _, secret = request.headers.get("Authorization", "").partition(" ")
    secret = secret.strip() if kind.lower() == "bearer" else request.headers.get("x-api-key", "").strip()
    if not secret:
        raise Trouble(401, "invalid_api_key", "Give the run's key as `Authorization: Bearer KEY` or `x-api-key: KEY`.")
    return secret


def _head(request: web.Request) -> dict[str, str]:
    found = {name: ",".join(request.headers.getall(name, ())) for name in PASSED_ON}
    return {name: value for name, value in found.items() if value}


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
