"""Providers, agents and cassettes that mean harm or talk nonsense: bounded, told, written down, and no key shown."""

import asyncio
import json
import logging

import aiohttp
import pytest
from aiohttp import web

from codeforge import Invalid
from codeforge.testing import Step

ASKED = [{"role": "user", "content": "Say hello to the world."}]
KEY = "sk-canary-0123456789abcdef"
PRICES = {"m": {"input": 1, "output": 1}}


async def post(house, key, body):
    head = {"Authorization": f"Bearer {key}"}
    data = body if isinstance(body, str) else json.dumps(body)
    url = f"{house.url}/chat/completions"
    async with aiohttp.ClientSession(headers=head) as session, session.post(url, data=data) as answer:
        return answer.status, await answer.text()


async def ask(house, serving, handler, *, stream=False):
    """What the agent gets when the provider answers by ``handler``, and what is written down of it."""
    async with serving(handler) as url:
        await house.provider("m", url=url, prices=PRICES)
        paper = await house.run("up/m")
        status, text = await post(house, paper.key, {"model": "up/m", "messages": ASKED, "stream": stream})
        [call] = await house.calls(paper)
    return status, text, call


def cassette(house, name, **files):
    folder = house.forge.settings.data_dir / "cassettes" / name
    folder.mkdir(parents=True)
    for file, content in files.items():
        (folder / file.replace("_", ".")).write_bytes(content)
    return folder


def saying(text, kind="application/json", status=200):
    async def answer(request):
        return web.Response(text=text, content_type=kind, status=status)

    return answer


def endless(kind, block):
    async def answer(request):
        response = web.StreamResponse(headers={"Content-Type": kind})
        await response.prepare(request)
        while True:
            await response.write(block)

    return answer


async def test_a_key_quoted_in_a_stream_that_ends_well_is_in_no_record(house, serving):
    said = json.dumps({"error": {"message": f"bad key {KEY}"}})
    _, text, call = await ask(
        house, serving, saying(f"data: {said}\n\ndata: [DONE]\n\n", "text/event-stream"), stream=True
    )
    assert KEY not in text + repr(call)
    assert "bad key •••" in call["error"]


async def test_an_answer_without_an_end_is_cut_off_and_its_prompt_counted(house, serving):
    status, text, call = await ask(house, serving, endless("application/json", b" " * 2**20))
    assert (status, call["status"], call["counted"]) == (502, 502, "counted")
    assert "more than 64 MB" in text
    assert call["cost_micro"] > 0


async def test_an_event_without_an_end_is_cut_off(house, serving):
    _, text, call = await ask(house, serving, endless("text/event-stream", b"x" * 2**18), stream=True)
    assert (call["status"], call["counted"]) == (502, "counted")
    assert "more than 16 MB" in text


@pytest.mark.parametrize("number", ["1e999", "1" + "0" * 30])
async def test_use_beyond_all_measure_counts_as_not_reported(house, serving, number):
    said = '{"choices":[{"message":{"content":"hello"}}],"usage":{"prompt_tokens":' + number + "}}"
    status, _, call = await ask(house, serving, saying(said))
    assert (status, call["counted"]) == (200, "counted")
    assert 0 < call["prompt_tokens"] < 100


async def test_an_error_in_no_known_characters_is_written_down(house, serving):
    status, _, call = await ask(house, serving, saying('{"error":{"message":"\\ud800\\u0000 no"}}', status=400))
    assert (status, call["error"]) == (400, "? no")


@pytest.mark.parametrize("stream", [False, True])
async def test_an_answer_nested_without_end_is_no_fault_of_the_server(house, serving, stream):
    deep = "[" * 100_000
    answer = saying(f"data: {deep}\n\n", "text/event-stream") if stream else saying(deep)
    status, text, call = await ask(house, serving, answer, stream=stream)
    assert (status, call["status"]) == (200 if stream else 502, 502)
    assert "up " in text


@pytest.mark.parametrize("model", ["up/m", "replay/any"])
@pytest.mark.parametrize("depth", [99, 500, 980, 100_000])
async def test_a_request_nested_too_deeply_is_refused(house, model, depth):
    await house.provider("m")
    cassette(house, "any", a_json=b'{"fixtures": [{"match": {}, "response": {"content": "x"}}]}')
    paper = await house.run(model)
    content = "[" * depth + "]" * depth
    status, _ = await post(house, paper.key, f'{{"model":"{model}","messages":[{{"content":{content}}}]}}')
    assert status == 400


async def test_a_stranger_is_refused_before_the_body_is_read(house):
    address = house.forge.url.removeprefix("http://")
    reader, writer = await asyncio.open_connection(*address.split(":"))
    head = "POST /llm/v1/chat/completions HTTP/1.1", f"Host: {address}", "Authorization: Bearer no", "Content-Length: 9"
    writer.write("\r\n".join([*head, "", "{"]).encode())
    assert b" 401 " in await asyncio.wait_for(reader.readline(), 10)
    writer.close()


async def test_a_run_has_so_many_calls_at_once_and_no_more(house, serving):
    waiting, enough, go = [], asyncio.Event(), asyncio.Event()

    async def hold(request):
        waiting.append(request)
        if len(waiting) == 64:
            enough.set()
        await go.wait()
        return web.json_response({"choices": []})

    async with serving(hold) as url:
        await house.provider("m", url=url)
        paper, body = await house.run("up/m"), {"model": "up/m", "messages": ASKED}
        calls = [asyncio.create_task(post(house, paper.key, body)) for _ in range(64)]
        await asyncio.wait_for(enough.wait(), 20)
        status, text = await post(house, paper.key, body)
        assert (status, json.loads(text)["error"]["code"]) == (429, "too_many_calls")
        go.set()
        assert {status for status, _ in await asyncio.gather(*calls)} == {200}
        assert (await post(house, paper.key, body))[0] == 200


async def test_an_agent_cannot_have_a_router_take_another_model_or_address(house):
    house.scripted.script("m", ["hello"])
    await house.provider("m")
    paper = await house.run("up/m")
    await post(house, paper.key, {"model": "up/m", "messages": ASKED, "models": ["dear"], "api_base": "http://x"})
    assert set(house.scripted.requests[0].body) == {"model", "messages"}


@pytest.mark.parametrize("said", ['{"data": 5}', "[" * 100_000, "[1]", "x"])
async def test_a_list_of_models_that_is_none_is_told_in_the_health(house, serving, said):
    async with serving(saying(said)) as url:
        await house.provider(url=url)
        assert await house.gateway.models(house.who.tenant_id) == []
        [health] = house.gateway.health()
    assert not health.ok
    assert "to the question for its models" in health.detail


async def test_a_list_of_models_without_an_end_is_not_read_to_it(house, serving):
    async with serving(endless("application/json", b" " * 2**20)) as url:
        await house.provider(url=url)
        await house.gateway.models(house.who.tenant_id)
        [health] = house.gateway.health()
    assert "more than 8 MB" in health.detail


async def test_of_a_list_of_models_only_what_makes_sense_is_offered(house, serving):
    rows = [{"id": "a\x1b[2Jb"}, {"id": "x" * 9999}, {"id": "odd", "context_length": "big", "pricing": {"prompt": "?"}}]
    async with serving(saying(json.dumps({"data": [*rows, {"id": "good", "context_length": 9}]}))) as url:
        await house.provider(url=url)
        models = await house.gateway.models(house.who.tenant_id)
    assert {model.name: (model.window, model.input_price) for model in models} == {
        "up/odd": (None, None),
        "up/good": (9, None),
    }


@pytest.mark.parametrize(
    "settings",
    [{"prices": {"m": 5}}, {"prices": {"m": {"input": "?", "output": 1}}}, {"prices": None, "timeouts": [1]}],
)
async def test_settings_that_make_no_sense_leave_a_call_unpriced_and_answered(house, settings):
    house.scripted.script("m", ["hello"])
    await house.provider("m", **settings)
    paper = await house.run("up/m")
    status, _ = await post(house, paper.key, {"model": "up/m", "messages": ASKED})
    [call] = await house.calls(paper)
    assert (status, call["counted"]) == (200, "unpriced")


@pytest.mark.parametrize("address", ["http://host/\nv1", "http://host/v 1", "http://host:99999/v1"])
async def test_an_address_that_cannot_be_one_is_refused(house, address):
    with pytest.raises(Invalid, match="no address of a provider"):
        await house.provider("m", url=address)


@pytest.mark.parametrize(
    "entry",
    [
        "5",
        '{"response": {"content": 5}}',
        '{"response": {"toolCalls": [5]}}',
        '{"response": {"toolCalls": [{}]}}',
        '{"response": {"content": "x", "usage": {"prompt_tokens": "x"}}}',
        '{"response": {"error": {}, "status": "x"}}',
        '{"response": {"content": "x"}, "chunkSize": 1e999}',
        '{"response": {"content": "x"}, "codeforge": 5}',
        '{"response": {"content": "x"}, "codeforge": {"cost_micro": "x"}}',
    ],
)
async def test_a_cassette_that_cannot_be_played_is_named(house, entry):
    cassette(house, "any", a_json=f'{{"fixtures": [{entry}]}}'.encode())
    paper = await house.run("replay/any")
    status, text = await post(house, paper.key, {"model": "replay/any", "messages": ASKED})
    assert (status, json.loads(text)["error"]["code"]) == (409, "cassette_broken")
    [health] = house.gateway.health()
    assert not health.ok
    assert "a.json is no file of a cassette" in health.detail


async def test_half_a_character_is_recorded_and_played(house):
    house.scripted.script("m", [Step(text="fine")])
    await house.provider("m")
    folder = cassette(house, "tape", RECORD=b"up/m")
    body = {"messages": [{"role": "user", "content": "\ud800"}]}
    for model in ("record/tape", "replay/tape"):
        paper = await house.run(model)
        status, text = await post(house, paper.key, {"model": model, **body})
        assert (status, "fine" in text) == (200, True)
        await house.forge.runs.stop(house.who, paper.run.id)
    assert len(list(folder.glob("*.json"))) == 1


async def test_a_record_mark_that_cannot_be_read_hides_no_model(house):
    await house.provider("m")
    cassette(house, "tape", RECORD=b"\xff\xfe")
    assert "up/m" in [model.name for model in await house.forge.models.list(house.who)]


async def test_a_key_of_the_environment_may_come_with_a_line_end(open_house, caplog):
    caplog.set_level(logging.DEBUG)
    house = await open_house({"OPENAI_API_KEY": f"{KEY}\n", "OPENAI_BASE_URL": "http://127.0.0.1:1/v1\n"})
    [source] = (await house.gateway.catalog.sources(house.who.tenant_id)).values()
    assert (source.secret, source.base) == (KEY, "http://127.0.0.1:1/v1")


async def test_a_password_in_the_environments_address_is_shown_to_nobody(open_house):
    house = await open_house({"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": "http://me:hunter2@127.0.0.1:1/v1"})
    assert await house.gateway.models(house.who.tenant_id) == []
    [health] = house.gateway.health()
    assert "http://127.0.0.1:1/v1" in health.fix
    assert "hunter2" not in repr(health)


async def test_a_netrc_that_names_the_provider_is_told_and_no_fault_of_the_server(house, tmp_path, monkeypatch):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password hunter2")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    await house.provider("m")
    paper = await house.run("up/m")
    status, text = await post(house, paper.key, {"model": "up/m", "messages": ASKED})
    assert (status, "up cannot be asked" in text, "hunter2" in text) == (502, True, False)
