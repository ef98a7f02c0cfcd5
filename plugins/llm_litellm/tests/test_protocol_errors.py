"""Errors: whichever form a provider gives them, each protocol's own client raises its own right exception."""

import json
from functools import partial

import aiohttp
import anthropic
import openai
import pytest
from aiohttp import web

KEY = "sk-canary-0123456789abcdef"
ASKED = [{"role": "user", "content": "Say hello to the world."}]
RAISED = {
    400: "BadRequestError",
    401: "AuthenticationError",
    402: "APIStatusError",
    403: "PermissionDeniedError",
    404: "NotFoundError",
    429: "RateLimitError",
    500: "InternalServerError",
    503: "InternalServerError",
}
OPENAI = {"error": {"message": f"because {KEY}", "type": "some_error", "param": None, "code": "odd"}}
ANTHROPIC = {"type": "error", "error": {"type": "some_error", "message": f"because {KEY}"}, "request_id": "req_1"}
GOOGLE = {"error": {"code": 7, "message": f"because {KEY}", "status": "odd"}}
FASTAPI = {"detail": f"because {KEY}"}
CHAT = ("openai-compatible", "/llm/v1/chat/completions")
MESSAGES = ("anthropic", "/llm/anthropic/v1/messages")
RESPONSES = ("openai", "/llm/v1/responses")


async def ask(house, paper, protocol, *, stream=False, **options):
    """One call by the protocol's own client."""
    if protocol == "messages":
        client = house.claude(paper, **options)
        return await client.messages.create(model=paper.run.model, max_tokens=9, messages=ASKED, stream=stream)
    client = house.client(paper, **options)
    if protocol == "responses":
        return await client.responses.create(model=paper.run.model, input="Hello?", stream=stream)
    return await client.chat.completions.create(model=paper.run.model, messages=ASKED, stream=stream)


def library(protocol):
    return anthropic if protocol == "messages" else openai


@pytest.fixture
async def refusing(house, serving):
    """A provider that refuses everything, with what the test puts in."""
    given = {}

    async def refuse(request):
        if request.method == "GET":
            return web.json_response({"data": []})
        given["asked"] = given.get("asked", 0) + 1
        return given["answer"]()

    async with serving(refuse) as url:
        given["url"] = url
        yield given


@pytest.mark.parametrize(
    ("kind", "protocol"),
    [
        ("anthropic", "messages"),  # anything else goes through litellm there, which is tested apart
        *((kind, asked) for kind in ("openai", "openai-compatible") for asked in ("chat", "messages", "responses")),
    ],
)
async def test_each_refusal_raises_the_clients_own_error(house, refusing, kind, protocol):
    body = ANTHROPIC if kind == "anthropic" else OPENAI
    await house.provider("m", kind=kind, url=refusing["url"])
    paper = await house.run("up/m")
    for number, (status, name) in enumerate(RAISED.items()):
        refusing["answer"] = partial(web.json_response, body, status=status, headers={"Retry-After": "7"})
        with pytest.raises(getattr(library(protocol), name), match="because •••") as caught:
            await ask(house, paper, protocol, stream=bool(number % 2))
        assert (caught.value.status_code, caught.value.response.headers["Retry-After"]) == (status, "7")
        assert KEY not in caught.value.response.text
    calls = await house.calls(paper, len(RAISED))
    assert {(call["status"], call["error"], call["prompt_tokens"]) for call in calls} == {
        (status, "because •••", 0) for status in RAISED
    }


@pytest.mark.parametrize("kind_and_path", [CHAT, MESSAGES, RESPONSES])
async def test_any_form_of_an_error_is_told_in_the_callers_own(house, refusing, kind_and_path):
    kind, path = kind_and_path
    await house.provider("m", kind=kind, url=refusing["url"])
    paper = await house.run("up/m")
    asked = {"model": "up/m", "messages": ASKED, "input": "Hello?", "max_tokens": 9}
    session = aiohttp.ClientSession(headers={"x-api-key": paper.key})
    async with session:
        for body in (OPENAI, ANTHROPIC, GOOGLE, FASTAPI, {"error": f"because {KEY}"}, {"odd": KEY}):
            refusing["answer"] = partial(web.json_response, body, status=429)
            async with session.post(house.forge.url + path, json=asked) as answer:
                text = await answer.text()
            found = json.loads(text)
            assert answer.status == 429
            assert KEY not in text
            why = "The provider answered 429 and gave no reason." if "odd" in body else "because •••"
            assert found["error"]["message"] == why
            if path == MESSAGES[1]:
                own = body is ANTHROPIC
                assert found["type"] == "error"
                assert found["error"]["type"] == ("some_error" if own else "rate_limit_error")
                assert ("request_id" in found) == own  # its own form passes as it is
            else:
                assert set(found) == {"error"}
                assert set(found["error"]) >= {"message", "code"}


@pytest.mark.parametrize("protocol", ["chat", "messages", "responses"])
async def test_a_page_instead_of_an_answer_keeps_its_status_and_retry_after(house, refusing, protocol):
    page = {"text": f"<h1>Busy</h1> {KEY}", "content_type": "text/html", "headers": {"Retry-After": "9"}}
    refusing["answer"] = lambda: web.Response(status=503, **page)
    await house.provider("m", url=refusing["url"])
    with pytest.raises(library(protocol).InternalServerError, match="Busy") as caught:
        await ask(house, await house.run("up/m"), protocol)
    assert (caught.value.status_code, caught.value.response.headers["Retry-After"]) == (503, "9")
    assert KEY not in caught.value.response.text


@pytest.mark.parametrize("protocol", ["chat", "messages", "responses"])
async def test_the_client_waits_as_the_provider_says_and_asks_again(house, refusing, protocol):
    refusing["answer"] = lambda: web.json_response(OPENAI, status=429, headers={"retry-after-ms": "1"})
    await house.provider("m", url=refusing["url"])
    with pytest.raises(library(protocol).RateLimitError):
        await ask(house, await house.run("up/m"), protocol, max_retries=2)
    assert refusing["asked"] == 3


@pytest.mark.parametrize("protocol", ["messages", "responses"])
async def test_an_answer_that_is_no_chat_is_the_providers_fault(house, refusing, protocol):
    await house.provider("m", url=refusing["url"])
    paper = await house.run("up/m")
    for answer in ('{"odd": 1}', "no JSON", "[]", '{"choices": 5}'):
        refusing["answer"] = partial(web.Response, text=answer, content_type="application/json")
        with pytest.raises(library(protocol).InternalServerError, match="no chat completion") as caught:
            await ask(house, paper, protocol)
        assert caught.value.status_code == 502
    assert {call["status"] for call in await house.calls(paper, 4)} == {502}


@pytest.mark.parametrize("protocol", ["chat", "messages", "responses"])
async def test_our_own_refusals_have_the_protocols_form(house, protocol):
    await house.provider("m")
    paper = await house.run("up/m")
    own = library(protocol)
    with pytest.raises(own.AuthenticationError, match="no key of a run"):
        await ask(house, paper, protocol, api_key="cfrun_wrong")
    await house.forge.providers.remove(house.who, "up")
    with pytest.raises(own.NotFoundError, match="up/m"):
        await ask(house, paper, protocol)


@pytest.mark.parametrize("protocol", ["chat", "messages", "responses"])
async def test_a_spent_budget_is_told_in_the_protocols_form_and_not_asked_again(house, protocol):
    await house.provider("m", prices={"m": {"input": 1000, "output": 1000}})
    paper = await house.run("up/m")
    await house.forge.budgets.set(house.who, "run", paper.run.id, "total", 1)
    with pytest.raises(library(protocol).APIStatusError, match="budget") as caught:
        await ask(house, paper, protocol, max_retries=2)
    assert caught.value.status_code == 402
    assert caught.value.response.headers["x-should-retry"] == "false"
    error = caught.value.response.json()["error"]
    assert error["type"] == ("billing_error" if protocol == "messages" else "insufficient_quota")
    assert not house.scripted.requests
