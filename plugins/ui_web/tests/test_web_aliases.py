"""Aliases and routes: made, changed, removed and tried on their pages."""

from __future__ import annotations

import re

import pytest
from aiohttp import web
from web_asking import read, send

from codeforge.llm import Route, Way

NASTY = "<img src=x onerror=alert(1)>"
GPT, QWEN = "openai/gpt-5-mini", "ollama/qwen3-coder"


async def route_of(stage, name, project_id=""):
    return (await stage.forge.aliases.routes(stage.who.tenant_id, project_id)).get(name)


async def test_an_alias_is_made_with_weights_and_fallbacks(client, stage):
    given = {"model": [GPT, QWEN, " "], "weight": ["3", "", ""], "first_seconds": ["", "20.5", ""]}
    status, headers, _ = await send(client, "/models/aliases", name="smart", fall_back_on=["error"], **given)
    assert (status, headers["HX-Redirect"]) == (200, "/models/aliases")
    assert await route_of(stage, "smart") == Route(
        ways=(Way(model=GPT, weight=3), Way(model=QWEN, weight=0, first_seconds=20.5)),
        fall_back_on=frozenset({"error"}),
    )
    assert f"{GPT}, then {QWEN}" in await read(client, "/models/aliases")


async def test_saving_an_alias_as_it_is_changes_nothing(client, stage):
    route = Route(ways=(Way(model=GPT, weight=2, first_seconds=5), Way(model=QWEN)), fall_back_on=frozenset({"budget"}))
    await stage.forge.aliases.set(stage.who, "smart", route=route)
    text = await read(client, "/models/aliases/smart")
    values = {
        name: re.findall(rf'name="{name}"[^>]* value="([^"]*)"', text) for name in ("model", "weight", "first_seconds")
    }
    checked = re.findall(r'name="fall_back_on" value="(\w+)" checked', text)
    assert (await send(client, "/models/aliases", name="smart", project="", fall_back_on=checked, **values))[0] == 200
    assert await route_of(stage, "smart") == route


async def test_a_project_has_an_alias_of_its_own_which_is_removed_alone(client, stage):
    project = await stage.project(name=f"shop {NASTY}")
    for place, model in (("", GPT), (project.id, QWEN)):
        await send(client, "/models/aliases", name="fast", project=place, model=model, weight="", first_seconds="")
    assert (await route_of(stage, "fast", project.id)).ways == (Way(model=QWEN),)
    text = await read(client, "/models/aliases")
    assert "2 aliases" in text
    assert "in shop &lt;img" in text
    assert NASTY not in text
    assert f'value="{QWEN}"' in await read(client, f"/models/aliases/fast?project={project.id}")
    await send(client, "/models/aliases/fast/remove", project=project.id)
    assert (await route_of(stage, "fast", project.id)).ways == (Way(model=GPT),)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"name": "Fast Lane"}, "An alias is of a-z"),
        ({"model": "nobody/nothing"}, "There is no model nobody/nothing"),
        ({"model": ""}, "at least one model"),
        ({"weight": "much"}, "A weight is a whole number, not much"),
        ({"weight": "0"}, "at least one model with a weight"),
        ({"first_seconds": "soon"}, "soon is no number of seconds"),
        ({"fall_back_on": "rain"}, "not on rain"),
    ],
)
async def test_what_cannot_be_a_route_is_refused_in_place(client, stage, given, said):
    usual = {"name": "fast", "model": GPT, "weight": "1", "first_seconds": ""}
    status, _, text = await send(client, "/models/aliases", **{**usual, **given})
    assert (status, said in text) == (422, True)
    assert await route_of(stage, "fast") is None


async def test_an_alias_that_is_not_there_has_no_page(client):
    assert (await client.get("/models/aliases/nothing")).status == 404


async def test_who_may_not_administer_changes_no_alias(stage, stranger):
    _, token = await stage.forge.accounts.new_token(stage.who, "scripts", ("read", "write"))
    for path in ("/models/aliases", "/models/aliases/fast/remove"):
        answer = await stranger.post(path, data={"name": "x"}, headers={"Authorization": f"Bearer {token}"})
        assert answer.status == 403


class Gateway:
    """Stands where the gateway listens: answers as ``says``, and writes the call down."""

    def __init__(self, stage):
        self.stage, self.says, self.status = stage, f"Hello {NASTY}", 200

    async def answer(self, request):
        key = await self.stage.forge.keys.open(request.headers["Authorization"].removeprefix("Bearer "))
        given = {"provider": "openai", "model": GPT, "status": self.status, "streamed": False, "milliseconds": 9}
        given |= {"counted": "reported", "prompt_tokens": 11, "completion_tokens": 3, "cost_micro": 1200}
        await self.stage.forge.calls.record(key.tenant_id, run_id=key.run_id, **given)
        if self.status >= 400:
            return web.json_response({"error": {"message": self.says}}, status=self.status)
        return web.json_response({"choices": [{"message": {"content": self.says}}]})


@pytest.fixture
async def gateway(stage, aiohttp_place):
    gateway = Gateway(stage)
    stage.forge.url = await aiohttp_place(gateway.answer)
    return gateway


@pytest.fixture
async def aiohttp_place():
    """Serves a handler as the gateway's chat; gives the address."""
    runners = []

    async def serve(handler):
        app = web.Application()
        app.router.add_post("/llm/v1/chat/completions", handler)
        runners.append(web.AppRunner(app))
        await runners[-1].setup()
        await web.TCPSite(runners[-1], "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{runners[-1].addresses[0][1]}"

    yield serve
    for runner in runners:
        await runner.cleanup()


async def test_a_prompt_is_tried_through_an_alias_with_its_cost(client, stage, gateway):
    await stage.forge.aliases.set(stage.who, "fast", GPT)
    status, _, text = await send(client, "/models/aliases/fast/try", prompt="Say hello.")
    assert status == 200
    for piece in (f"{GPT} answered", "Hello &lt;img", "11 tokens in, 3 out", "$0.0012"):
        assert piece in text
    assert NASTY not in text
    gateway.says, gateway.status = "The provider is out of order.", 502
    _, _, text = await send(client, "/models/aliases/fast/try", prompt="Say hello.")
    assert "did not answer" in text
    assert "The provider is out of order." in text


async def test_a_prompt_is_tried_without_scripts_too(client, stage, gateway):
    await stage.forge.aliases.set(stage.who, "fast", GPT)
    _, _, text = await send(client, "/models/aliases/fast/try", {}, prompt="Say hello.")
    assert "<h1>fast</h1>" in text
    assert "Hello &lt;img" in text


async def test_an_empty_prompt_is_refused(client, stage):
    await stage.forge.aliases.set(stage.who, "fast", GPT)
    status, _, text = await send(client, "/models/aliases/fast/try", prompt=" ")
    assert (status, "1 to 2,000 characters" in text) == (422, True)
