"""A scripted provider answers by the rules of a YAML file, in three protocols, with faults."""

import json
import re
from pathlib import Path

import aiohttp
import pytest

from codeforge.errors import Invalid
from codeforge.testing import ScriptedModels

DOCS = Path(__file__).parents[2] / "docs" / "plugins.md"
FIX = {"role": "user", "content": "Please fix add."}
PATHS = {"chat": "/chat/completions", "messages": "/messages", "responses": "/responses"}


@pytest.fixture
def rules(tmp_path):
    def write(text):
        file = tmp_path / "answers.yaml"
        file.write_text(text)
        return file

    return write


@pytest.fixture
async def provider(rules):
    """The provider of the documentation's example."""
    [example] = re.findall(r"```yaml\n(rules:.*?)```", DOCS.read_text(), re.DOTALL)
    async with ScriptedModels(rules=rules(example)) as models, aiohttp.ClientSession() as session:

        async def ask(*said, model="m", protocol="chat", **more):
            body = {"model": model, "input" if protocol == "responses" else "messages": list(said), **more}
            async with session.post(models.url + PATHS[protocol], json=body) as answer:
                return answer, await answer.text()

        yield ask


def message(answer):
    return json.loads(answer[1])["choices"][0]["message"]


async def test_rules_lead_through_a_conversation_with_a_tool(provider):
    first = message(await provider(FIX))
    assert first["tool_calls"][0]["function"] == {"name": "read", "arguments": '{"path": "calc.py"}'}
    result = {"role": "tool", "tool_call_id": "call_0", "content": "def add(a, b)"}
    second = await provider(FIX, {"role": "assistant", "content": None}, result)
    assert message(second)["content"] == "It adds now."
    assert json.loads(second[1])["usage"] == {"prompt_tokens": 321, "completion_tokens": 21, "total_tokens": 342}
    assert message(await provider({"role": "user", "content": "hm"}))["content"] == "I have nothing to say to that."


async def test_the_first_call_of_a_busy_model_is_refused_and_the_next_is_not(provider):
    refused, body = await provider(FIX, {"role": "assistant", "content": "x"}, model="busy-1")
    assert (refused.status, refused.headers["Retry-After"]) == (429, "1")
    assert json.loads(body)["error"]["message"] == "Slow down."
    assert (await provider(FIX, {"role": "assistant", "content": "x"}, model="busy-1"))[0].status == 200


async def test_answers_are_cut_after_so_many_bytes_or_are_no_answers_at_all(provider):
    said = {"role": "user", "content": "go on"}
    with pytest.raises(aiohttp.ClientPayloadError):
        await provider(said, model="broken", stream=True)
    _, body = await provider(said, model="broken", stream=True)
    assert body == "data: {no JSON\n\n"


@pytest.mark.parametrize("protocol", ["messages", "responses"])
async def test_the_other_protocols_ask_and_are_answered_alike(provider, protocol):
    first = json.loads((await provider(FIX, protocol=protocol))[1])
    result = {"type": "tool_result", "tool_use_id": "toolu_0", "content": [{"type": "text", "text": "def add"}]}
    if protocol == "messages":
        [call] = first["content"]
        assert (call["type"], call["name"], call["input"], first["stop_reason"]) == (
            "tool_use", "read", {"path": "calc.py"}, "tool_use",
        )  # fmt: skip
        said = [FIX, {"role": "assistant", "content": [call]}, {"role": "user", "content": [result]}]
    else:
        [call] = first["output"]
        assert (call["type"], call["name"], json.loads(call["arguments"])) == (
            "function_call", "read", {"path": "calc.py"},
        )  # fmt: skip
        said = [FIX, call, {"type": "function_call_output", "call_id": call["call_id"], "output": "def add"}]
    _, stream = await provider(*said, protocol=protocol, stream=True)
    events = [json.loads(line.removeprefix("data: ")) for line in stream.splitlines() if line.startswith("data: ")]
    names = [line.removeprefix("event: ") for line in stream.splitlines() if line.startswith("event: ")]
    assert names == [event["type"] for event in events]
    deltas = [event["delta"] for event in events if event["type"].endswith(("block_delta", "text.delta"))]
    assert "".join(one if isinstance(one, str) else one["text"] for one in deltas) == "It adds now."
    last = {"messages": "message_stop", "responses": "response.completed"}
    assert names[-1] == last[protocol]
    assert '"output_tokens": 21' in stream


@pytest.mark.parametrize("protocol", PATHS)
async def test_a_request_that_no_rule_is_for_is_told(rules, protocol):
    file = rules("rules: [{when: {says: nothing}, answer: {text: x}}]")
    async with ScriptedModels(rules=file) as models, aiohttp.ClientSession() as session:
        body = {"model": "m", "input" if protocol == "responses" else "messages": [FIX]}
        async with session.post(models.url + PATHS[protocol], json=body) as answer:
            assert answer.status == 404
            assert "No rule answers call 1 of m: 'Please fix add.'" in await answer.text()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rules: [{answer: {txt: x}}]", "rule 1: answer.txt"),
        ("rules: [{answer: {text: x}}, {when: {turns: 1}, answer: {text: x}}]", "rule 2: when.turns"),
        ("rules: [{when: {turn: 1}}]", "rule 1: answer: Field required"),
        ("rules: {}", "must be one list named rules"),
        ("rules: [", "cannot be read"),
    ],
)
async def test_rules_that_cannot_be_read_name_the_place(rules, text, said):
    with pytest.raises(Invalid, match=re.escape(said)):
        ScriptedModels(rules=rules(text))
