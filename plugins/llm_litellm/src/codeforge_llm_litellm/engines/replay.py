"""The engine for cassettes: answers are looked up, no model is called, and a miss is an error, never a live call."""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field

from codeforge import CodeForgeError, Forge, Principal
from codeforge_llm_litellm import sse
from codeforge_llm_litellm.call import Call
from codeforge_llm_litellm.cassettes import normal, render
from codeforge_llm_litellm.cassettes.fixture import Fixture, load
from codeforge_llm_litellm.cassettes.match import Miss, choose, miss
from codeforge_llm_litellm.engines import Answer, Engine
from codeforge_llm_litellm.trouble import Trouble

_RUNS = 1000


@dataclass(slots=True)
class _Play:
    """What a run was answered so far, and whether its history says that it differs from what was recorded."""

    given: list[Fixture] = field(default_factory=list)
    told: bool = False


class Replay(Engine):
    """Remembers for the last runs what each was answered already, to give repeated questions their answers in order."""

    def __init__(self, forge: Forge) -> None:
        self._forge, self._home = forge, str(forge.settings.data_dir)
        self._plays: OrderedDict[str, _Play] = OrderedDict()

    @asynccontextmanager
    async def answer(self, call: Call) -> AsyncIterator[Answer]:
        fixture = await self._find(call)
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

    async def _find(self, call: Call) -> Fixture:
        assert call.target.replay
        try:
            fixtures = await asyncio.to_thread(load, call.target.replay)
        except ValueError as error:
            message = f"The cassette {call.target.model} cannot be played: {error}."
            raise Trouble(409, "cassette_broken", message, retry=False) from error
        play = self._plays.setdefault(call.run_id, _Play())
        self._plays.move_to_end(call.run_id)
        while len(self._plays) > _RUNS:
            self._plays.popitem(last=False)
        asked = normal.request(call.body, self._home)
        if fixture := choose(fixtures, asked, play.given):
            play.given.append(fixture)
            return fixture
        found, number = miss(fixtures, asked, play.given), len(play.given) + 1
        message = f"The cassette {call.target.model} has no answer to call {number} of this run: {found.why}."
        if not play.told:
            play.told = True
            await self._tell(call, number, found, message)
        raise Trouble(409, "cassette_miss", message, retry=False)

    async def _tell(self, call: Call, number: int, found: Miss, message: str) -> None:
        """Say in the run's history where it differs from what was recorded."""
        facts = {"call": number, "exchange": found.nearest.file if found.nearest else None, "why": found.why}
        facts |= asdict(found.difference) if found.difference else {}
        who = Principal(user_id="", user="", tenant_id=call.tenant_id, scopes=frozenset())
        try:
            run = await self._forge.runs.get(who, call.run_id)
            await self._forge.note(run, message, divergence=facts)
        except CodeForgeError:  # the answer says it, too
            return


async def _once(body: bytes) -> AsyncIterator[bytes]:
    yield body


async def _paced(fixture: Fixture, model: str) -> AsyncIterator[bytes]:
    for piece in render.pieces(fixture, model):
        yield sse.event(piece)
        if fixture.latency:
            await asyncio.sleep(fixture.latency / 1000)
    yield sse.DONE
