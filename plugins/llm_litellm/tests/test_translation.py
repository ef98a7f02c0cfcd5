"""However a chat's answer is cut into pieces, its telling in another protocol is well formed and adds up."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeforge_llm_litellm.protocols.known import protocol
from codeforge_llm_litellm.transcript import Transcript, Used
from codeforge_llm_litellm.translation.messages_answer import MessageTelling
from codeforge_llm_litellm.translation.messages_request import chat
from codeforge_llm_litellm.translation.responses_answer import ResponseTelling

WORDS = st.text(st.characters(blacklist_categories=["Cs"]), min_size=1, max_size=5)
PART = st.tuples(st.sampled_from(["reasoning_content", "content"]), st.lists(WORDS, min_size=1, max_size=4))
TOOL = st.tuples(st.just("tool"), st.dictionaries(WORDS, WORDS, max_size=2), st.integers(1, 9))
ANSWER = st.lists(PART | TOOL, max_size=6)
FINISH = st.sampled_from(["stop", "length", "tool_calls", "content_filter"])
USAGE = {
    "prompt_tokens": 50,
    "completion_tokens": 9,
    "prompt_tokens_details": {"cached_tokens": 20, "cache_write_tokens": 5},
    "completion_tokens_details": {"reasoning_tokens": 4},
}


def chunks(answer, finish):
    """The chat's events for ``answer``."""
    place = 0
    for kind, *told in answer:
        if kind != "tool":
            for text in told[0]:
                yield {"choices": [{"index": 0, "delta": {kind: text}, "finish_reason": None}]}
            continue
        arguments, size = json.dumps(told[0]), told[1]
        head = {"index": place, "id": f"c{place}", "type": "function", "function": {"name": "do", "arguments": ""}}
        yield {"choices": [{"index": 0, "delta": {"tool_calls": [head]}}]}
        for start in range(0, len(arguments), size):
            more = {"index": place, "function": {"arguments": arguments[start : start + size]}}
            yield {"choices": [{"index": 0, "delta": {"tool_calls": [more]}}]}
        place += 1
    yield {"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]}
    yield {"choices": [], "usage": USAGE}


def told(telling, answer, finish):
    """All events of the telling, as they go over the line."""
    events = []
    for chunk in chunks(answer, finish):
        events += [json.dumps(event) for event in telling.feed(chunk)]
    return [json.loads(event) for event in [*events, *map(json.dumps, telling.end())]]


def expected(answer):
    """What the answer is in the end: neighbouring texts of one kind are one."""
    found = []
    for kind, *rest in answer:
        if kind == "tool":
            found.append((kind, rest[0]))
        elif found and found[-1][0] == kind:
            found[-1] = (kind, found[-1][1] + "".join(rest[0]))
        else:
            found.append((kind, "".join(rest[0])))
    return found


@given(ANSWER, FINISH)
def test_a_message_is_blocks_one_after_the_other_that_add_up(answer, finish):
    telling = MessageTelling("m")
    events = told(telling, answer, finish)
    assert [events[0]["type"], events[-2]["type"], events[-1]["type"]] == [
        "message_start", "message_delta", "message_stop",
    ]  # fmt: skip
    blocks, is_open = [], None
    for event in events[1:-2]:
        match event["type"]:
            case "content_block_start":
                assert is_open is None
                is_open = event["index"]
                assert is_open == len(blocks)
                blocks.append({**event["content_block"], "json": ""})
            case "content_block_delta":
                assert event["index"] == is_open
                delta = event["delta"]
                name = {"text_delta": "text", "thinking_delta": "thinking", "input_json_delta": "json"}[delta["type"]]
                blocks[-1][name] += delta["partial_json" if name == "json" else name]
            case "content_block_stop":
                assert event["index"] == is_open
                is_open = None
    assert is_open is None
    for block in blocks:
        if text := block.pop("json"):
            block["input"] = json.loads(text)
    whole = telling.whole()
    assert blocks == whole["content"]
    kinds = {"text": "content", "thinking": "reasoning_content"}
    said = [(kinds.get(b["type"], "tool"), b.get("text") or b.get("thinking") or b["input"]) for b in blocks]
    assert said == expected(answer)
    assert whole["stop_reason"] == events[-2]["delta"]["stop_reason"]


@given(ANSWER, FINISH)
def test_a_response_is_items_that_add_up(answer, finish):
    telling = ResponseTelling("m", {})
    events = told(telling, answer, finish)
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert events[0]["type"] == "response.created"
    items, done, texts = {}, {}, {}
    for event in events:
        match event["type"]:
            case "response.output_item.added":
                assert event["output_index"] == len(items)
                items[event["output_index"]] = event["item"]
            case "response.output_item.done":
                assert event["output_index"] not in done
                done[event["output_index"]] = event["item"]
            case kind if kind.endswith(".delta"):
                place = event["output_index"]
                assert event["item_id"] == items[place]["id"]
                assert place not in done
                texts[place] = texts.get(place, "") + event["delta"]
    output = events[-1]["response"]["output"]
    assert list(items) == sorted(done)
    assert [done[place] for place in sorted(done)] == output == telling.whole()["output"]
    for place, item in enumerate(output):
        parts = item.get("content") or item.get("summary")
        assert texts[place] == (parts[0]["text"] if parts else item["arguments"])
    kinds = {"message": "content", "reasoning": "reasoning_content", "function_call": "tool"}
    assert [
        (kinds[item["type"]], json.loads(text) if "arguments" in item else text)
        for item, text in zip(output, texts.values(), strict=True)
    ] == expected(answer)


@pytest.mark.parametrize("name", ["messages", "responses"])
@given(ANSWER, FINISH)
def test_what_is_told_is_read_back_as_it_was_heard(name, answer, finish):
    telling = MessageTelling("m") if name == "messages" else ResponseTelling("m", {})
    heard, streamed, whole = Transcript(), Transcript(), Transcript()
    for chunk in chunks(answer, finish):
        protocol("chat").read(chunk, heard)
    for event in told(telling, answer, finish):
        protocol(name).read(event, streamed)
    protocol(name).read(telling.whole(), whole)
    for read in (streamed, whole):
        assert "".join(read.content) == "".join(heard.content)
        assert "".join(read.reasoning) == "".join(heard.reasoning)
        tools = [(tool["id"], json.loads(tool["arguments"])) for _, tool in sorted(read.tools.items())]
        assert tools == [(tool["id"], json.loads(tool["arguments"])) for _, tool in sorted(heard.tools.items())]
        assert read.used == Used(prompt=50, completion=9, cached=20, written=5, reasoning=4)
        assert bool(read.finish)
    assert streamed.finish == whole.finish


def test_caching_and_proofs_of_thinking_reach_a_model_of_anthropic_elsewhere_and_no_other():
    once = {"cache_control": {"type": "ephemeral"}}
    thought = {"type": "thinking", "thinking": "Hm.", "signature": "proof"}
    body = {
        "model": "m",
        "system": [{"type": "text", "text": "Be brief.", **once}],
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "Hi", **once}]},
            {"role": "assistant", "content": [thought, {"type": "text", "text": "Hello."}]},
        ],
        "tools": [{"name": "do", "input_schema": {}, **once}],
        "thinking": {"type": "enabled", "budget_tokens": 2000},
    }
    rich = chat(body, openai=False, litellm=True, rich=True)
    assert rich["messages"][0]["content"] == [{"type": "text", "text": "Be brief.", **once}]
    assert rich["messages"][1]["content"] == [{"type": "text", "text": "Hi", **once}]
    assert rich["messages"][2]["thinking_blocks"] == [thought]
    assert rich["tools"][0]["cache_control"] == once["cache_control"]
    assert rich["thinking"] == body["thinking"]
    plain = chat(body, openai=True, litellm=False, rich=False)
    assert plain["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hello."},
    ]
    assert "cache_control" not in json.dumps(plain)
    assert "thinking" not in json.dumps(plain)
