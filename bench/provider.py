"""A provider that costs next to nothing: answers made beforehand, whole, as a stream, or as one at a human pace."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from aiohttp import web

TOKENS, PACED, PACE = 40, 100, 0.02
"""Pieces of a plain stream and of a paced one, and the seconds between two of these."""
USAGE = {"prompt_tokens": 1200, "completion_tokens": 80, "total_tokens": 1280}
BASE = {"id": "chatcmpl-1", "created": 1, "model": "talk"}


def _event(choices: list[dict[str, Any]], **more: Any) -> bytes:
    return (
        b"data: "
        + json.dumps({**BASE, "object": "chat.completion.chunk", "choices": choices, **more}).encode()
        + b"\n\n"
    )


def _piece(text: str, finish: str | None = None) -> bytes:
    return _event([{"index": 0, "delta": {"content": text} if text else {}, "finish_reason": finish}])


ANSWER = json.dumps(
    {
        **BASE,
        "object": "chat.completion",
        "usage": USAGE,
        "choices": [
            {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "word " * TOKENS}}
        ],
    }
).encode()
END = [_piece("", "stop"), _event([], usage=USAGE), b"data: [DONE]\n\n"]


async def chat(request: web.Request) -> web.StreamResponse:
    """One completion; the user "paced" is given it piece by piece."""
    body = json.loads(await request.read())
    if not body.get("stream"):
        return web.Response(body=ANSWER, content_type="application/json")
    slow = body.get("user") == "paced"
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    for number in range(PACED if slow else TOKENS):
        await response.write(_piece(f"word{number} "))
        if slow:
            await asyncio.sleep(PACE)
    await response.write(b"".join(END))
    await response.write_eof()
    return response


async def _serve() -> None:
    app = web.Application(client_max_size=2**26)
    app.router.add_post("/v1/chat/completions", chat)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    sys.stdout.write(f"http://127.0.0.1:{runner.addresses[0][1]}/v1\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve())
