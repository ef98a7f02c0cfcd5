"""The agent's only way to a model: a door on loopback that counts its calls, sees how they end, and has the run's key.

An ACP agent tells little of its model: one that got a 401 may well end its turn as if all were done. So it does not
get the gateway's address and the run's key, but this door's and a token that opens nothing else.
"""

from __future__ import annotations

import asyncio
import hmac
import io
import secrets
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from codeforge import Reason
from codeforge_agents_acp.answers import Ending, Trouble

if TYPE_CHECKING:
    from aiohttp import ClientSession, StreamReader, web

CALLS = ("/chat/completions", "/responses", "/messages")
"""How the paths of model calls end, in the three protocols of the gateway."""
AT_ONCE = frozenset({401, 402, 403, 409})
"""What no further try changes."""
OF_ITSELF = (Reason.MODEL_REFUSED, Reason.BAD_OUTPUT)
"""What is wrong with one call and says nothing of others."""
REFUSALS = 3
"""Refused requests, or answers that ran into their limit, after which the next is not asked for: an agent that shortens
a conversation whenever the model says that it is too long would do so for ever. Two good answers one after the other
make up for all before. Calls beside the work, which offer no tools while others do, count neither way."""
LARGEST = 64 * 2**20
"""Bytes that a request may have, as at the gateway."""
MOST_TOLD = 64 * 1024
"""Bytes of an error that are read."""
_NOT_PASSED = frozenset(
    [
        "host",
        "connection",
        "keep-alive",
        "transfer-encoding",
        "content-length",
        "accept-encoding",
        "authorization",
        "x-api-key",
        "api-key",
        "proxy-authorization",
        "te",
        "trailer",
        "upgrade",
        "expect",
    ]
)


class Relay:
    """``async with open_relay(...) as relay``: ``relay.url`` and ``relay.token`` are for the agent.

    A sandbox puts a door of its own before it, by which paths begin as those of the gateway do. ``over`` is set when no
    further call can change how the run ends; ``trouble`` is what became of the last call, None where it went well;
    ``spent`` whether a call was asked for beyond ``steps``. ``used`` is told the tokens of each answer.
    """

    def __init__(self, session: ClientSession, gateway: str, key: str, steps: int, patience: float) -> None:
        self._session, self._gateway, self._key = session, gateway.rstrip("/"), key
        self.below = urlsplit(self._gateway).path.removesuffix("/v1")
        self._steps, self._patience = steps, patience
        self.token = f"cf-agent-{secrets.token_urlsafe(24)}"
        self.url = ""
        self.calls = self._under_way = self._refusals = self._good = 0
        self.trouble: Trouble | None = None
        self.spent = self._tools = False
        self.over = asyncio.Event()
        self.used: Callable[[int, int], None] = lambda prompt, completion: None
        self._failing_since: float | None = None
        self._last_chance: asyncio.TimerHandle | None = None

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Pass a request on, if it is the agent's."""

        if not self._opened_by(request.headers):
            return _problem(401, "This door is another agent's.")
        counted = request.method == "POST" and request.path.endswith(CALLS)
        if not counted:
            return await self._passed(request, None)
        if self.calls + self._under_way >= self._steps:
            self.spent = True
            self.over.set()
            return _problem(400, f"The run's limit of {self._steps} model calls is reached.")
        if self.over.is_set():
            return _problem(400, "The run ends: its model answers no more.")
        self._under_way += 1
        ending = Ending()
        try:
            return await self._passed(request, ending)
        finally:
            self._under_way -= 1
            self._ended(ending)

    def close(self) -> None:
        if self._last_chance:
            self._last_chance.cancel()

    def _opened_by(self, headers: Mapping[str, str]) -> bool:
        given = headers.get("authorization", "").removeprefix("Bearer ").strip()
        told = (given, headers.get("x-api-key", ""), headers.get("api-key", ""))
        return any(hmac.compare_digest(one.encode(), self.token.encode()) for one in told)

    def _target(self, request: web.Request) -> str:
        return f"{self._gateway}{request.raw_path.removeprefix(self.below).removeprefix('/v1')}"

    async def _passed(self, request: web.Request, ending: Ending | None) -> web.StreamResponse:
        import aiohttp
        from aiohttp import web

        headers = {name: value for name, value in request.headers.items() if name.lower() not in _NOT_PASSED}
        headers |= {"Authorization": f"Bearer {self._key}", "Accept-Encoding": "identity"}
        body, out = await request.read(), None
        data = io.BytesIO(body) if body else None  # in pieces: a large body as one would hold up all that goes on
        if ending:
            ending.asked(body)
        try:
            async with self._session.request(request.method, self._target(request), headers=headers, data=data) as got:
                kept = {name: value for name, value in got.headers.items() if name.lower() not in _NOT_PASSED}
                if got.status >= 400:
                    said = await _beginning(got.content)
                    if ending:
                        ending.refused(got.status, said, got.headers.get("Retry-After", ""))
                    return web.Response(status=got.status, headers=kept, body=said)
                out = web.StreamResponse(status=got.status, headers=kept)
                await out.prepare(request)
                async for block in got.content.iter_any():
                    if ending:
                        ending.more(block)
                    await out.write(block)
                if ending:
                    ending.end(streamed=got.content_type == "text/event-stream")
                await out.write_eof()
                return out
        except (aiohttp.ClientError, TimeoutError) as error:
            why = str(error) or "it did not answer in time"
            if ending:
                ending.cut(why)
            if out is None:
                return _problem(502, f"The model gateway does not answer: {why}")
            if request.transport:
                request.transport.abort()
            return out

    def _ended(self, ending: Ending) -> None:
        """Remember how a call went. One that the agent itself broke off says nothing."""
        if ending.whole:
            self.calls += 1
            self.used(*ending.used)
            self._failing_since = None
            self.close()
        if self.over.is_set():  # how the run ends is settled
            return
        if ending.tools and not self._tools:  # what was counted until now was beside the work
            self._tools, self._refusals = True, 0
        work, trouble = ending.tools or not self._tools, ending.trouble
        if ending.well:
            self._good += work
            if self._good > 1:
                self._refusals = 0
            if work or (self.trouble and self.trouble.reason not in OF_ITSELF):
                self.trouble = None
        elif trouble and (work or trouble.status in AT_ONCE or trouble.reason not in OF_ITSELF):
            self.trouble, self._good = trouble, 0
            self._refusals += ending.whole or trouble.reason is Reason.MODEL_REFUSED
            if trouble.status in AT_ONCE or trouble.pause > self._patience or self._refusals >= REFUSALS:
                self.over.set()
            elif trouble.reason in (Reason.QUOTA, Reason.MODEL_UNREACHABLE) and self._failing_since is None:
                self._failing_since = time.monotonic()
                self._last_chance = asyncio.get_running_loop().call_later(self._patience, self.over.set)


@asynccontextmanager
async def open_relay(
    gateway: str, key: str, *, steps: int, patience: float, call_timeout: float
) -> AsyncIterator[Relay]:
    """A relay to ``gateway`` for one job, on a free port of loopback.

    ``patience``: seconds for which calls may fail one after the other. ``call_timeout``: seconds of a model's silence.
    """
    import aiohttp
    from aiohttp import web

    timeout = aiohttp.ClientTimeout(total=None, sock_connect=min(10.0, call_timeout), sock_read=call_timeout)
    async with aiohttp.ClientSession(timeout=timeout, auto_decompress=False) as session:
        relay = Relay(session, gateway, key, steps, patience)
        door = web.Application(client_max_size=LARGEST)
        door.router.add_route("*", "/{way:.*}", relay.handle)
        runner = web.AppRunner(door, access_log=None, handler_cancellation=True, shutdown_timeout=0.0)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            relay.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            yield relay
        finally:
            relay.close()
            with suppress(Exception):  # an agent that still writes must not keep the run
                await runner.cleanup()


async def _beginning(content: StreamReader) -> bytes:
    told = b""
    async for block in content.iter_any():
        told += block
        if len(told) >= MOST_TOLD:
            break
    return told[:MOST_TOLD]


def _problem(status: int, words: str) -> web.Response:
    from aiohttp import web

    return web.json_response({"error": {"message": words, "type": "codeforge", "code": str(status)}}, status=status)
