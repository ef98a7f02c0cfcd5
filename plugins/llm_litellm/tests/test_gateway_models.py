"""Which models there are: from providers, the environment, aliases and cassettes; their windows and prices."""

import asyncio
import json
import time

import pytest
from aiohttp import web

from codeforge import Price
from codeforge.llm import Tokens, cost
from codeforge.testing import free_port
from codeforge_llm_litellm import listing, prices
from codeforge_llm_litellm.providers import from_environment, ollama_address

OPENAI = {
    "data": [
        {"id": "gpt-4o", "created": 1},
        {"id": "gpt-99-turbo", "created": 9},
        {"id": "text-embedding-3-large", "created": 5},
        {"id": "whisper-1", "created": 6},
    ]
}


def answering(**bodies):
    """A provider that lists its models; the paths' last parts give the bodies."""

    async def handler(request):
        body = bodies.get(request.path.rsplit("/", 1)[-1])
        return web.json_response(body) if body is not None else web.Response(status=404)

    return handler


async def names(house):
    return [model.name for model in await house.forge.models.list(house.who)]


async def test_models_of_a_provider_come_newest_first_with_prices_where_they_are_known(house, serving):
    async with serving(answering(models=OPENAI)) as url:
        await house.provider(name="openai", kind="openai", url=f"{url}/v1")
        new, old = await house.forge.models.list(house.who)
    assert (new.name, new.input_price, new.window) == ("openai/gpt-99-turbo", None, None)
    assert (old.name, old.input_price, old.output_price) == ("openai/gpt-4o", 2_500_000, 10_000_000)
    assert (old.provider, old.window, old.max_output) == ("openai", 128_000, 16_384)


async def test_somebody_elses_model_of_the_same_name_has_no_price_of_openais(house, serving):
    async with serving(answering(models=OPENAI)) as url:
        await house.provider(name="mine", url=f"{url}/v1")
        assert [m.input_price for m in await house.forge.models.list(house.who)] == [None, None]


async def test_prices_and_windows_that_a_provider_tells_are_taken(house, serving):
    told = {"id": "a/b", "context_length": 1000, "pricing": {"prompt": "0.000003", "completion": "0.000015"}}
    depends = {"id": "auto", "pricing": {"prompt": "-1", "completion": "-1"}}
    async with serving(answering(models={"data": [told, depends]})) as url:
        await house.provider(url=url)
        one, other = await house.forge.models.list(house.who)
    assert (one.name, one.window, one.input_price, one.output_price) == ("up/a/b", 1000, 3_000_000, 15_000_000)
    assert other.input_price is None


async def test_ollama_is_asked_in_its_own_words_and_is_unpriced_until_a_person_says_that_it_is_free(
    open_house, serving
):
    async with serving(answering(tags={"models": [{"name": "qwen:7b"}, {"name": "big:cloud"}]})) as url:
        house = await open_house({"OLLAMA_HOST": url.removeprefix("http://")})
        await house.forge.aliases.set(house.who, "local", "ollama/qwen:7b")
        found = await house.forge.models.list(house.who)
        assert [m.input_price for m in found] == [None, None, None]
        await house.forge.prices.set(house.who, "ollama", "*", Price(input=0, output=0))
        await house.forge.prices.set(house.who, "ollama", "big:cloud", Price(input=5, output=7))
        found = await house.forge.models.list(house.who)
    prices = [(m.name, m.input_price) for m in found]
    assert prices == [("ollama/qwen:7b", 0), ("ollama/big:cloud", 5), ("local", 0)]


async def test_anthropic_and_gemini_are_asked_in_their_own_words(house, serving):
    asked = []

    async def handler(request):
        asked.append((request.path, request.headers.get("x-api-key"), request.headers.get("x-goog-api-key")))
        if request.path == "/v1/models":
            return web.json_response({"data": [{"id": "claude-sonnet-4-5", "type": "model"}]})
        return web.json_response({"models": [{"name": "models/gemini-2.5-pro", "inputTokenLimit": 7}]})

    async with serving(handler) as url:
        await house.provider(name="anthropic", kind="anthropic", url=url, secret="k-anthropic")
        await house.provider(name="google", kind="gemini", url=url, secret="k-gemini")
        claude, gemini = await house.forge.models.list(house.who)
    assert sorted(asked, key=str) == [("/v1/models", "k-anthropic", None), ("/v1beta/models", None, "k-gemini")]
    assert (claude.name, claude.input_price, claude.output_price) == (
        "anthropic/claude-sonnet-4-5",
        3_000_000,
        15_000_000,
    )
    assert (gemini.name, gemini.window, gemini.input_price) == ("google/gemini-2.5-pro", 7, 1_250_000)


async def test_the_environments_providers_are_used_but_never_stored_and_a_stored_one_comes_first(open_house, serving):
    async with (
        serving(answering(models={"data": [{"id": "a"}]})) as url,
        serving(answering(models={"data": []})) as other,
    ):
        house = await open_house({"OPENAI_API_KEY": "sk-env", "OPENAI_BASE_URL": f"{url}/v1"})
        assert await names(house) == ["openai/a"]
        assert await house.forge.providers.list(house.who.tenant_id) == []
        await house.provider("b", name="openai", url=f"{other}/v1")
        assert await names(house) == ["openai/b"]


async def test_a_provider_that_fails_or_hangs_neither_breaks_nor_stops_the_list(house, serving, monkeypatch):
    monkeypatch.setattr(listing, "PATIENCE", 2.0)

    async def hanging(request):
        await asyncio.Event().wait()

    listed = answering(models={"data": [{"id": "m"}]})
    async with serving(hanging) as url, serving(listed) as fine, serving(answering()) as lost:
        await house.provider(name="hangs", url=url)
        await house.provider(name="refuses", url=f"http://127.0.0.1:{free_port()}")
        await house.provider(name="lost", url=lost)
        await house.provider(name="works", url=fine)
        started = time.monotonic()
        assert await names(house) == ["works/m"]
        assert time.monotonic() - started < 10
        started = time.monotonic()
        assert await names(house) == ["works/m"]
        assert time.monotonic() - started < 1.5  # not another wait for the one that hangs
        health = {one.name: one for one in house.gateway.health()}
    assert health["models of works"].ok
    assert [health[f"models of {name}"].ok for name in ("hangs", "refuses", "lost")] == [False, False, False]
    assert "404" in health["models of lost"].detail
    assert all(one.fix for one in health.values() if not one.ok)


async def test_a_provider_is_not_asked_again_for_a_while(house, serving):
    asked = []

    async def count(request):
        asked.append(request)
        return web.json_response({"data": [{"id": "m"}]})

    async with serving(count) as url:
        await house.provider(url=url)
        assert [await names(house) for _ in range(3)] == [["up/m"]] * 3
    assert len(asked) == 1


async def test_what_was_heard_stays_while_the_provider_is_away(house, serving, monkeypatch):
    monkeypatch.setattr(listing, "FRESH", 0.0)
    asked = []

    async def once(request):
        asked.append(request)
        return web.json_response({"data": [{"id": "m"}]}) if len(asked) == 1 else web.Response(status=500)

    async with serving(once) as url:
        await house.provider(url=url)
        assert await names(house) == ["up/m"]
        assert await names(house) == ["up/m"]
        async with asyncio.timeout(10):
            while house.gateway.health()[0].ok:
                await asyncio.sleep(0.01)
        assert await names(house) == ["up/m"]


@pytest.mark.parametrize(
    "body",
    [[], "x", {"data": 5}, {"data": [5, {"name": None}, {}]}],
)
async def test_nonsense_for_a_list_of_models_is_no_model(house, serving, body):
    async with serving(answering(models=body)) as url:
        await house.provider(url=url)
        assert await names(house) == []


async def test_real_models_come_before_cassettes_and_aliases(house, tmp_path):
    folder = house.forge.settings.data_dir / "cassettes"
    for name in ("demo", "tape"):
        (folder / name).mkdir(parents=True)
        (folder / name / "1.json").write_text(json.dumps({"fixtures": []}))
    (folder / "tape" / "RECORD").write_text("up/m")
    (folder / "empty").mkdir()
    await house.provider("m", prices={"m": {"input": 1, "output": 2}})
    await house.forge.aliases.set(house.who, "smart", "up/m")
    assert await names(house) == ["up/m", "replay/demo", "replay/tape", "record/tape", "smart"]
    smart = (await house.forge.models.list(house.who))[-1]
    assert (smart.note, smart.output_price) == ("up/m", 2_000_000)


def test_the_environment_is_read_as_the_tools_of_each_provider_read_it():
    found = from_environment({"OPENAI_API_KEY": "a", "ANTHROPIC_API_KEY": "b", "OLLAMA_HOST": "0.0.0.0"})
    assert [(s.name, s.kind, s.base, s.secret) for s in found] == [
        ("openai", "openai", "https://api.openai.com/v1", "a"),
        ("anthropic", "anthropic", "https://api.anthropic.com", "b"),
        ("ollama", "ollama", "http://127.0.0.1:11434", ""),
    ]
    [own] = from_environment({"OPENAI_BASE_URL": "http://here:1/v1"})
    assert (own.kind, own.base, own.way.prices) == ("openai-compatible", "http://here:1/v1", None)
    assert ollama_address(":7000") == "http://127.0.0.1:7000"
    assert ollama_address("https://box") == "https://box"
    assert "secret" not in repr(from_environment({"OPENAI_API_KEY": "secret"}))


def test_costs_are_whole_micro_dollars_with_cached_and_long_prompts_priced_apart():
    facts = prices.known("openai", "gpt-4o")
    assert cost(facts.prices, Tokens(prompt=1000, completion=100)) == 3500
    assert cost(facts.prices, Tokens(prompt=1000, completion=100, cached=1000)) == 2250
    assert cost(facts.prices, Tokens(prompt=1)) == 3  # 2.5, rounded half up
    claude = prices.known("anthropic", "claude-sonnet-4-5")
    assert cost(claude.prices, Tokens(prompt=100, cached=40, written=40)) == 20 * 3 + 12 + 150
    gemini = prices.known("gemini", "gemini-2.5-pro")
    assert cost(gemini.prices, Tokens(prompt=200_000)) == 250_000
    assert cost(gemini.prices, Tokens(prompt=200_001)) == 500_003
    assert cost(prices.known("openai", "no-such-model").prices, Tokens(prompt=1)) is None
    assert cost(prices.known(None, "gpt-4o").prices, Tokens(prompt=1)) is None
    assert cost(prices.FREE, Tokens(prompt=10**9)) == 0
    assert cost(prices.of_settings({"input": 0.1, "output": 0.3}), Tokens(prompt=10**6, completion=10**6)) == 400_000


async def test_health_speaks_of_the_providers_as_they_are_set_now(house, serving):
    async with serving(answering(models={"data": []})) as url:
        await house.provider(url=f"http://127.0.0.1:{free_port()}")
        await names(house)
        assert [one.ok for one in house.gateway.health()] == [False]
        await house.provider(url=url)
        await names(house)
        assert [one.ok for one in house.gateway.health()] == [True]
    await house.forge.providers.remove(house.who, "up")
    await names(house)
    assert house.gateway.health() == []
