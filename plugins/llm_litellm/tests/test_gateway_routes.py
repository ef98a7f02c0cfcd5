"""Routes: which model a call goes to, on to which one when it fails, and what each attempt is accounted as."""

import asyncio
import json
import random
from collections import Counter

import openai
import pytest
from aiohttp import web

from codeforge import Route, RunState, Way, hookimpl
from codeforge.plugins import Plugins
from codeforge.testing import Step, free_port
from codeforge_llm_litellm.routing.rests import FAILURES, REST
from codeforge_llm_litellm.routing.unfold import unfold

ASKED = [{"role": "user", "content": "Say hello to the world."}]
PRICES = {name: {"input": 1, "output": 1} for name in ("a", "b", "hang", "cut")}


def route(*ways, on=("error", "timeout", "context", "budget")):
    """A route of models, each given by name or as a `Way`."""
    return Route(ways=tuple(Way(model=w) if isinstance(w, str) else w for w in ways), fall_back_on=frozenset(on))


def fallback(model):
    return Way(model=model, weight=0)


async def fast(house, *ways, **options):
    """A run on the alias "fast" that stands for these ways."""
    await house.forge.aliases.set(house.who, "fast", route=route(*ways, **options))
    return await house.run("fast")


async def ask(house, paper, **options):
    answer = await house.client(paper).chat.completions.create(model="fast", messages=ASKED, **options)
    if not options.get("stream"):
        return answer.choices[0].message.content
    return "".join([chunk.choices[0].delta.content or "" async for chunk in answer if chunk.choices])


async def working(house, paper):
    """Let the run be at work, as its worker says."""
    await house.forge.coordinator.report(paper.run.id, 1, state=RunState.WORKING, base="a" * 40)


async def told(house, paper):
    return repr(await house.forge.history.read(house.who.tenant_id, paper.run.id))


async def models(house, paper, count):
    return [call["model"] for call in await house.calls(paper, count)]


@pytest.fixture
async def two(house):
    """Two models, a and b, of one provider; b answers."""
    house.scripted.script("b", ["from b"])
    await house.provider("a", "b", "hang", "cut", prices=PRICES)
    return house


@pytest.fixture
def clock(house):
    """The time by which models rest; ``clock.now`` may be set."""

    class Clock:
        now = 1_800_000_000.0

        def __call__(self):
            return self.now

    house.gateway.rests.clock = Clock()
    return house.gateway.rests.clock


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("status", [401, 403, 404, 429, 500, 503, 529])
async def test_a_model_that_fails_gives_way_to_the_next_and_costs_nothing(two, status, stream):
    two.scripted.script("a", [Step(status=status, text="no")])
    paper = await fast(two, "up/a", fallback("up/b"))
    assert await ask(two, paper, stream=stream) == "from b"
    first, second = await two.calls(paper, 2)
    assert (first["model"], first["status"], first["cost_micro"], first["route"]) == ("up/a", status, 0, "fast -> up/a")
    assert (second["model"], second["status"], second["cost_micro"]) == ("up/b", 200, 1333)
    assert second["route"] == f"fast -> up/b: up/a answered {status}"


@pytest.mark.parametrize("stream", [False, True])
async def test_a_model_that_cannot_be_reached_or_answers_a_web_page_gives_way_to_the_next(two, serving, stream):
    async def page(request):
        return web.Response(status=502, text="<h1>Bad gateway</h1>", content_type="text/html")

    async with serving(page) as url:
        await two.provider("m", name="gone", url=f"http://127.0.0.1:{free_port()}/v1")
        await two.provider("m", name="page", url=url)
        paper = await fast(two, "gone/m", fallback("page/m"), fallback("up/b"))
        assert await ask(two, paper, stream=stream) == "from b"
    *_, last = await two.calls(paper, 3)
    assert last["route"] == "fast -> up/b: gone/m cannot be reached; page/m answered 502"


async def test_a_bad_request_goes_to_no_other_model(two):
    two.scripted.script("a", [Step(status=400, text="a message has no role")])
    paper = await fast(two, "up/a", fallback("up/b"))
    with pytest.raises(openai.BadRequestError, match="a message has no role"):
        await ask(two, paper)
    assert await models(two, paper, 1) == ["up/a"]


async def test_what_the_last_model_said_reaches_the_agent_when_all_fail(two):
    two.scripted.script("a", [Step(status=500, text="a is ill")])
    two.scripted.script("b", [Step(status=503, text="b is ill")])
    paper = await fast(two, "up/a", fallback("up/b"))
    with pytest.raises(openai.InternalServerError, match="b is ill"):
        await ask(two, paper)
    assert await models(two, paper, 2) == ["up/a", "up/b"]


@pytest.mark.parametrize("stream", [False, True])
async def test_a_model_that_does_not_begin_in_its_time_gives_way_and_its_prompt_is_accounted(two, stream):
    paper = await fast(two, Way(model="up/hang", first_seconds=0.2), fallback("up/b"))
    assert await ask(two, paper, stream=stream) == "from b"
    first, second = await two.calls(paper, 2)
    assert (first["status"], first["counted"], first["completion_tokens"]) == (504, "counted", 0)
    assert first["cost_micro"] > 0  # who had the whole request may bill it
    assert second["route"] == "fast -> up/b: up/hang did not begin to answer in time"


async def test_a_stream_of_which_only_the_head_came_has_not_begun(two, serving):
    async def head(request):
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await asyncio.Event().wait()

    async with serving(head) as url:
        await two.provider("m", name="slow", url=url)
        paper = await fast(two, Way(model="slow/m", first_seconds=0.2), fallback("up/b"))
        assert await ask(two, paper, stream=True) == "from b"


async def test_a_stream_that_breaks_off_goes_to_no_other_model_and_is_billed_once(two):
    paper = await fast(two, "up/cut", fallback("up/b"))
    with pytest.raises(openai.APIError, match="broke off in the middle"):
        await ask(two, paper, stream=True)
    [call] = await two.calls(paper)
    assert (call["model"], call["status"], call["counted"]) == ("up/cut", 502, "counted")
    assert len(two.scripted.requests) == 1


@pytest.mark.parametrize(("code", "words"), [(529, "answered 529"), ("overloaded", "answered 502")])
async def test_a_stream_that_begins_with_an_error_has_not_begun(two, serving, code, words):
    async def refuse(request):
        error = json.dumps({"error": {"message": "too busy", "code": code}})
        return web.Response(text=f": wait\n\ndata: {error}\n\n", content_type="text/event-stream")

    async with serving(refuse) as url:
        await two.provider("m", name="busy", url=url)
        paper = await fast(two, "busy/m", fallback("up/b"))
        assert await ask(two, paper, stream=True) == "from b"
        assert (await two.calls(paper, 2))[1]["route"] == f"fast -> up/b: busy/m {words}"
        with pytest.raises(openai.InternalServerError, match="too busy"):
            await ask(two, await fast(two, "busy/m"), stream=True)


async def test_a_prompt_too_long_for_one_model_goes_to_those_with_larger_windows_only(two, serving):
    sizes = {"a": 100, "b": 90, "c": 200}

    async def answer(request):
        if request.path.endswith("/models"):
            return web.json_response({"data": [{"id": n, "context_length": size} for n, size in sizes.items()]})
        if (await request.json())["model"] == "c":
            return web.json_response({"choices": [{"message": {"role": "assistant", "content": "from c"}}]})
        error = {"message": "This model's maximum context length is 100 tokens.", "code": "context_length_exceeded"}
        return web.json_response({"error": error}, status=400)

    async with serving(answer) as url:
        await two.provider(name="sized", url=url)
        paper = await fast(two, "sized/a", fallback("sized/b"), fallback("sized/c"))
        assert await ask(two, paper) == "from c"
    assert await models(two, paper, 2) == ["sized/a", "sized/c"]
    assert (await two.calls(paper, 2))[1]["route"] == "fast -> sized/c: sized/a has too small a window"


async def test_a_budget_that_is_spent_for_one_model_lets_another_answer(two):
    await two.provider("m", name="dear", prices={"m": {"input": 1, "output": 1}})
    await two.forge.budgets.set(two.who, "provider", "dear", "total", 0)
    paper = await fast(two, "dear/m", fallback("up/b"))
    await working(two, paper)
    assert await ask(two, paper) == "from b"
    [*_, last] = await two.calls(paper)
    assert (last["model"], last["route"]) == ("up/b", "fast -> up/b: dear/m is over its budget")
    assert "The run waits" not in await told(two, paper)  # it has a model that its budget allows

    await two.forge.aliases.set(two.who, "fast", route=route("dear/m", fallback("up/b"), on=("error",)))
    with pytest.raises(openai.APIStatusError) as caught:
        await ask(two, paper)
    assert caught.value.status_code == 402
    assert "The run waits" in await told(two, paper)


async def test_a_run_whose_models_are_all_limited_for_long_is_put_by(two):
    two.scripted.script("a", [Step(status=429, text="limited", headers={"Retry-After": "7200"})])
    paper = await fast(two, "up/a")
    await working(two, paper)
    with pytest.raises(openai.RateLimitError):
        await ask(two, paper)
    assert "The limit of up/a is reached until" in await told(two, paper)


async def test_a_route_falls_back_on_nothing_but_what_it_says(two):
    two.scripted.script("a", [Step(status=500, text="no")])
    paper = await fast(two, "up/a", fallback("up/b"), on=("timeout",))
    with pytest.raises(openai.InternalServerError):
        await ask(two, paper)
    assert await models(two, paper, 1) == ["up/a"]


async def test_models_are_drawn_by_their_weights(two):
    two.scripted.script("a", ["from a"])
    paper = await fast(two, Way(model="up/a", weight=3), "up/b", fallback("up/hang"))
    random.seed(4)
    drawn = Counter([await ask(two, paper) for _ in range(100)])
    assert drawn.keys() == {"from a", "from b"}
    assert 65 <= drawn["from a"] <= 85


async def test_a_model_that_failed_some_times_in_a_row_rests_and_is_then_asked_again(two, clock):
    two.scripted.script("a", [*[Step(status=500, text="no")] * FAILURES, "from a"])
    paper = await fast(two, "up/a", fallback("up/b"))
    for _ in range(FAILURES):
        assert await ask(two, paper) == "from b"
    asked = len(two.scripted.requests)
    assert await ask(two, paper) == "from b"
    assert len(two.scripted.requests) == asked + 1
    last = (await two.calls(paper, asked + 1))[-1]
    assert last["route"] == "fast -> up/b: up/a rests until 2027-01-15 08:00:30 UTC, it answered 500"
    clock.now += REST
    assert await ask(two, paper) == "from a"
    assert await ask(two, paper) == "from a"


async def test_a_model_that_answers_now_and_then_does_not_rest(two, clock):
    no = Step(status=500, text="no")
    two.scripted.script("a", [*[no] * (FAILURES - 1), "from a", *[no] * (FAILURES - 1), "from a"])
    paper = await fast(two, "up/a", fallback("up/b"))
    said = [await ask(two, paper) for _ in range(2 * FAILURES)]
    assert said == (["from b"] * (FAILURES - 1) + ["from a"]) * 2


async def test_a_model_that_is_limited_rests_exactly_as_long_as_it_says(two, clock):
    two.scripted.script("a", [Step(status=429, text="slow", headers={"Retry-After": "7"}), "from a"])
    paper = await fast(two, "up/a", fallback("up/b"))
    assert await ask(two, paper) == "from b"
    clock.now += 6.9
    assert await ask(two, paper) == "from b"
    clock.now += 0.1
    assert await ask(two, paper) == "from a"


async def test_when_all_rest_the_one_that_is_free_first_is_asked(two, clock):
    for model, seconds in (("a", "50"), ("b", "40")):
        two.scripted.script(model, [Step(status=429, text="slow", headers={"Retry-After": seconds}), f"from {model}"])
    paper = await fast(two, "up/a", fallback("up/b"))
    with pytest.raises(openai.RateLimitError):
        await ask(two, paper)
    assert await ask(two, paper) == "from b"


async def test_a_single_model_is_asked_however_often_it_failed(two):
    two.scripted.script("a", [*[Step(status=500, text="no")] * (FAILURES + 2), "from a"])
    paper = await fast(two, "up/a")
    for _ in range(FAILURES + 2):
        with pytest.raises(openai.InternalServerError, match="no"):
            await ask(two, paper)
    assert await ask(two, paper) == "from a"


async def test_a_changed_route_counts_from_the_next_call_on(two):
    two.scripted.script("a", ["from a"])
    paper = await fast(two, "up/a")
    assert await ask(two, paper) == "from a"
    await two.forge.aliases.set(two.who, "fast", route=route("up/b"))
    assert await ask(two, paper) == "from b"


async def test_a_projects_own_alias_counts_for_its_runs(two):
    two.scripted.script("a", ["from a"])
    await two.forge.aliases.set(two.who, "fast", "up/a")
    await two.forge.aliases.set(two.who, "fast", "up/b", project_id=two.project_id)
    assert await ask(two, await two.run("fast")) == "from b"


async def test_a_plugin_may_choose_the_model_of_a_call(two):
    two.scripted.script("a", ["from a"])
    asked = []

    class Chooser:
        @hookimpl
        def choose_target(self, request, targets):
            asked.append((request, targets))
            return "up/b" if request.tools else None

    two.forge.offers.choose_target = Plugins(extra={"chooser": Chooser()}).choose_target
    paper = await fast(two, "up/a", fallback("up/b"))
    tools = [{"type": "function", "function": {"name": "read", "parameters": {"type": "object", "properties": {}}}}]
    assert await ask(two, paper, tools=tools, max_tokens=7) == "from b"
    assert await ask(two, paper) == "from a"
    request, targets = asked[0]
    assert (request.name, request.run_id, request.output, request.stream) == ("fast", paper.run.id, 7, False)
    assert (request.prompt > 10, 0 <= request.chance < 1) == (True, True)
    assert [(t.name, t.provider, t.weight, t.input_price) for t in targets] == [
        ("up/a", "up", 1, 1_000_000),
        ("up/b", "up", 0, 1_000_000),
    ]


async def test_a_model_of_a_route_whose_provider_is_gone_is_left_out(two):
    await two.provider("m", name="gone")
    paper = await fast(two, "gone/m", "up/b")
    await two.forge.providers.remove(two.who, "gone")
    assert await ask(two, paper) == "from b"


def test_an_alias_within_a_route_shares_its_weight_out():
    routes = {
        "fast": Route(
            ways=(Way(model="mini", weight=3, first_seconds=5), Way(model="x/c"), Way(model="last", weight=0))
        ),
        "mini": Route(ways=(Way(model="x/a", first_seconds=1), Way(model="x/b", weight=2), Way(model="x/c", weight=0))),
        "last": Route(ways=(Way(model="x/d"), Way(model="fast"))),
    }
    legs = unfold(routes, "fast")
    assert [(leg.model, leg.weight, leg.first_seconds) for leg in legs] == [
        ("x/a", 0.25, 1),
        ("x/b", 0.5, 5),
        ("x/c", 0.25, 5),
        ("x/d", 0.0, None),
    ]
