"""A call over HTTP: time-outs and broken connections become sentences, all else passes through."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from codeforge_llm_litellm.engines import Answer
from codeforge_llm_litellm.providers import Source
from codeforge_llm_litellm.trouble import Trouble

KEPT = ("retry-after", "retry-after-ms", "x-should-retry", "x-request-id", "request-id")
CONNECT, FIRST, IDLE = 10.0, 600.0, 300.0
"""Seconds until a connection stands, until an answer begins, and between two pieces of it."""
LARGE = 2**20  # from here on aiohttp wants a file, which it reads in a thread


@asynccontextmanager
async def post(
    session: aiohttp.ClientSession, url: str, headers: Mapping[str, str], body: dict[str, Any], source: Source
) -> AsyncIterator[Answer]:
    """Ask ``source`` at ``url``; leaving the block closes the connection where the answer was not read to its end."""
    response = await _begin(session, url, headers, body, source)
    try:
        kept = {name: value for name, value in response.headers.items() if _kept(name.lower())}
        yield Answer(
            status=response.status, blocks=_blocks(response, source), content_type=response.content_type, headers=kept
        )
    finally:
        response.close()


def _kept(name: str) -> bool:
    return name in KEPT or name.startswith(("x-ratelimit-", "anthropic-ratelimit-"))


async def _begin(
    session: aiohttp.ClientSession, url: str, headers: Mapping[str, str], body: dict[str, Any], source: Source
) -> aiohttp.ClientResponse:
    connect, first = source.seconds("connect", CONNECT), source.seconds("first", FIRST)
    times = aiohttp.ClientTimeout(total=None, connect=connect)
    data = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")
    sent = {"Content-Type": "application/json", "Accept-Encoding": "identity", **headers}
    try:
        async with asyncio.timeout(first):
            return await session.post(
                url,
                data=data if len(data) < LARGE else io.BytesIO(data),
                headers=sent,
                timeout=times,
                allow_redirects=False,
            )
    except aiohttp.ConnectionTimeoutError as error:
        message = f"{source.name} did not take a connection within {connect:g} s: check its address ({source.shown})."
        raise Trouble(504, "provider_timeout", message) from error
    except aiohttp.ClientConnectorError as error:
        message = f"{source.name} cannot be reached at {source.shown}: {error.os_error.strerror or 'no connection'}."
        raise Trouble(502, "provider_unreachable", message) from error
    except TimeoutError as error:
        message = f"{source.name} did not begin to answer within {first:g} s."
        raise Trouble(504, "provider_timeout", message, sent=True) from error
    except ValueError as error:  # an address with a password, or a .netrc, beside the key
        raise Trouble(502, "provider_error", f"{source.name} cannot be asked: {error}.") from error
    except (aiohttp.ClientError, OSError) as error:
        message = f"{source.name} closed the connection without an answer ({type(error).__name__})."
        raise Trouble(502, "provider_cut", message, sent=True) from error


async def _blocks(response: aiohttp.ClientResponse, source: Source) -> AsyncIterator[bytes]:
    wait, where = source.seconds("first", FIRST), "after the head"
    try:
        while True:
            async with asyncio.timeout(wait):
                block = await response.content.readany()
            if not block:
                return
            yield block
            wait, where = source.seconds("idle", IDLE), "in the middle"
    except TimeoutError as error:
        message = f"{source.name} said nothing for {wait:g} s {where} of its answer."
        raise Trouble(504, "provider_timeout", message, sent=True) from error
    except (aiohttp.ClientError, OSError) as error:
        raise Trouble(
            502, "provider_cut", f"{source.name} broke off in the middle of its answer.", sent=True
        ) from error
