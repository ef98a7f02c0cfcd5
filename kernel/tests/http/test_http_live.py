"""Events as they come: a client that comes back misses nothing, a slow one costs nothing, a gone one is noticed."""

import asyncio
import json
import tracemalloc

import aiohttp
import pytest

from codeforge.events import said
from codeforge.forge import history
from codeforge.http import listen, live, make_app

SSE = {"Accept": "text/event-stream"}


async def sse(answer, count):
    """The next ``count`` events of an SSE answer as (id, name, data)."""
    found, fields = [], {}
    async with asyncio.timeout(20):
        while len(found) < count:
            line = (await answer.content.readuntil(b"\n")).decode().rstrip("\n")
            if not line and "id" in fields:
                found.append((int(fields["id"]), fields["event"], json.loads(fields["data"])))
            if not line:
                fields = {}
                continue
            name, _, value = line.partition(": ")
            fields[name] = value
    return found


async def heard(socket, count):
    """At least ``count`` events from the WebSocket, in the order they came."""
    found = []
    async with asyncio.timeout(30):
        while len(found) < count:
            found += json.loads((await socket.receive()).data)
    return found


@pytest.fixture
def connect(api):
    """Opens the stream with a query."""
    return lambda query="": api.session.ws_connect(f"{api.url}/api/v1/stream{query}", headers=api.headers)


async def test_sse_brings_what_was_and_what_comes(api, working, say):
    url = f"{api.url}/api/v1/runs/{working.id}/events"
    async with api.session.get(url, headers={**api.headers, **SSE}) as answer:
        assert answer.content_type == "text/event-stream"
        before = await sse(answer, 3)
        assert [(n, name) for n, name, _ in before] == [(1, "state"), (2, "state"), (3, "state")]
        await say(working, "line\nwith a break", "two")
        [first, second] = await sse(answer, 2)
        assert (first[0], first[1], first[2]["data"]["text"]) == (4, "said", "line\nwith a break")
        assert (second[2]["seq"], second[2]["run_id"]) == (5, working.id)


async def test_sse_goes_on_after_the_last_event_id(api, working, say):
    url, last, texts = f"{api.url}/api/v1/runs/{working.id}/events", 3, []
    for turn in range(5):
        await say(working, *(f"{turn}.{n}" for n in range(4)))
        headers = {**api.headers, **SSE, "Last-Event-ID": str(last)}
        async with api.session.get(f"{url}?after=1", headers=headers) as answer:
            got = await sse(answer, 3)
        last = got[-1][0]
        texts += [event["data"]["text"] for _, _, event in got]
    assert texts == [f"{turn}.{n}" for turn in range(5) for n in range(4)][:15]


async def test_a_last_event_id_that_is_none_is_refused(api, working):
    answer = await api("GET", f"/runs/{working.id}/events", headers={**SSE, "Last-Event-ID": "x"})
    assert (answer.status, answer.json["field"]) == (422, "Last-Event-ID")


@pytest.mark.slow
async def test_sse_says_when_it_is_quiet(api, working, monkeypatch):
    monkeypatch.setattr(live, "BEAT", 0.02)
    url = f"{api.url}/api/v1/runs/{working.id}/events?after=99"
    async with asyncio.timeout(20), api.session.get(url, headers={**api.headers, **SSE}) as answer:
        assert await answer.content.readuntil(b"\n\n") == b"retry: 1000\n\n"
        assert await answer.content.readuntil(b"\n\n") == b": quiet\n\n"


@pytest.mark.slow
async def test_a_stream_ends_when_its_token_is_revoked(api, forge, who, working, monkeypatch):
    monkeypatch.setattr(live, "BEAT", 0.02)
    token_id, secret = await forge.accounts.new_token(who, "short")
    mine = {"Authorization": f"Bearer {secret}"}
    url = f"{api.url}/api/v1/runs/{working.id}/events"
    async with asyncio.timeout(20), api.session.get(url, headers={**mine, **SSE}) as answer:
        socket = await api.session.ws_connect(f"{api.url}/api/v1/stream", headers=mine)
        await sse(answer, 3)
        await heard(socket, 1)
        await forge.accounts.revoke_token(who, token_id)
        await answer.content.read()
        assert (await socket.receive()).type == aiohttp.WSMsgType.CLOSE
        assert socket.close_code == aiohttp.WSCloseCode.POLICY_VIOLATION


@pytest.mark.slow
async def test_a_busy_stream_ends_when_its_token_is_revoked(api, forge, who, working, say, monkeypatch):
    monkeypatch.setattr(live, "BEAT", 0.1)
    token_id, secret = await forge.accounts.new_token(who, "short")

    async def talk():
        while True:
            await say(working, "more")

    url = f"{api.url}/api/v1/runs/{working.id}/events"
    headers = {"Authorization": f"Bearer {secret}", **SSE}
    async with asyncio.timeout(20), api.session.get(url, headers=headers) as answer:
        talking = asyncio.create_task(talk())
        await sse(answer, 3)
        await forge.accounts.revoke_token(who, token_id)
        await answer.content.read()
        talking.cancel()


async def test_a_head_request_gets_no_events(api, working):
    for _ in range(2):  # a body would be taken for the answer to the second
        async with asyncio.timeout(20):
            answer = await api("HEAD", f"/runs/{working.id}/events", headers=SSE)
        assert (answer.status, answer.headers["Content-Type"]) == (200, SSE["Accept"])


async def test_the_stream_brings_every_run_of_the_tenant_in_order(connect, forge, who, working, say):
    async with connect("?after=0") as socket:
        before = await heard(socket, 3)
        [_, other] = await forge.tasks.submit(who, working.project_id, "another")
        await say(working, "hello")
        events = before + await heard(socket, 2)
    assert [e["offset"] for e in events] == sorted(e["offset"] for e in events)
    assert [e["run_id"] for e in events] == [working.id] * 3 + [other.id, working.id]


async def test_the_stream_goes_on_after_the_last_offset(connect, working, say):
    last, texts = 3, []
    for turn in range(20):
        await say(working, f"{turn}")
        async with connect(f"?after={last}") as socket:
            [event] = await heard(socket, 1)
            last, texts = event["offset"], [*texts, event["data"]["text"]]
    assert texts == [f"{turn}" for turn in range(20)]


async def test_the_stream_of_one_run_goes_on_after_its_last_seq(connect, forge, who, working, say):
    await forge.tasks.submit(who, working.project_id, "another")
    await say(working, "a", "b")
    async with connect(f"?run={working.id}&after=4") as socket:
        assert [(e["seq"], e["data"]["text"]) for e in await heard(socket, 1)] == [(5, "b")]
    async with connect(f"?run={working.id}") as socket:
        assert [e["seq"] for e in await heard(socket, 5)] == [1, 2, 3, 4, 5]


async def test_without_a_place_the_stream_begins_with_the_newest_event(connect, working, say):
    await say(working, "old", "newest")
    async with connect() as socket:
        assert [e["data"]["text"] for e in await heard(socket, 1)] == ["newest"]


async def test_a_slow_reader_costs_no_memory_and_loses_nothing(connect, api, forge, working):
    count, text = 40_000, "x" * 1000
    row = {"id": working.id, "tenant_id": working.tenant_id}
    await forge.store.run(None, lambda d: history.append(d, row, [said(f"{n} {text}") for n in range(count)]))
    tracemalloc.start()
    try:
        async with connect(f"?run={working.id}") as socket:
            last = 0
            while last < count:
                assert (await api("GET", "/health")).status == 200  # the server has time to run ahead
                events = json.loads((await socket.receive()).data)
                assert events[0]["seq"] == last + 1
                last = events[-1]["seq"]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 20_000_000, f"{peak:,} bytes for {count * len(text):,}"


async def test_a_reader_that_never_reads_does_not_hold_up_the_others(connect, forge, working, say):
    row = {"id": working.id, "tenant_id": working.tenant_id}
    async with connect("?after=0"):
        await forge.store.run(None, lambda d: history.append(d, row, [said("x" * 1000) for _ in range(20_000)]))
        async with connect() as quick:
            await say(working, "news")
            assert (await heard(quick, 2))[-1]["data"] == {"text": "news"}


async def test_a_client_that_is_gone_is_not_followed_any_more(api, connect, forge, working):
    socket = await connect("?after=0")
    await heard(socket, 3)
    assert len(forge.store.news._bells) == 1
    await socket.close()
    async with asyncio.timeout(10):
        while forge.store.news._bells:
            await api("GET", "/health")


async def test_a_server_that_stops_says_goodbye_at_once(forge, token, working):
    auth = {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession(headers=auth) as session, asyncio.timeout(4):
        async with listen(make_app(forge), forge.settings) as site:
            socket = await session.ws_connect(f"{site.url}/api/v1/stream?after=0")
            answer = await session.get(f"{site.url}/api/v1/runs/{working.id}/events", headers=SSE)
            await heard(socket, 3)
            await sse(answer, 3)
            reading = asyncio.ensure_future(socket.receive())
        assert (await reading).type == aiohttp.WSMsgType.CLOSE
        assert socket.close_code == aiohttp.WSCloseCode.GOING_AWAY
        assert await answer.content.read() == b""
