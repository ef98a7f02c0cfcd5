"""Providers on their pages: what a kind asks for, tested before it is kept, how each is doing; no key comes out."""

from __future__ import annotations

import re

import pytest
from web_asking import read, send

NASTY = "<img src=x onerror=alert(1)>"
KEY = "sk-1234567890"


async def stored(stage):
    return {provider.name: provider for provider in await stage.forge.providers.list(stage.who.tenant_id)}


@pytest.mark.parametrize(
    ("kind", "asked"),
    [
        ("openai", {"key"}),
        ("ollama", {"base_url"}),
        ("openai-compatible", {"base_url", "key"}),
        ("cloud", {"region", "models", "key"}),
    ],
)
async def test_the_form_asks_for_what_its_kind_needs_and_no_more(client, kind, asked):
    text = await read(client, f"/models/new?kind={kind}")
    main = text[text.index("<main") :]
    assert set(re.findall(r'<(?:input|textarea) id="(\w+)"', main)) == {"name", *asked}


async def test_a_kind_that_there_is_not_is_told_with_those_there_are(client):
    answer = await client.get("/models/new?kind=abacus")
    assert answer.status == 422
    assert "There is no kind abacus of providers; there is openai, ollama" in await answer.text()


async def test_a_providers_key_goes_in_and_never_comes_out(client, stage):
    status, headers, _ = await send(client, "/models/providers", name="openai", kind="openai", key=KEY, test="yes")
    assert (status, headers["HX-Redirect"]) == (200, "/models/providers/openai")
    for path in ("/models", "/models/providers/openai"):
        text = await read(client, path)
        assert KEY not in text
    assert "<dt>Key</dt><dd>set</dd>" in text
    await send(client, "/models/providers", name="openai", kind="openai", key="", test="yes")
    assert (await stored(stage))["openai"].secret == KEY
    assert (await send(client, "/models/providers/openai/remove"))[1]["HX-Redirect"] == "/models"
    assert await stored(stage) == {}


async def test_a_provider_that_refuses_its_key_is_not_kept_unless_one_says_so(client, stage):
    given = {"name": "openai", "kind": "openai", "key": "sk-wrong"}
    status, _, text = await send(client, "/models/providers", **given, test="yes")
    assert (status, "openai refuses this key: copy it again." in text) == (422, True)
    assert "sk-wrong" not in text
    assert await stored(stage) == {}
    assert (await send(client, "/models/providers", **given, test="no"))[0] == 200
    assert (await stored(stage))["openai"].secret == "sk-wrong"
    _, _, text = await send(client, "/models/providers/openai/test")
    assert '<p class="note bad">openai refuses this key' in text


async def test_a_provider_is_asked_now_with_and_without_scripts(client, stage):
    await stage.forge.providers.set(stage.who, "openai", "openai", secret=KEY)
    assert "takes its key and has 3 models" in (await send(client, "/models/providers/openai/test"))[2]
    text = (await send(client, "/models/providers/openai/test", {}))[2]
    assert "<h1>openai</h1>" in text
    assert "takes its key and has 3 models" in text


async def test_settings_of_a_kind_are_changed_and_others_are_kept(client, stage):
    kept = {"prices": {"m": {"input": 1, "output": 2}}, "region": "us", "models": ["old"]}
    await stage.forge.providers.set(stage.who, "aws", "cloud", secret=KEY, settings=kept)
    text = await read(client, "/models/providers/aws")
    assert 'value="us"' in text
    assert ">old</textarea>" in text
    given = {"name": "aws", "kind": "cloud", "region": " eu ", "models": "a, b\nc,", "key": ""}
    assert (await send(client, "/models/providers", **given))[0] == 200
    assert (await stored(stage))["aws"].settings == {
        "prices": kept["prices"],
        "region": "eu",
        "models": ["a", "b", "c"],
    }


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"name": "Open AI"}, "A provider&#39;s name is of a-z"),
        ({"key": ""}, "OpenAI needs Key, such as sk-...: give it."),
        ({"kind": "abacus"}, "There is no kind abacus"),
        ({"key": "sk-\x07"}, "The key holds spaces"),
        ({"kind": "cloud"}, "The cloud needs Region"),
        ({"kind": "ollama", "base_url": "ftp://x"}, "is no address of a provider"),
    ],
)
async def test_what_cannot_be_a_provider_is_refused_in_place(client, stage, given, said):
    usual = {"name": "openai", "kind": "openai", "key": KEY}
    status, _, text = await send(client, "/models/providers", **{**usual, **given})
    assert (status, said in text) == (422, True)
    assert await stored(stage) == {}


async def test_how_a_provider_is_doing_is_told_by_its_calls(client, stage):
    await stage.forge.providers.set(stage.who, "openai", "openai", secret=KEY)
    assert "no call in seven days" in await read(client, "/models")
    run = await stage.task(await stage.project())
    for _ in range(3):
        await stage.call(run, milliseconds=1500)
    assert '<span class="state good">Answers</span>' in await read(client, "/models")
    for _ in range(3):
        await stage.call(run, cost=0, status=503, error=f"overloaded {NASTY}")
    for path in ("/models", "/models/providers/openai"):
        text = await read(client, path)
        for piece in (
            '<span class="state bad">Fails</span>',
            "50.0 % failed",
            "1.5 s at the median",
            "overloaded &lt;img",
        ):
            assert piece in text, piece
        assert NASTY not in text


async def test_a_provider_shows_its_models_with_window_and_price(client, stage):
    await stage.forge.providers.set(stage.who, "openai", "openai", secret=KEY)
    text = await read(client, "/models/providers/openai")
    for piece in ("1 model<", "400,000", "$0.25", "$2.00", "/models/prices?model=openai/gpt-5-mini"):
        assert piece in text, piece
    assert "ollama/qwen3-coder" not in text


async def test_a_provider_that_is_not_there_has_no_page(client):
    assert (await client.get("/models/providers/nothing")).status == 404


async def test_who_may_not_administer_changes_no_provider(stage, stranger):
    _, token = await stage.forge.accounts.new_token(stage.who, "scripts", ("read", "write"))
    for path in ("/models/providers", "/models/providers/x/test", "/models/providers/x/remove"):
        assert (await stranger.post(path, headers={"Authorization": f"Bearer {token}"})).status == 403


async def test_models_show_window_price_and_note(client):
    text = await read(client, "/models")
    for piece in ("400,000", "$0.25", "$2.00", "unknown", "nothing, scripted", "no model is called"):
        assert piece in text
