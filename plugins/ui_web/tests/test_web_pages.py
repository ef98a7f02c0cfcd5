"""Pages as a browser gets them, without one: coming in, what is not there, and what stands on all of them."""

from __future__ import annotations

import re
from html import escape

import pytest
from web_asking import HTMX, read, send

from codeforge import Health
from codeforge_ui_web.words import when

NASTY = "<img src=x onerror=alert(1)>"
PAGES = [
    "/projects",
    "/queue",
    "/queue/schedules",
    "/models",
    "/models/aliases",
    "/models/prices",
    "/costs",
    "/costs/budgets",
    "/plugins",
    "/agents",
    "/tokens",
    "/workers",
    "/api",
]


@pytest.mark.parametrize("path", PAGES)
async def test_every_page_says_what_to_do_when_there_is_nothing_yet(client, path):
    text = await read(client, path)
    assert "<h1>" in text
    assert "style=" not in text
    assert re.findall(r"<script(?![^>]*src=)", text) == []


@pytest.mark.parametrize("path", [*PAGES, "/", "/runs/x?y=1"])
async def test_a_stranger_is_sent_to_sign_in_and_back(stranger, path):
    answer = await stranger.get(path, allow_redirects=False)
    assert answer.status == 303
    assert answer.headers["Location"].startswith("/signin?next=/")


async def test_a_link_is_not_spent_by_looking_at_it(stage, stranger):
    link = await stage.forge.accounts.link()
    for _ in range(2):
        text = await read(stranger, f"/signin?token={link}&next=/models")
        assert "Sign in to CodeForge" in text
    answer = await stranger.post("/signin", data={"token": link, "next": "/models"}, allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (303, "/models")


async def test_without_a_link_the_page_says_how_to_get_one(stranger):
    assert "codeforge link" in await read(stranger, "/signin")


async def test_a_spent_link_is_answered_by_a_page_with_one_sentence(stranger):
    answer = await stranger.post("/signin", data={"token": "cflink_wrong"})
    assert answer.status == 401
    assert "get a new one with `codeforge link`" in await answer.text()


async def test_signing_out_ends_the_session(client):
    status, headers, _ = await send(client, "/signout", {})
    assert (status, headers["Location"]) == (303, "/signin")
    assert (await client.get("/projects", allow_redirects=False)).status == 303


async def test_files_are_served_to_strangers_and_kept_by_browsers(stranger):
    text = await read(stranger, "/signin")
    for path in re.findall(r'"(/static/app[^"]+)"', text):
        answer = await stranger.get(path)
        assert "immutable" in answer.headers["Cache-Control"]
    assert (await stranger.get("/favicon.ico")).content_type == "image/svg+xml"
    assert (await stranger.get("/static/..%2f__init__.py")).status == 404
    assert (await stranger.get("/static/none.js")).status == 404


async def test_what_is_not_there_is_a_page_or_within_a_page_a_sentence(client):
    answer = await client.get("/runs/nothing")
    assert answer.status == 404
    assert "<h1>There is nothing here</h1>" in await answer.text()
    piece = await client.get("/runs/nothing", headers=HTMX)
    assert (await piece.text()).strip() == '<p class="wrong">There is no run nothing.</p>'


async def test_a_form_without_the_sessions_token_changes_nothing(client, stage):
    answer = await client.post("/projects", data={"url": "/repos/stats"}, headers=HTMX)
    assert answer.status == 403
    assert await stage.forge.projects.list(stage.who) == []


async def test_what_is_down_stands_on_every_page_and_in_the_strip_that_asks_for_itself(stranger, stage, monkeypatch):
    monkeypatch.setattr("codeforge.forge.parts.FRESH", -1.0)

    class Broker:
        ok = False

        async def health(self):
            return Health(name="broker", ok=self.ok, detail=f"RabbitMQ at {NASTY} does not answer")

    stage.forge.offers.queue = Broker()
    told = f'<p role="alert">RabbitMQ at {escape(NASTY)} does not answer: runs wait; nothing is lost.</p>'
    assert told in await read(stranger, "/trouble")
    assert told in await read(stranger, "/signin")
    Broker.ok = True
    assert "alert" not in await read(stranger, "/trouble")
    assert told not in await read(stranger, "/signin")


async def test_a_broken_plugin_is_listed_with_its_reason(client):
    text = await read(client, "/plugins")
    assert "ImportError: no module named slack." in text


async def test_a_token_is_shown_once_and_revoked(client, stage):
    status, headers, text = await send(client, "/tokens", name="ci", scope="read", days="30")
    secret = re.search(r"cftok_[\w-]+", text)[0]
    assert (status, headers["Cache-Control"]) == (200, "no-store")
    assert (await stage.forge.accounts.by_token(secret)).scopes == {"read"}
    assert secret not in await read(client, "/tokens")
    [token] = await stage.forge.accounts.tokens(stage.who)
    await send(client, f"/tokens/{token['id']}/revoke")
    assert await stage.forge.accounts.tokens(stage.who) == []


async def test_a_token_without_a_name_is_refused_in_place(client):
    status, _, text = await send(client, "/tokens", name=" ", scope="read")
    assert (status, "Give the token a name" in text) == (422, True)


async def test_the_api_page_shows_every_operation_and_shape(client):
    document = await (await client.get("/api/v1/openapi.json")).json()
    text = await read(client, "/api")
    for path in document["paths"]:
        assert f'<code class="path">{path}</code>' in text
    for name in document["components"]["schemas"]:
        assert f'id="shape-{name}"' in text


def test_a_time_beyond_all_calendars_has_words():
    assert when(1e20) == "in an age or two"
