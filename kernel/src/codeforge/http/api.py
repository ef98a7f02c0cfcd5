"""The API's own layer: a handler's annotations say what it reads and answers, and the OpenAPI document is made of them.

Of a handler's arguments, ``forge``, ``who`` and ``request`` are handed in, ``body`` is the JSON body, those
annotated with `Header` come from headers and all others from the path or the query.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any, get_args, get_type_hints

from aiohttp import web
from pydantic import BaseModel, ConfigDict, create_model

from codeforge.forge import Forge
from codeforge.http import once, reading
from codeforge.http.context import FORGE, needs, public, who
from codeforge.http.encode import model_json
from codeforge.http.once import Made
from codeforge.http.schemas import Shape
from codeforge.model import Principal

PREFIX = "/api/v1"
Reread = Callable[[Forge, Principal, Made], Awaitable[Shape]]
"""Gives the answer of a request that was done and never answered, from what it has made."""
GIVEN = frozenset({"forge", "who", "request"})


@dataclass(frozen=True, slots=True)
class Header:
    """Marks an argument that comes from the header ``name``."""

    name: str


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One method on one path. ``errors`` are the statuses that it may answer besides ``status`` and the usual ones.

    With ``down``, an answer that is not ``ok`` has status 503.
    """

    method: str
    path: str
    call: Callable[..., Awaitable[Any]]
    status: int
    errors: frozenset[int]
    scope: str
    once: Reread | None
    public: bool
    wants: frozenset[str]
    params: type[BaseModel]
    headers: dict[str, str]
    body: type[Shape] | None
    default: Shape | None
    answer: type[Shape] | None
    also: tuple[str, ...]
    down: bool = False

    def route(self) -> web.RouteDef:
        """The operation as a route of aiohttp."""

        async def handler(request: web.Request) -> web.StreamResponse:
            given = dict(reading.parameters(request, self.params, self.headers))
            key = given.pop("idempotency_key", None)
            work = partial(self.handle, request, given)
            if self.once and key:
                return await once.answer(request, key, work, partial(self.reread, request))
            return await work()

        if self.public:
            public(handler)
        if self.scope:
            needs(self.scope, handler)
        return web.route(self.method, PREFIX + self.path, handler)

    async def handle(self, request: web.Request, given: dict[str, Any]) -> web.StreamResponse:
        """Read the body, call the handler with what was ``given`` beside it, write its answer."""
        if self.body:
            given["body"] = await reading.body(request, self.body, self.default)
        if "forge" in self.wants:
            given["forge"] = request.app[FORGE]
        if "who" in self.wants:
            given["who"] = who(request)
        if "request" in self.wants:
            given["request"] = request
        return self.write(await self.call(**given))

    async def reread(self, request: web.Request, made: Made) -> web.StreamResponse:
        """The answer of a request that was done and never answered."""
        assert self.once
        return self.write(await self.once(request.app[FORGE], who(request), made))

    def write(self, found: Any) -> web.StreamResponse:
        """What the handler found, as it is sent."""
        if isinstance(found, web.StreamResponse):
            return found
        if found is None:
            return web.Response(status=self.status)
        headers = {"ETag": found.etag()} if found.etag() else None
        status = 503 if self.down and not found.ok else self.status
        return web.Response(status=status, body=model_json(found), content_type="application/json", headers=headers)


def operation(
    method: str,
    path: str,
    *,
    status: int = 200,
    errors: Iterable[int] = (),
    scope: str = "",
    once: Reread | None = None,
    public: bool = False,
    also: Iterable[str] = (),
    down: bool = False,
) -> Callable[[Callable[..., Awaitable[Any]]], Operation]:
    """Make an operation of a handler. With ``once`` it takes an Idempotency-Key, and by
    that function answers for what an earlier request has made; ``also`` are further content types."""

    def make(call: Callable[..., Awaitable[Any]]) -> Operation:
        hints = get_type_hints(call, include_extras=True)
        arguments = inspect.signature(call).parameters
        answer, body = hints.pop("return"), hints.pop("body", None)
        default = arguments["body"].default if body else None
        fields = {name: hint for name, hint in hints.items() if name not in GIVEN}
        headers = {
            n: mark.name for n, hint in fields.items() for mark in get_args(hint)[1:] if isinstance(mark, Header)
        }
        values: dict[str, Any] = {
            n: (hint, ... if arguments[n].default is inspect.Parameter.empty else arguments[n].default)
            for n, hint in fields.items()
        }
        if once:
            headers["idempotency_key"], values["idempotency_key"] = "Idempotency-Key", (once_key(), None)
        return Operation(
            method=method,
            path=path,
            call=call,
            status=status,
            errors=frozenset(errors),
            scope=scope,
            once=once,
            public=public,
            wants=GIVEN & hints.keys(),
            params=create_model("Params", __config__=ConfigDict(extra="forbid", defer_build=True), **values),
            headers=headers,
            body=body,
            default=default if isinstance(default, Shape) else None,
            answer=answer if isinstance(answer, type) and issubclass(answer, Shape) else None,
            also=tuple(also),
            down=down,
        )

    return make


def once_key() -> Any:
    """The type of an Idempotency-Key."""
    return once.Key | None
