"""The engine for cassettes: answers are looked up, no model is called, and a miss is an error, never a live call."""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from codeforge_llm_litellm import sse
from codeforge_llm_litellm.call import Call
from codeforge_llm_litellm.cassettes import normal, render
from codeforge_llm_litellm.cassettes.fixture import Fixture, load
from codeforge_llm_litellm.cassettes.match import choose, miss
from codeforge_llm_litellm.engines import Answer, Engine
from codeforge_llm_litellm.trouble import Trouble

_RUNS = 1000


class Replay(Engine):
    """Remembers for the last runs what each was answered already, to give repeated questions their answers in order."""

    def __init__(self, home: str) -> None:
        self._home = home
        self._played: OrderedDict[str, list[Fixture]] = OrderedDict()

    @asynccontextmanager
    async def answer(self, call: Call) -> AsyncIterator[Answer]:
        fixture = self._find(call)
        if failed := render.error(fixture):
            status, body = failed
            yield Answer(status=status, blocks=_once(json.dumps(body).encode()), replayed=True)
        elif call.stream:
            blocks = _paced(fixture, call.target.name)
            yield Answer(
                status=200, blocks=blocks, content_type="text/event-stream", replayed=True, cost_micro=fixture.cost
            )
        else:
            body = render.whole(fixture, call.target.name)
            yield Answer(status=200, blocks=_once(json.dumps(body).encode()), replayed=True, cost_micro=fixture.cost)

    def _find(self, call: Call) -> Fixture:
        assert call.target.replay
        try:
            fixtures = load(call.target.replay)
        except ValueError as error:
            message = f"The cassette {call.target.model} cannot be played: {error}."
            raise Trouble(409, "cassette_broken", message, retry=False) from error
        played = self._played.setdefault(call.run_id, [])
        self._played.move_to_end(call.run_id)
        while len(self._played) > _RUNS:
            self._played.popitem(last=False)
        asked = normal.request(call.body, self._home)
        if (fixture := choose(fixtures, asked, played)) is None:
            why = miss(fixtures, asked, played)
            number = len(played) + 1
            message = f"The cassette {call.target.model} has no answer to call {number} of this run: {why}."
            raise Trouble(409, "cassette_miss", message, retry=False)
        played.append(fixture)
        return fixture


async def _once(body: bytes) -> AsyncIterator[bytes]:
    yield body


async def _paced(fixture: Fixture, model: str) -> AsyncIterator[bytes]:
    for piece in render.pieces(fixture, model):
        yield sse.event(piece)
        if fixture.latency:
            await asyncio.sleep(fixture.latency / 1000)
    yield sse.DONE
