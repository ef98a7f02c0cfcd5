"""Requests for responses that make no sense here, or ask for what nobody keeps: refused in OpenAI's form."""

import json

import aiohttp
import openai
import pytest


async def raw(house, paper, body, path="/responses", method="POST"):
    head = {"Authorization": f"Bearer {paper.key}"}
    url = house.url + path
    async with aiohttp.ClientSession(headers=head) as session, session.request(method, url, json=body) as answer:
        return answer.status, await answer.read()


@pytest.mark.parametrize(
    "asked",
    [
        {"previous_response_id": "resp_1"},
        {"conversation": "conv_1"},
        {"prompt": {"id": "p"}},
        {"background": True},
        {"input": [{"type": "item_reference", "id": "msg_1"}]},
    ],
)
async def test_what_nobody_keeps_cannot_be_referred_to(house, asked):
    await house.provider("m")
    paper = await house.run("up/m")
    with pytest.raises(openai.BadRequestError, match="gateway keeps no responses") as caught:
        await house.client(paper).responses.create(**{"model": "up/m", "input": "Hello?", **asked})
    assert caught.value.code == "unsupported_parameter"
    assert not house.scripted.requests


@pytest.mark.parametrize(
    ("method", "path"), [("GET", ""), ("DELETE", ""), ("POST", "/cancel"), ("GET", "/input_items")]
)
async def test_a_response_cannot_be_fetched_again(house, method, path):
    await house.provider("m")
    status, data = await raw(house, await house.run("up/m"), None, f"/responses/resp_1{path}", method)
    error = json.loads(data)["error"]
    assert (status, error["code"]) == (404, "response_not_found")
    assert "keeps no responses" in error["message"]


@pytest.mark.parametrize("body", [{}, {"input": "x"}, {"model": "up/m"}, {"model": "up/m", "input": 5}])
async def test_what_is_no_request_is_refused_in_openais_form(house, body):
    await house.provider("m")
    status, data = await raw(house, await house.run("up/m"), body)
    assert (status, json.loads(data)["error"]["type"]) == (400, "invalid_request_error")


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    "odd",
    [
        {"input": [5, None, {"role": 7, "content": 8}, {"content": [1, {"type": "input_text", "text": 2}]}]},
        {"input": [{"type": "function_call"}, {"type": "function_call_output"}, {"type": "odd"}]},
        {"tools": "x", "tool_choice": ["y"], "text": 3, "reasoning": 4, "instructions": [5]},
    ],
)
async def test_a_request_of_odd_shape_is_no_fault_of_the_server(house, odd, stream):
    house.scripted.script("m", ["fine"])
    await house.provider("m")
    paper = await house.run("up/m")
    status, _ = await raw(house, paper, {"model": "up/m", "input": "Hello?", "stream": stream, **odd})
    assert status in (200, 400)
