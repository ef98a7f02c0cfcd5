"""Answers messages and responses by an engine that speaks chat completions only."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import chain

from codeforge_llm_litellm import sse
from codeforge_llm_litellm.call import Call
from codeforge_llm_litellm.engines import Answer, Engine
from codeforge_llm_litellm.translation import Event, Telling
from codeforge_llm_litellm.translation.known import as_chat, telling
from codeforge_llm_litellm.trouble import Trouble

MOST = 64 * 2**20
"""Bytes that an answer may have which is not streamed."""


class Translated(Engine):
    """Asks ``engine`` in chat completions. What it refuses is told by the caller, who retells any error."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @asynccontextmanager
    async def answer(self, call: Call) -> AsyncIterator[Answer]:
        told = telling(call)
        chat = replace(call, protocol="chat", body=as_chat(call), head={})
        async with self._engine.answer(chat) as answer:
            if answer.status >= 400:
                yield answer
            elif answer.streamed:
                yield replace(answer, blocks=_events(answer.blocks, told))
            elif call.stream:  # a provider that streams nothing answers in one piece
                yield replace(answer, blocks=_at_once(answer, told, call), content_type="text/event-stream")
            else:
                yield replace(answer, blocks=_whole(answer, told, call))


async def _whole(answer: Answer, told: Telling, call: Call) -> AsyncIterator[bytes]:
    deque(await _heard(answer, told, call), maxlen=0)  # what a stream would have shown is of no use here
    yield json.dumps(told.whole(), ensure_ascii=False).encode()


async def _at_once(answer: Answer, told: Telling, call: Call) -> AsyncIterator[bytes]:
    yield b"".join(map(sse.named, await _heard(answer, told, call)))


async def _heard(answer: Answer, told: Telling, call: Call) -> Iterator[Event]:
    """The events that a whole chat completion becomes. Raises `Trouble` when it is none."""
    data = bytearray()
    async for block in answer.blocks:
        data += block
        if len(data) > MOST:
            break
    found = sse.parsed(b"data:" + bytes(data).replace(b"\n", b" ").replace(b"\r", b" "))
    if not isinstance(found.get("choices"), list):
        message = f"{call.target.provider} answered {answer.status}, but no chat completion: {_shown(data)}"
        raise Trouble(502, "provider_error", message, sent=True)
    return chain(told.feed(found), told.end())


def _shown(data: bytearray) -> str:
    return " ".join(bytes(data[:1000]).decode(errors="replace").split())[:300] or "nothing"


async def _events(blocks: AsyncIterator[bytes], told: Telling) -> AsyncIterator[bytes]:
    splitter = sse.Splitter()
    async for block in blocks:
        found = b"".join(_told(splitter.feed(block), told))
        if found:
            yield found
    yield b"".join(_told(splitter.end(), told))
    if told.heard.finish and not told.ended:  # its [DONE] did not come, but all of the answer did
        yield b"".join(map(sse.named, told.end()))


def _told(events: list[bytes], told: Telling) -> Iterator[bytes]:
    for event in events:
        if told.ended:
            return
        shown = told.end() if sse.data(event) == b"[DONE]" else told.feed(sse.parsed(event))
        yield from map(sse.named, shown)
