"""The way of one call: to the model that is chosen and, when it fails before it began to answer, on to the next."""

from __future__ import annotations

import random
from dataclasses import replace

from aiohttp import web

from codeforge import ModelRequest, ModelTarget
from codeforge_llm_litellm.call import Call, Stop
from codeforge_llm_litellm.gateway import Gateway
from codeforge_llm_litellm.relay import Relay
from codeforge_llm_litellm.routing import waiting
from codeforge_llm_litellm.routing.faults import Fault, of_answer, of_trouble
from codeforge_llm_litellm.routing.rests import Rest, clock
from codeforge_llm_litellm.trouble import Trouble


class Journey:
    """Each attempt is a call of its own, with its own account: what a failed one used is not billed to the next."""

    def __init__(self, gateway: Gateway, request: web.Request, call: Call, secret: str) -> None:
        self._gateway, self._request, self._call, self._secret = gateway, request, call, secret
        self._rests, self._plan = gateway.rests, call.plan
        self._failed: list[tuple[Stop, Fault]] = []

    async def run(self) -> web.StreamResponse:
        """The answer of the first model that has one, else what the last one said. Raises `Trouble`."""
        trouble: Trouble | None = None
        response: web.StreamResponse | None = None
        stops = self._stops()
        while stops:
            stop = stops.pop(0)
            call = replace(self._call, target=stop.target, route=self._why(stop))
            relay = Relay(self._gateway, self._request, call, self._secret)
            try:
                park = not stops or "budget" not in self._plan.fall_back_on
                response, trouble = await relay.run(park=park), None
            except Trouble as caught:
                response, trouble = None, caught
            fault = of_trouble(trouble, self._rests.clock()) if trouble else self._of(response)
            if fault is None:
                self._rests.answered(self._place(stop))
                break
            self._failed.append((stop, fault))
            if fault.of_model:
                self._rests.failed(self._place(stop), fault.words, fault.until)
            if fault.kind not in self._plan.fall_back_on:
                break
            if fault.kind == "context":  # smaller windows are too small as well
                stops = [other for other in stops if _larger(other, stop)]
        if trouble:
            await waiting.wait(self._gateway, self._call, self._failed, trouble.head)
            raise trouble
        assert response is not None
        if self._of(response):
            await waiting.wait(self._gateway, self._call, self._failed, response.headers)
        return response

    def _of(self, response: web.StreamResponse | None) -> Fault | None:
        """What is wrong with an answer that the agent has not seen anything of; of a stream it has."""
        if not isinstance(response, web.Response):
            return None
        body = response.body if isinstance(response.body, bytes) else b""
        return of_answer(response.status, response.headers, body, self._rests.clock())

    def _stops(self) -> list[Stop]:
        """The stops in the order in which they are tried: the chosen one, those that are awake, those that rest."""
        stops = list(self._plan.stops)
        if len(stops) > 1:
            rests = {stop.name: rest for stop in stops if (rest := self._rests.of(self._place(stop)))}
            chosen = self._gateway.forge.offers.choose_target(self._asked(), [_shown(s, rests) for s in stops])
            stops.sort(key=lambda stop: (stop.name != chosen, rests[stop.name].until if stop.name in rests else 0))
        return stops

    def _asked(self) -> ModelRequest:
        call, body = self._call, self._call.body
        output = body.get("max_completion_tokens") or body.get("max_output_tokens") or body.get("max_tokens")
        return ModelRequest(
            tenant_id=call.tenant_id,
            project_id=call.project_id,
            run_id=call.run_id,
            name=self._plan.name,
            prompt=(self._request.content_length or 0) // 4,
            output=output if isinstance(output, int) else None,
            stream=call.stream,
            tools=bool(body.get("tools")),
            chance=random.random(),  # noqa: S311 (it draws a model, no secret)
        )

    def _why(self, stop: Stop) -> str:
        """Which way the call takes and why; nothing where there is no choice."""
        if self._plan.name == stop.name:
            return ""
        reasons = [f"{failed.name} {fault.words}" for failed, fault in self._failed]
        tried = {stop.name, *(failed.name for failed, _ in self._failed)}
        others = [(other, self._rests.of(self._place(other))) for other in self._plan.stops if other.name not in tried]
        reasons += [f"{other.name} rests until {clock(rest.until)}, it {rest.why}" for other, rest in others if rest]
        return f"{self._plan.name} -> {stop.name}" + (f": {'; '.join(reasons)}" if reasons else "")

    def _place(self, stop: Stop) -> tuple[str, str]:
        return self._call.tenant_id, stop.name


def _larger(one: Stop, other: Stop) -> bool:
    """Whether a prompt that does not fit into the other's window may fit into this one's."""
    return one.window is None or one.window > (other.window or 0)


def _shown(stop: Stop, rests: dict[str, Rest]) -> ModelTarget:
    rest, prices = rests.get(stop.name), stop.target.prices
    return ModelTarget(
        name=stop.name,
        provider=stop.target.provider,
        weight=stop.weight,
        rests_until=rest.until if rest else None,
        rests_for=rest.why if rest else "",
        window=stop.window,
        input_price=prices[0].input if prices else None,
        output_price=prices[0].output if prices else None,
    )
