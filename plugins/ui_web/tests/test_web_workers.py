"""The page of workers: registered, drained, revoked, and seen with the runs they hold."""

from __future__ import annotations

import asyncio
import re

import pytest
from web_asking import HTMX, read, send

from codeforge.store import tables as t
from codeforge_ui_web.pages import workers

NASTY = "<img src=x onerror=alert(1)>"


async def known_worker(stage, name="build-1", **facts):
    """A worker that has said hello."""
    worker, _ = await stage.forge.workers.add(stage.who, name)
    facts = {"host": "lab", "version": "0.1.0", "agents": ["aider"], "slots": 2} | facts
    return await stage.forge.workers.hello(worker.id, **facts)


async def test_a_worker_is_registered_and_its_token_shown_once(client, stage):
    status, headers, text = await send(client, "/workers", name="build-1", labels="gpu, linux gpu")
    secret = re.search(r"cfwrk_[\w-]+", text)[0]
    assert (status, headers["Cache-Control"]) == (200, "no-store")
    assert f"CODEFORGE_TOKEN={secret} CODEFORGE_BROKER_URL=amqp://… codeforge worker --server http://" in text
    [worker] = await stage.forge.workers.list(stage.who)
    assert (worker.name, worker.labels) == ("build-1", ("gpu", "linux"))
    assert (await stage.forge.accounts.by_token(secret)).user_id == worker.id
    text = await read(client, "/workers")
    assert "Never started" in text
    assert secret not in text


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"name": " "}, "A worker&#39;s name is of letters"),
        ({"name": "a b"}, "A worker&#39;s name is of letters"),
        ({"name": NASTY}, "A worker&#39;s name is of letters"),
        ({"name": "twice"}, "There is a worker named twice already"),
        ({"name": "x", "labels": "gpu <b>"}, "&#39;&lt;b&gt;&#39; is no label"),
    ],
)
async def test_a_worker_that_cannot_be_is_refused_in_place(client, stage, given, said):
    await stage.forge.workers.add(stage.who, "twice")
    status, _, text = await send(client, "/workers", **given)
    assert status in (409, 422)
    assert said in text
    assert len(await stage.forge.workers.list(stage.who)) == 1


async def test_a_worker_is_drained_takes_again_and_is_revoked(client, stage):
    worker = await known_worker(stage)
    assert ">Ready<" in await read(client, "/workers")
    await send(client, f"/workers/{worker.id}/drain")
    assert ">Draining<" in await read(client, "/workers")
    await send(client, f"/workers/{worker.id}/take")
    assert ">Ready<" in await read(client, "/workers")
    assert (await send(client, f"/workers/{worker.id}/revoke"))[1]["HX-Redirect"] == "/workers"
    assert await stage.forge.workers.list(stage.who) == []
    status, _, text = await send(client, f"/workers/{worker.id}/drain")
    assert (status, "There is no worker" in text) == (404, True)


async def test_a_worker_within_a_server_cannot_be_revoked(client, stage):
    await stage.forge.workers.hello("local-1", name="here-1", host="here", version="0.1.0", agents=[], slots=1)
    text = await read(client, "/workers")
    assert "part of a server" in text
    assert "no agent" in text
    assert "/workers/local-1/revoke" not in text
    status, _, text = await send(client, "/workers/local-1/revoke")
    assert (status, "is part of a server and has no token" in text) == (409, True)


async def test_a_worker_is_listed_with_the_runs_it_holds_and_named_on_their_pages(client, stage):
    worker = await known_worker(stage, host=NASTY)
    run = await stage.task(await stage.project(), f"mend {NASTY}")
    assert "build-1" not in await read(client, f"/runs/{run.id}")
    assert await stage.forge.coordinator.claim(worker.id)
    text = await read(client, "/workers")
    assert f'<a href="/runs/{run.id}">mend &lt;img' in text
    assert "1 of 2 slots taken" in text
    assert "<img src=x" not in text
    assert "<dt>Worker</dt><dd>build-1</dd>" in await read(client, f"/runs/{run.id}/now")


async def test_a_worker_that_gives_no_word_is_gone(client, stage):
    worker = await known_worker(stage)
    await stage.forge.store.run(None, lambda door: door.update(t.Worker, t.Worker.id == worker.id, seen_at=1e9))
    text = await read(client, "/workers")
    assert '>Gone</span><span>since <cf-time at="2001' in text


async def test_the_workers_are_sent_again_though_no_run_changes(client, stage, monkeypatch):
    monkeypatch.setattr(workers, "EVERY", 0.05)
    async with client.get("/workers/live", headers=HTMX) as answer:
        assert b"No worker yet" in await answer.content.readuntil(b"\n\n")
        await known_worker(stage)
        async with asyncio.timeout(20):
            while b"Ready" not in await answer.content.readuntil(b"\n\n"):
                pass


async def test_who_may_not_administer_registers_and_ends_no_worker(stage, stranger):
    _, token = await stage.forge.accounts.new_token(stage.who, "scripts", ("read", "write"))
    worker = await known_worker(stage)
    for path in (
        "/workers",
        f"/workers/{worker.id}/drain",
        f"/workers/{worker.id}/take",
        f"/workers/{worker.id}/revoke",
    ):
        answer = await stranger.post(path, data={"name": "x"}, headers={"Authorization": f"Bearer {token}"})
        assert answer.status == 403
    [known] = await stage.forge.workers.list(stage.who)
    assert (known.name, known.draining) == ("build-1", False)
