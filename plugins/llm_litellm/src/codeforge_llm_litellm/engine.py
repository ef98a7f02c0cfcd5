"""The litellm child process: ``python -m codeforge_llm_litellm.engine SOCKET``, its secret on standard input.

Serves OpenAI's chat completions on a Unix socket and translates them for other providers. Each request brings
the provider's key and address in its head; nothing is kept, logged or read from the environment.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import os
import re
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from aiohttp import web

from codeforge_llm_litellm.protocols.errors import said

SECRET, KEY, BASE, EXTRA = "X-Engine-Secret", "X-Provider-Key", "X-Provider-Base", "X-Provider-Extra"
READY = "ready"
SWITCHES = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True",
    "LITELLM_LOCAL_BLOG_POSTS": "True",
    "LITELLM_OFFLINE_MODE": "true",
    "LITELLM_MODE": "PRODUCTION",
    "LITELLM_LOG": "CRITICAL",
    "MAX_IMAGE_URL_DOWNLOAD_SIZE_MB": "0",  # an agent must not make the server fetch addresses of its choice
    "HF_HUB_OFFLINE": "1",
}
# what providers say of their limits, by their own names or as litellm calls them
_LIMIT = re.compile(r"(?:llm_provider-)?(retry-after(?:-ms)?|(?:x|anthropic)-ratelimit-.+)", re.IGNORECASE)
# litellm takes api_base, api_key, mock_response, callbacks and much more from the same arguments:
# only what belongs to a chat may come from an agent
FIELDS = frozenset(
    {
        "messages", "tools", "tool_choice", "parallel_tool_calls", "functions", "function_call", "temperature", "top_p",
        "n", "stop", "seed", "max_tokens", "max_completion_tokens", "presence_penalty", "frequency_penalty",
        "logit_bias", "logprobs", "top_logprobs", "response_format", "reasoning_effort", "thinking", "verbosity",
        "stream", "user",
    }
)  # fmt: skip
# without the last one, every call with tools needs the package mcp
ALWAYS = {"num_retries": 0, "max_retries": 0, "_skip_mcp_handler": True}


_QUOTED = re.compile(r"\{.*\}", re.DOTALL)


class Translator:
    """Answers those who know the secret."""

    def __init__(self, secret: str) -> None:
        import litellm

        litellm.suppress_debug_info = True
        litellm.turn_off_message_logging = True
        litellm.drop_params = True  # what a provider has no word for is left out rather than refused
        self._litellm, self._secret = litellm, secret

    async def chat(self, request: web.Request) -> web.StreamResponse:
        """One chat completion, streamed or whole."""
        if not hmac.compare_digest(request.headers.get(SECRET, ""), self._secret):
            return web.json_response({"error": {"message": "wrong secret"}}, status=401)
        body = json.loads(await request.content.read())
        asked = {name: value for name, value in body.items() if name in FIELDS}
        asked |= {"model": body["model"], **json.loads(request.headers[EXTRA])}
        asked |= {"api_key": request.headers[KEY] or None, "api_base": request.headers[BASE] or None}
        if body.get("stream"):
            asked["stream_options"] = {"include_usage": True}
        try:
            answer = await self._litellm.acompletion(**asked, **ALWAYS)
            # some providers are asked only now: their refusal shall keep its status
            first = [await anext(answer)] if body.get("stream") else []
        except StopAsyncIteration:
            return _failed(EOFError("The provider's stream held no answer."))
        except Exception as error:  # litellm raises anything, from its own classes to KeyError
            return _failed(error)
        if body.get("stream"):
            return await _stream(request, first, answer)
        return web.Response(body=_json(answer), content_type="application/json")


async def _stream(request: web.Request, first: list[Any], chunks: Any) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    try:
        for chunk in first:
            await response.write(b"data: " + _json(chunk) + b"\n\n")
        async for chunk in chunks:
            if getattr(chunk, "usage", None) and not _reported(chunks):
                chunk.usage = None
            await response.write(b"data: " + _json(chunk) + b"\n\n")
        await response.write(b"data: [DONE]\n\n")
    except ConnectionError:
        raise
    except Exception as error:
        await response.write(b"data: " + json.dumps(_error(error)).encode() + b"\n\n")
    await response.write_eof()
    return response


def _reported(chunks: Any) -> bool:
    """Whether the provider itself said what it used: where it did not, litellm makes figures up."""
    return any(getattr(heard, "usage", None) for heard in getattr(chunks, "chunks", ()))


def _json(answer: Any) -> bytes:
    return str(answer.model_dump_json(exclude_none=True)).encode()


def _error(error: Exception) -> dict[str, Any]:
    kind = type(error).__name__
    message = (getattr(error, "message", "") or str(error)).split("\nTraceback", 1)[0]
    if (quoted := _QUOTED.search(message)) and (own := _own(quoted[0])):
        message = own
    return {
        "error": {"message": message, "type": kind, "param": None, "code": str(getattr(error, "code", None) or kind)}
    }


def _own(quoted: str) -> str:
    """The provider's own sentence in an answer that litellm quotes as a whole; empty where it is none."""
    try:
        found = json.loads(quoted)
    except (ValueError, RecursionError):
        return ""
    return said(found)[0] if isinstance(found, dict) else ""


def _failed(error: Exception) -> web.Response:
    status = getattr(error, "status_code", None)
    status = status if isinstance(status, int) and 400 <= status < 600 else 502
    return web.json_response(_error(error), status=status, headers=_limits(error))


def _limits(error: BaseException | None) -> dict[str, str]:
    """What the provider said of its limits; litellm keeps it in one place or another, often in the cause."""
    for _ in range(10):
        for holder in (error, getattr(error, "response", None)):
            for name in ("litellm_response_headers", "headers"):
                head = getattr(holder, name, None)
                told = head.items() if isinstance(head, Mapping) else ()
                if kept := {found[1]: str(value) for name, value in told if (found := _LIMIT.fullmatch(name))}:
                    return kept
        if error is None:
            break
        error = error.__cause__ or error.__context__
    return {}


async def serve(socket: str, secret: str) -> None:
    """Serve until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    app = web.Application()
    app.router.add_post("/chat/completions", Translator(secret).chat)
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.5)
    await runner.setup()
    await web.UnixSite(runner, socket).start()
    sys.stdout.write(READY + "\n")
    sys.stdout.flush()
    await stop.wait()
    await runner.cleanup()


if __name__ == "__main__":
    os.environ.update(SWITCHES)
    asyncio.run(serve(sys.argv[1], sys.stdin.read()))
    with suppress(OSError):  # the owner does this too, unless it died
        Path(sys.argv[1]).unlink()
        Path(sys.argv[1]).parent.rmdir()
