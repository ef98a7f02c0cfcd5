"""Cassettes: what is matched, what a miss says, and that a recording answers as the model did."""

import json
import shutil

import openai
import pytest

from codeforge.testing import Step
from codeforge_llm_litellm.cassettes import normal

ASKED = [{"role": "user", "content": "Please fix add in calc.py."}]


def fixture(match, response, **more):
    return {"fixtures": [{"match": match, "response": response, **more}]}


def cassette(house, name, *fixtures):
    """A cassette with one file for each fixture."""
    folder = house.forge.settings.data_dir / "cassettes" / name
    folder.mkdir(parents=True, exist_ok=True)
    for number, found in enumerate(fixtures, 1):
        (folder / f"{number:03d}.json").write_text(json.dumps(found))
    return folder


async def text(answer):
    if hasattr(answer, "choices"):
        return answer.choices[0].message.content
    return "".join([chunk.choices[0].delta.content or "" async for chunk in answer])


async def test_a_cassette_is_a_model_that_says_it_is_scripted_and_costs_nothing(house):
    cassette(house, "demo", fixture({"userMessage": "fix add"}, {"content": "done", "usage": {"prompt_tokens": 9}}))
    [model] = await house.forge.models.list(house.who)
    assert (model.name, model.input_price) == ("replay/demo", 0)
    assert "scripted" in model.note
    assert "no model is called" in model.note
    paper = await house.run("replay/demo")
    assert await text(await house.client(paper).chat.completions.create(model="replay/demo", messages=ASKED)) == "done"
    [call] = await house.calls(paper)
    assert (call["replayed"], call["prompt_tokens"], call["cost_micro"], call["counted"]) == (True, 9, 0, "reported")


@pytest.mark.parametrize("stream", [False, True])
async def test_turns_and_tool_results_lead_through_a_conversation(house, stream):
    add = {"userMessage": "fix add"}
    cassette(
        house,
        "demo",
        fixture(
            {**add, "turnIndex": 0}, {"toolCalls": [{"id": "c1", "name": "read", "arguments": {"path": "calc.py"}}]}
        ),
        fixture({**add, "turnIndex": 1, "hasToolResult": True}, {"content": "All is well.", "finishReason": "stop"}),
    )
    create = house.client(await house.run("replay/demo")).chat.completions.create
    answer = await create(model="replay/demo", messages=ASKED, stream=stream)
    if stream:
        [call] = [c async for chunk in answer for c in chunk.choices[0].delta.tool_calls or []]
    else:
        [call] = answer.choices[0].message.tool_calls
    assert (call.id, call.function.name, json.loads(call.function.arguments)) == ("c1", "read", {"path": "calc.py"})
    said = {
        "role": "assistant",
        "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "read", "arguments": "{}"}}],
    }
    more = [*ASKED, said, {"role": "tool", "tool_call_id": "c1", "content": "..."}]
    assert await text(await create(model="replay/demo", messages=more, stream=stream)) == "All is well."


async def test_a_question_that_is_asked_again_gets_its_answers_in_order_in_each_run(house):
    again = [fixture({"userMessage": "fix add", "sequenceIndex": n}, {"content": f"answer {n}"}) for n in range(2)]
    cassette(house, "demo", *again)
    for _ in range(2):
        create = house.client(await house.run("replay/demo")).chat.completions.create
        said = [await text(await create(model="replay/demo", messages=ASKED)) for _ in range(2)]
        assert said == ["answer 0", "answer 1"]


@pytest.mark.parametrize(
    ("match", "said"),
    [
        ({"userMessage": "write poems"}, "'write poems' in the last user message, which is 'Please fix add"),
        ({"userMessage": "fix add", "turnIndex": 2}, "wants turn 2, and this is turn 0"),
        ({"hasToolResult": True}, "wants a tool's result"),
        ({"systemMessage": ["be kind"]}, "in the system message"),
        ({"toolCallId": "c9"}, "the result of tool call c9"),
    ],
)
async def test_a_miss_is_409_with_the_nearest_difference_and_no_client_asks_again(house, match, said):
    cassette(house, "demo", fixture(match, {"content": "no"}))
    paper = await house.run("replay/demo")
    with pytest.raises(openai.ConflictError) as caught:
        await house.client(paper, max_retries=3).chat.completions.create(model="replay/demo", messages=ASKED)
    assert caught.value.code == "cassette_miss"
    assert "001.json" in caught.value.message
    assert said in caught.value.message
    [call] = await house.calls(paper)
    assert (call["status"], call["cost_micro"]) == (409, 0)


async def test_errors_are_replayed_with_their_status(house):
    cassette(house, "demo", fixture({}, {"error": {"message": "slow down", "type": "rate_limit_error"}, "status": 429}))
    with pytest.raises(openai.RateLimitError, match="slow down"):
        await house.client(await house.run("replay/demo")).chat.completions.create(model="replay/demo", messages=ASKED)


async def test_a_broken_cassette_names_its_file_and_breaks_nothing_else(house):
    folder = cassette(house, "broken", fixture({"userMassage": "x"}, {"content": "x"}))
    cassette(house, "fine", fixture({}, {"content": "fine"}))
    with pytest.raises(openai.ConflictError, match=r"001\.json.*userMassage"):
        await house.client(await house.run("replay/broken")).chat.completions.create(
            model="replay/broken", messages=ASKED
        )
    (folder / "001.json").write_text("{")
    assert {h.name: h.ok for h in house.gateway.health()} == {"cassette broken": False, "cassette fine": True}
    answer = await house.client(await house.run("replay/fine")).chat.completions.create(
        model="replay/fine", messages=ASKED
    )
    assert await text(answer) == "fine"


async def test_a_paced_stream_takes_its_time(house):
    cassette(house, "demo", fixture({}, {"content": "x" * 100}, latency=20, chunkSize=10))
    paper = await house.run("replay/demo")
    stream = await house.client(paper).chat.completions.create(model="replay/demo", messages=ASKED, stream=True)
    assert await text(stream) == "x" * 100
    [call] = await house.calls(paper)
    assert call["milliseconds"] >= 200


@pytest.mark.parametrize("stream", [False, True])
async def test_what_was_recorded_is_answered_again_without_the_model(house, stream):
    step = Step(text="Reading it.", reasoning="Hm.", tools=[("read", {"path": "calc.py"})], usage=(50, 7))
    house.scripted.script("m", [step, "It adds now."])
    await house.provider("m", prices={"m": {"input": 1, "output": 1}})
    folder = house.forge.settings.data_dir / "cassettes" / "tape"
    folder.mkdir(parents=True)
    (folder / "RECORD").write_text("up/m\n")
    room = house.forge.settings.data_dir / "workspaces"

    async def talk(model, number):
        """Two turns of an agent in a workspace of its own."""
        paper = await house.run(model)
        create = house.client(paper).chat.completions.create
        asked = [
            {
                "role": "user",
                "content": f"fix add in {room}/01m81em52wp0w7f0bs0b3zrr0{number}/calc.py at 2026-11-2{number}",
            }
        ]
        first = await create(model=model, messages=asked, stream=stream, temperature=number / 10)
        if stream:
            chunks = [chunk async for chunk in first]
            calls = [c for chunk in chunks for c in chunk.choices[0].delta.tool_calls or []]
            said = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
        else:
            calls, said = first.choices[0].message.tool_calls, first.choices[0].message.content
        told = [
            *asked,
            {"role": "assistant", "content": said},
            {"role": "tool", "tool_call_id": "call_0", "content": "pass"},
        ]
        second = await text(await create(model=model, messages=told, stream=stream))
        rows = await house.calls(paper, 2)
        return (said, [(c.id, c.function.name, c.function.arguments) for c in calls], second), rows

    live, paid = await talk("record/tape", 1)
    assert live[0] == "Reading it."
    assert [call["model"] for call in paid] == ["up/m", "up/m"]
    kept = "".join(path.read_text() for path in sorted(folder.glob("*.json")))
    assert str(house.forge.settings.data_dir) not in kept
    assert "sk-canary" not in kept
    assert "cfrun_" not in kept
    (folder / "RECORD").unlink()
    shutil.copytree(folder, folder.with_name("copy"))
    asked = len(house.scripted.requests)
    again, replayed = await talk("replay/copy", 2)
    assert again == live
    assert len(house.scripted.requests) == asked
    figures = ("prompt_tokens", "completion_tokens", "cost_micro")
    assert [[c[name] for name in figures] for c in replayed] == [[c[name] for name in figures] for c in paid]


async def test_a_recorded_cassette_tells_what_differs_from_its_nearest_request(house):
    house.scripted.script("m", ["fine"])
    await house.provider("m")
    folder = house.forge.settings.data_dir / "cassettes" / "tape"
    folder.mkdir(parents=True)
    (folder / "RECORD").write_text("up/m")
    await house.client(await house.run("record/tape")).chat.completions.create(model="record/tape", messages=ASKED)
    (path,) = folder.glob("*.json")
    entry = json.loads(path.read_text())
    entry["fixtures"][0]["match"] = {}
    path.write_text(json.dumps(entry))
    other = [{"role": "user", "content": "Please fix sub in calc.py."}]
    with pytest.raises(
        openai.ConflictError, match=r"001\.json, where message 0 .* differs at character 11: .*add.*sub"
    ):
        await house.client(await house.run("replay/tape")).chat.completions.create(model="replay/tape", messages=other)


def test_normalising_takes_out_what_differs_from_run_to_run():
    one = "In /tmp/pytest-of-me/1/x.py and /data/ws/01m81em52wp0w7f0bs0b3zrr0h at 2026-11-22T10:00:00Z see deadbeef1"
    other = "In /tmp/other/y.py and /data/ws/01m81em52wp0w7f0bs0b3zrr0k/a at 2027-01-02 03:04:05 see 0123abcd"
    assert normal.text(one, "/data") == normal.text(other, "/data")
    mine, theirs = (
        f"cd {home}/runs/01m8a1jnw8d99asbgmmzzzbrbt-{n}/workspace, then" for n, home in enumerate(("/a", "/b/c"))
    )
    assert normal.text(mine, "/a") == normal.text(theirs, "/a") == "cd <data>, then"
    assert (
        normal.text("def add(a, b): return a - b  # 1234567 decade") == "def add(a, b): return a - b  # 1234567 decade"
    )
