"""Models of other plugins, whose source answers calls itself: served, routed and accounted like any other."""

import asyncio
import json
from contextlib import asynccontextmanager

import openai
import pytest

from codeforge import Llm, Model, ModelAnswer, Route, Unavailable, Way, hookimpl
from codeforge.plugins import Plugins

ASKED = [{"role": "user", "content": "Say hello to the world."}]


class Parrot(Llm):
    """A third party's source: one model that repeats, one without a price, and one that is broken."""

    name = "parrot"

    def __init__(self):
        self.asked, self.left, self.fault = [], 0, None

    async def models(self, tenant_id):
        priced = Model(name="parrot/grey", provider="parrot", window=100, input_price=1_000_000, output_price=2_000_000)
        return [priced, Model(name="macaw", provider="parrot")]

    @asynccontextmanager
    async def answer(self, tenant_id, model, body):
        self.asked.append((tenant_id, model, body))
        if self.fault:
            raise self.fault
        try:
            stream = body.get("stream")
            blocks = self._stream(body) if stream else self._whole(body)
            yield ModelAnswer(blocks=blocks, content_type="text/event-stream" if stream else "application/json")
        finally:
            self.left += 1

    async def _whole(self, body):
        usage = {"prompt_tokens": 10, "completion_tokens": 5}
        message = {"role": "assistant", "content": body["messages"][-1]["content"]}
        answer = {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}], "usage": usage}
        yield json.dumps(answer).encode()

    async def _stream(self, body):
        for word in ("Say", " hello"):
            yield b"data: " + json.dumps({"choices": [{"index": 0, "delta": {"content": word}}]}).encode() + b"\n\n"
            if "break" in str(body):
                raise RuntimeError("a feather fell out")
            if "wait" in str(body):
                await asyncio.Event().wait()
        yield b'data: {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}\n\ndata: [DONE]\n\n'


@pytest.fixture
def parrot(house):
    """The plugin, found as any other."""
    parrot = Parrot()

    class Plugin:
        @hookimpl
        def register_llms(self, forge):
            return [parrot]

    house.forge.offers.llms |= Plugins(("llm_litellm",), {"parrots": Plugin()}).llms(house.forge)
    return parrot


async def said(house, paper, **options):
    messages = options.pop("messages", ASKED)
    create = house.client(paper).chat.completions.create
    answer = await create(model=paper.run.model, messages=messages, **options)
    if not options.get("stream"):
        return answer.choices[0].message.content
    return "".join([chunk.choices[0].delta.content or "" async for chunk in answer if chunk.choices])


async def test_another_plugins_model_answers_and_costs_what_it_says(house, parrot):
    paper = await house.run("parrot/grey")
    assert await said(house, paper) == "Say hello to the world."
    [(tenant, model, body)] = parrot.asked
    assert (tenant, model, body["model"], body["messages"]) == (house.who.tenant_id, "parrot/grey", "grey", ASKED)
    [call] = await house.calls(paper)
    assert (call["provider"], call["model"], call["prompt_tokens"], call["cost_micro"]) == (
        "parrot",
        "parrot/grey",
        10,
        20,
    )
    assert parrot.left == 1


async def test_another_plugins_stream_passes_and_is_counted_where_it_reports_nothing(house, parrot):
    paper = await house.run("macaw")
    assert await said(house, paper, stream=True) == "Say hello"
    assert parrot.asked[0][2]["stream_options"] == {"include_usage": True}
    [call] = await house.calls(paper)
    assert (call["model"], call["counted"], call["cost_micro"]) == ("parrot/macaw", "unpriced", None)
    assert call["completion_tokens"] > 0


async def test_it_answers_agents_that_speak_other_protocols(house, parrot):
    paper = await house.run("parrot/grey")
    answer = await house.client(paper).responses.create(model="parrot/grey", input="Say it.")
    assert answer.output_text == "Say it."


@pytest.mark.parametrize(
    ("fault", "status", "sentence"),
    [
        (Unavailable("The parrot is asleep: come back later."), 503, "The parrot is asleep"),
        (KeyError("cage"), 502, "parrot failed in the plugin that brings it"),
    ],
)
async def test_a_source_that_fails_breaks_nothing_else_and_gives_way_to_the_next(
    house, parrot, fault, status, sentence
):
    parrot.fault = fault
    with pytest.raises(openai.InternalServerError, match=sentence) as caught:
        await said(house, await house.run("parrot/grey"))
    assert caught.value.status_code == status
    house.scripted.script("m", ["hello"])
    await house.provider("m")
    ways = (Way(model="parrot/grey"), Way(model="up/m", weight=0))
    await house.forge.aliases.set(house.who, "fast", route=Route(ways=ways))
    assert await said(house, await house.run("fast")) == "hello"


async def test_a_source_that_breaks_off_in_its_stream_is_told_and_accounted(house, parrot):
    paper = await house.run("parrot/grey")
    with pytest.raises(openai.APIError, match="failed in the plugin"):
        await said(house, paper, stream=True, messages=[{"role": "user", "content": "break"}])
    [call] = await house.calls(paper)
    assert (call["status"], call["counted"]) == (502, "counted")


async def test_a_call_of_it_ends_with_its_run(house, parrot):
    paper = await house.run("parrot/grey")
    asking = asyncio.create_task(said(house, paper, stream=True, messages=[{"role": "user", "content": "wait"}]))
    async with asyncio.timeout(10):
        while not parrot.asked:
            await asyncio.sleep(0.01)
        await house.forge.runs.stop(house.who, paper.run.id)
        with pytest.raises(openai.APIError, match="run was stopped"):
            await asking
    assert parrot.left == 1
