"""Limits of providers: when they are over, in all the forms in which that is written, and who waits for it."""

from datetime import UTC, datetime
from email.utils import format_datetime

import openai
import pytest
from aiohttp import web

from codeforge import Route, Way
from codeforge.testing import Step
from codeforge_llm_litellm.routing.resets import reset

ASKED = [{"role": "user", "content": "Say hello to the world."}]
NOW = 1_800_000_000.0


def later(seconds):
    return datetime.fromtimestamp(NOW + seconds, UTC)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "20"}, 20),
        ({"Retry-After": "0.5"}, 0.5),
        ({"retry-after": format_datetime(later(90), usegmt=True)}, 90),
        ({"retry-after-ms": "1500", "Retry-After": "2"}, 1.5),
        ({"x-ratelimit-reset-tokens": "6m0s"}, 360),
        ({"x-ratelimit-reset-requests": "1h2m3.5s"}, 3723.5),
        ({"x-ratelimit-reset-requests": "20ms"}, 0.02),
        ({"X-RateLimit-Reset": str(NOW + 5)}, 5),
        ({"X-RateLimit-Reset": f"{(NOW + 5) * 1000:.0f}"}, 5),
        ({"x-ratelimit-reset": "59"}, 59),
        ({"anthropic-ratelimit-requests-reset": later(30).isoformat().replace("+00:00", "Z")}, 30),
        ({"anthropic-ratelimit-tokens-reset": later(30).isoformat(), "retry-after": "12"}, 12),
        ({}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-5"}, None),
        ({"Retry-After": format_datetime(later(-90), usegmt=True)}, None),
        ({"X-RateLimit-Reset": "99999999999999999999"}, None),
        ({"x-ratelimit-limit-requests": "60", "x-ratelimit-remaining-requests": "0"}, None),
    ],
)
def test_a_reset_is_read_in_every_form_that_providers_write(headers, seconds):
    found = reset(headers, b"", NOW)
    assert found == (None if seconds is None else pytest.approx(NOW + seconds))


def test_of_several_limits_the_spent_ones_count():
    spent = {
        "x-ratelimit-remaining-requests": "999",
        "x-ratelimit-reset-requests": "23h",
        "x-ratelimit-remaining-tokens": "0",
        "x-ratelimit-reset-tokens": "8s",
    }
    assert reset(spent, b"", NOW) == NOW + 8
    assert reset({**spent, "x-ratelimit-remaining-requests": "0"}, b"", NOW) == NOW + 23 * 3600
    assert reset({**spent, "x-ratelimit-remaining-tokens": "12"}, b"", NOW) == NOW + 8
    anthropic = {
        "anthropic-ratelimit-requests-remaining": "0",
        "anthropic-ratelimit-requests-reset": later(40).isoformat(),
        "anthropic-ratelimit-tokens-remaining": "5000",
        "anthropic-ratelimit-tokens-reset": later(1).isoformat(),
    }
    assert reset(anthropic, b"", NOW) == NOW + 40


def test_googles_delay_is_read_from_the_body_also_within_another_errors_text():
    assert reset({}, b'{"error":{"details":[{"retryDelay": "34.5s"}]}}', NOW) == NOW + 34.5
    assert reset({}, rb'{"error":{"message":"{\"retryDelay\": \"7s\"}"}}', NOW) == NOW + 7


@pytest.fixture
def parked(house, monkeypatch):
    """The runs that were put by, as ``forge.runs.park`` is told of them; the clock stands still."""
    found = []

    async def park(run_id, why, until, detail):
        found.append((run_id, why, until, detail))

    monkeypatch.setattr(house.forge.runs, "park", park, raising=False)
    house.gateway.rests.clock = lambda: NOW
    return found


async def limited(house, *models, stream=False, **headers):
    """The refusal that an agent is told when each of these models is limited as its headers say."""
    for model in models:
        head = headers[model]
        house.scripted.script(model, [Step(status=429, text=f"{model} is limited", headers=head)])
    await house.provider(*models)
    ways = tuple(Way(model=f"up/{model}", weight=int(model == models[0])) for model in models)
    await house.forge.aliases.set(house.who, "fast", route=Route(ways=ways))
    paper = await house.run("fast")
    with pytest.raises(openai.RateLimitError, match=f"{models[-1]} is limited") as caught:
        await house.client(paper).chat.completions.create(model="fast", messages=ASKED, stream=stream)
    return paper, caught.value.response.headers["Retry-After"]


@pytest.mark.parametrize("stream", [False, True])
async def test_a_run_waits_until_the_first_of_its_models_is_free(house, parked, stream):
    headers = {"a": {"Retry-After": "7200"}, "b": {"x-ratelimit-reset-tokens": "61m0s"}}
    paper, told = await limited(house, "a", "b", stream=stream, **headers)
    detail = "The limit of up/a and up/b is reached until 2027-01-15 09:01:00 UTC."
    assert parked == [(paper.run.id, "quota", NOW + 3660, detail)]
    assert told == "3660"


async def test_a_limit_that_is_told_by_a_web_page_counts_as_well(house, parked, serving):
    async def page(request):
        return web.Response(status=429, text="<h1>Slow down</h1>", headers={"retry-after": "7200"})

    async with serving(page) as url:
        await house.provider("m", url=url)
        paper = await house.run("up/m")
        with pytest.raises(openai.RateLimitError, match="Slow down") as caught:
            await house.client(paper).chat.completions.create(model="up/m", messages=ASKED)
    assert caught.value.response.headers["Retry-After"] == "7200"
    assert [(run, why, until) for run, why, until, _ in parked] == [(paper.run.id, "quota", NOW + 7200)]


async def test_a_short_limit_is_the_agents_to_wait_for(house, parked):
    _, told = await limited(house, "a", a={"Retry-After": "60"})
    assert (parked, told) == ([], "60")


async def test_a_model_that_is_only_ill_may_be_well_before_the_limit_of_another_is_over(house, parked):
    house.scripted.script("ill", [Step(status=500, text="ill")])
    await house.provider("ill", name="sick")
    house.scripted.script("a", [Step(status=429, text="limited", headers={"Retry-After": "7200"})])
    await house.provider("a")
    ways = (Way(model="up/a"), Way(model="sick/ill", weight=0))
    await house.forge.aliases.set(house.who, "fast", route=Route(ways=ways))
    with pytest.raises(openai.InternalServerError):
        await house.client(await house.run("fast")).chat.completions.create(model="fast", messages=ASKED)
    assert parked == []
