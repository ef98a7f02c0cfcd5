"""Prices on their page: said, shown with their versions, and taken back."""

from __future__ import annotations

import pytest
from web_asking import read, send

from codeforge.llm import Price

NASTY = "<img src=x onerror=alert(1)>"


async def in_force(stage):
    return {f"{v.provider}/{v.model}": v.steps[0] for v in await stage.forge.prices.versions(stage.who)}


async def test_a_price_is_said_changed_and_taken_back_and_its_versions_are_kept(client, stage):
    for given in ("3", "2.5"):
        status, headers, _ = await send(
            client, "/models/prices", model="openai/gpt-5-mini", input=given, output="15", cached="0.3", reasoning=""
        )
        assert (status, headers["HX-Redirect"]) == (200, "/models/prices")
    assert await in_force(stage) == {
        "openai/gpt-5-mini": Price(input=2_500_000, output=15_000_000, cached=300_000, source="person")
    }
    text = await read(client, "/models/prices")
    for piece in ("$2.50 in, $15.00 out, $0.30 cached", "$3.00 in", "said by admin", "2 versions"):
        assert piece in text, piece
    await send(client, "/models/prices/forget", model="openai/gpt-5-mini")
    assert await in_force(stage) == {}
    status, _, text = await send(client, "/models/prices/forget", model="openai/gpt-5-mini")
    assert (status, "Nobody has said" in text) == (404, True)


async def test_a_model_with_slashes_and_all_models_of_a_provider_have_prices(client, stage):
    await send(client, "/models/prices", model="router/acme/big", input="1", output="2")
    await send(client, "/models/prices", model="ollama/*", input="0", output="0")
    assert (await in_force(stage)).keys() == {"router/acme/big", "ollama/*"}
    text = await read(client, "/models/prices")
    assert "$0.00 in, $0.00 out" in text


async def test_what_the_map_says_is_shown_as_such_once_it_was_used(client, stage):
    run = await stage.task(await stage.project())
    steps = (Price(input=1_000_000, output=2_000_000), Price(input=3_000_000, output=4_000_000, above=200_000))
    given = {"provider": "openai", "model": f"gpt{NASTY}", "known": steps}
    await stage.forge.calls.open(run.tenant_id, prompt_tokens=1, completion_tokens=1, **given)
    text = await read(client, "/models/prices")
    assert "above 200,000 tokens in: $3.00 in" in text
    assert "the map of known prices" in text
    assert "Forget the price" not in text
    assert NASTY not in text


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"model": "gpt"}, "Name a model as provider/model"),
        ({"input": "cheap"}, "The price is a sum in dollars"),
        ({"output": ""}, "The price is a sum in dollars"),
        ({"cached": "-1"}, "The price is a sum in dollars"),
        ({"input": "999999999"}, "A price is from 0"),
    ],
)
async def test_what_cannot_be_a_price_is_refused_in_place(client, stage, given, said):
    status, _, text = await send(client, "/models/prices", **{"model": "p/m", "input": "1", "output": "1", **given})
    assert (status, said in text) == (422, True)
    assert await in_force(stage) == {}


async def test_who_may_not_administer_says_no_price(stage, stranger):
    _, token = await stage.forge.accounts.new_token(stage.who, "scripts", ("read", "write"))
    for path in ("/models/prices", "/models/prices/forget"):
        assert (await stranger.post(path, headers={"Authorization": f"Bearer {token}"})).status == 403
