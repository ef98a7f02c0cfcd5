"""Carries one answer from its engine to the agent, and sees that it is written down before its end is told."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web

from codeforge_llm_litellm import sse
from codeforge_llm_litellm.call import Call
from codeforge_llm_litellm.engines import Answer
from codeforge_llm_litellm.gateway import Gateway
from codeforge_llm_litellm.ledger import Ledger
from codeforge_llm_litellm.protocols.errors import retold
from codeforge_llm_litellm.protocols.known import protocol
from codeforge_llm_litellm.trouble import Trouble
from codeforge_llm_litellm.watch import gone, watched

MOST = 64 * 2**20
"""Bytes that an answer may have which is not streamed."""


class Relay:
    """One call. The agent sees the end of its answer only when the call's use is stored."""

    def __init__(self, gateway: Gateway, request: web.Request, call: Call, secret: str) -> None:
        self._gateway, self._request, self._call, self._secret = gateway, request, call, secret
        self._ledger = Ledger(gateway, call)
        key = call.target.source.secret if call.target.source else ""
        self._key = key.encode() if len(key) >= 8 else b""
        self._response: web.StreamResponse | None = None
        self._speech = protocol(call.protocol)
        self._end_event = b""
        self._said: dict[str, Any] = {}
        self._heard = False

    async def run(self, *, park: bool = True) -> web.StreamResponse:
        """Answer the request. Raises `Trouble` when there is none and nothing was sent yet.

        With ``park`` the run waits when a budget does not allow the call: where no other model is tried.
        """
        await self._ledger.open(park=park)
        trouble: Trouble | None = None
        body = b""
        try:
            engine = self._gateway.engine(self._call)
            async with watched(self._request, self._gateway.forge, self._secret), engine.answer(self._call) as answer:
                self._ledger.answer = answer
                if answer.streamed:
                    await self._stream(answer)
                else:
                    body = await self._whole(answer)
        except Trouble as caught:
            trouble = caught
        except BaseException:  # the server shuts down, or a fault of our own
            await self._ledger.close(Trouble(500, "internal", "The gateway broke the call off.", sent=True))
            raise
        await self._ledger.close(trouble)
        if self._response is not None and self._response.prepared:
            return await self._end(self._response, trouble)
        if trouble:
            raise trouble
        assert self._ledger.answer
        answer = self._ledger.answer
        return web.Response(body=body, status=answer.status, content_type=answer.content_type, headers=answer.headers)

    async def _whole(self, answer: Answer) -> bytes:
        data = bytearray()
        async for block in answer.blocks:
            data += block
            if len(data) > MOST:
                provider = self._call.target.provider
                raise Trouble(
                    502,
                    "provider_error",
                    f"{provider} answered more than {MOST // 2**20} MB.",
                    sent=answer.status < 400,
                )
        body = self._clean(bytes(data))
        if found := sse.parsed(b"data:" + body.replace(b"\n", b" ").replace(b"\r", b" ")):
            if answer.status < 400:
                self._speech.read(found, self._ledger.transcript)
                return body
            told = retold(self._speech, answer.status, found)
            self._ledger.transcript.failed((told or found)["error"])
            return json.dumps(told, ensure_ascii=False).encode() if told else body
        said = " ".join(body.decode(errors="replace").split())[:300] or "nothing"
        status = answer.status if answer.status >= 400 else 502
        message = f"{self._call.target.provider} answered {answer.status}, but no JSON: {said}"
        raise Trouble(status, "provider_error", message, head=answer.headers)

    async def _stream(self, answer: Answer) -> None:
        head = {"Content-Type": "text/event-stream", "Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
        self._response = web.StreamResponse(headers={**answer.headers, **head})
        splitter = sse.Splitter()
        async for block in answer.blocks:
            await self._pass(splitter.feed(block))
            if self._end_event:
                return
        await self._pass(splitter.end())
        transcript = self._ledger.transcript
        if not (self._end_event or transcript.finish or transcript.error):
            raise Trouble(
                502, "provider_cut", f"{self._call.target.provider} broke off in the middle of its answer.", sent=True
            )

    async def _pass(self, events: list[bytes]) -> None:
        data = b"".join(event for event in map(self._clean, events) if self._wanted(event))
        if self._heard:  # comments alone are no beginning
            await self._write(data)

    def _refused(self) -> Trouble:
        """An error in an answer's place, although its head was good: nothing was sent, so it can be told as one."""
        error = self._said.get("error")
        code = error.get("code") if isinstance(error, dict) else None
        status = code if isinstance(code, int) and 400 <= code < 600 else 502
        return Trouble(status, "provider_error", self._ledger.transcript.error, sent=True)

    def _wanted(self, event: bytes) -> bool:
        """Take an event in; whether the agent should have it: not the end yet, nor the usage that only we asked for."""
        if self._end_event:
            return False
        data = sse.data(event)
        first, self._heard = bool(data) and not self._heard, self._heard or bool(data)
        if data == b"[DONE]":
            self._end_event = event
            return False
        found = sse.parsed(event)
        self._speech.read(found, self._ledger.transcript)
        self._said.update(found)
        if first and self._ledger.transcript.error:
            raise self._refused()
        if self._speech.ends(found):
            self._end_event = event
            return False
        return not self._speech.hides(self._call.body, found)

    async def _write(self, data: bytes) -> None:
        assert self._response is not None
        try:
            if not self._response.prepared:
                await self._response.prepare(self._request)
            if data:
                await self._response.write(data)
        except ConnectionError as error:
            raise gone() from error

    async def _end(self, response: web.StreamResponse, trouble: Trouble | None) -> web.StreamResponse:
        end = self._end_event or (b"" if self._ledger.transcript.error else self._speech.end)
        try:
            await response.write(self._speech.event(trouble, self._said) if trouble else end)
            await response.write_eof()
        except ConnectionError:
            pass
        return response

    def _clean(self, data: bytes) -> bytes:
        """Without the provider's key, which error texts like to quote."""
        return data.replace(self._key, "•••".encode()) if self._key else data
