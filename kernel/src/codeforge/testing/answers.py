"""Sends a scripted answer over HTTP, streamed or whole, in the shape that was asked for, with all its faults."""

from __future__ import annotations

import asyncio
import json

from aiohttp import web

from codeforge.testing.shapes import Chat
from codeforge.testing.steps import Step


async def send(shape: Chat, request: web.Request) -> web.StreamResponse:
    """Answer ``request`` with the step of ``shape``."""
    step, streamed = shape.step, bool(shape.body.get("stream"))
    if step.then in {"hang", "cut"} and not step.until:
        await _leave(step, request)
    if step.status != 200 and not step.raw:
        return web.json_response(shape.error(), status=step.status, headers=step.headers)
    kind = "text/event-stream" if streamed and step.status == 200 else "application/json"
    out = _Out(step, request, web.StreamResponse(status=step.status, headers={"Content-Type": kind, **step.headers}))
    if step.raw:
        await out.write(step.raw.encode())
    elif streamed:
        await out.begin()
        for data in shape.events():
            await out.write(shape.framed(data))
            await asyncio.sleep(step.pause)
    elif step.then in {"hang", "cut"} and step.bytes is None:
        await _leave(step, request)
    else:
        await out.write(json.dumps(shape.whole()).encode())
    if step.then in {"hang", "cut"}:
        await _leave(step, request)
    if streamed and not step.raw:
        await out.write(shape.end)
    await out.response.write_eof()
    return out.response


class _Out:
    """The answer under way; after the step's ``bytes`` it hangs or breaks off."""

    def __init__(self, step: Step, request: web.Request, response: web.StreamResponse) -> None:
        self._step, self._request, self.response = step, request, response
        self._left = step.bytes

    async def begin(self) -> None:
        if not self.response.prepared:
            await self.response.prepare(self._request)

    async def write(self, data: bytes) -> None:
        await self.begin()
        if self._left is not None and len(data) >= self._left:
            await self.response.write(data[: self._left])
            await _leave(self._step, self._request)
        if self._left is not None:
            self._left -= len(data)
        if data:
            await self.response.write(data)


async def _leave(step: Step, request: web.Request) -> None:
    if step.then == "cut" and request.transport:
        request.transport.abort()
    await asyncio.Event().wait()  # ends when the client goes or the server closes
