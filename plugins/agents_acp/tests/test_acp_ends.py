"""How a turn ends: as the agent says, unless its model let it down and it does not say so."""

import time

import pytest

from codeforge import Kind, Limits, Reason, RunFailure
from codeforge.testing import Step
from codeforge_agents_acp import AcpAgent, Agent


@pytest.mark.parametrize(("stop", "reason"), [
    ("end_turn", None),
    ("max_turn_requests", Reason.STEP_LIMIT),
    ("max_tokens", Reason.BAD_OUTPUT),
    ("refusal", Reason.MODEL_REFUSED),
    ("cancelled", Reason.AGENT_ERROR),
    ("of tomorrow", Reason.AGENT_ERROR),
])  # fmt: skip
async def test_the_agents_stop_reason_is_the_runs(plain, desk, stop, reason):
    last = await desk.do(plain(), ("end", stop))
    assert last.data["reason"] == reason


@pytest.mark.parametrize(("model", "reason"), [
    ("fail-401", Reason.MODEL_AUTH),
    ("fail-403", Reason.MODEL_AUTH),
    ("fail-402", Reason.BUDGET),
    ("fail-404", Reason.MODEL_REFUSED),
    ("context", Reason.MODEL_REFUSED),
    ("fail-429", Reason.QUOTA),
    ("fail-503", Reason.MODEL_UNREACHABLE),
    ("cut", Reason.MODEL_UNREACHABLE),
    ("talk", None),
])  # fmt: skip
async def test_an_agent_that_ends_its_turn_as_if_nothing_were_is_told_apart(plain, desk, model, reason):
    last = await desk.do(plain(), ("model", 1), ("say", "All is done."), ("end", "end_turn"), model=model)
    assert last.data["reason"] == reason
    if model == "fail-429":
        assert "scripted 429" in last.data["detail"]


async def test_a_gateway_that_is_not_there_or_sends_no_json_is_told_apart(plain, desk, models):
    await desk.do(plain(), ("model", 1), gateway="http://127.0.0.1:1/v1")
    assert desk.events[-1].data["reason"] == Reason.MODEL_UNREACHABLE
    models.script("odd", [Step(raw="no JSON")])
    await desk.do(plain(), ("model", 1), model="odd")
    assert desk.events[-1].data["reason"] == Reason.BAD_OUTPUT


async def test_a_model_that_comes_back_makes_up_for_its_failures(plain, desk):
    last = await desk.do(plain(), ("model", 3), model="fail-503x2")
    assert (last.data["outcome"], desk.texts(Kind.SAID)[0]) == ("done", "model: HTTP 503")


async def test_an_agent_that_asks_a_failing_model_for_ever_is_ended(plain, desk):
    last = await desk.do(plain(patience=0.5), ("model", 1), ("sleep", 1.0), ("model", 10_000), model="fail-503")
    assert last.data["reason"] == Reason.MODEL_UNREACHABLE


async def test_a_silent_model_is_given_up(plain, desk):
    last = await desk.do(plain(call_timeout=0.5, patience=0.1), ("model", 1), ("sleep", 60), model="hang")
    assert last.data["reason"] == Reason.MODEL_UNREACHABLE


@pytest.mark.parametrize(("good", "reason", "asked"), [(1, Reason.MODEL_REFUSED, 5), (2, None, 12)])
async def test_an_agent_that_shortens_its_conversation_for_ever_is_ended(plain, desk, models, good, reason, asked):
    """``good`` answers come between two refusals: one is a summary, a second one is work."""
    refused = Step(status=400, code="context_length_exceeded", text="too long")
    models.script("m", lambda seen: Step(text="well") if len(models.requests) % (good + 1) else refused)
    last = await desk.do(plain(), ("model", 12), model="m")
    assert (last.data["reason"], len(models.requests)) == (reason, asked)


STEP = ("model with", {"tools": [{"type": "function", "function": {"name": "run", "parameters": {}}}]})
TITLE = ("model with", {"temperature": 0})


async def test_calls_beside_the_work_that_are_refused_do_not_end_it(plain, desk, models):
    refused = Step(status=400, code="unsupported_parameter", text="no temperature, please")
    models.script("m", lambda seen: Step(text="well") if seen.body.get("tools") else refused)
    last = await desk.do(plain(), *[TITLE, STEP] * 5, TITLE, model="m")
    assert (last.data["outcome"], len(models.requests)) == ("done", 11)


async def test_a_good_call_beside_the_work_does_not_hide_that_the_work_is_refused(plain, desk, models):
    refused = Step(status=400, code="context_length_exceeded", text="too long")
    models.script("m", lambda seen: refused if seen.body.get("tools") else Step(text="A title"))
    last = await desk.do(plain(), STEP, TITLE, model="m")
    assert last.data["reason"] == Reason.MODEL_REFUSED
    last = await desk.do(plain(), *[STEP, TITLE, TITLE] * 5, model="m")
    assert (last.data["reason"], len(models.requests)) == (Reason.MODEL_REFUSED, 2 + 7)


@pytest.mark.parametrize(("beside", "reason"), [
    ({"max_tokens": 1}, None),
    ({"max_completion_tokens": 20, **STEP[1]}, None),
    ({"max_tokens": 8000}, None),
    ({"max_tokens": 8000, **STEP[1]}, Reason.BAD_OUTPUT),
])  # fmt: skip
async def test_an_answer_that_is_short_on_purpose_is_no_trouble(plain, desk, models, beside, reason):
    models.script("m", lambda seen: Step(text="Too", finish="length" if "max" in str(seen.body) else "stop"))
    last = await desk.do(plain(), STEP, ("model with", beside), model="m")
    assert last.data["reason"] == reason


async def test_a_request_beyond_a_megabyte_goes_through(plain, desk, models):
    models.script("m", [Step(text="well")])
    await desk.do(plain(), ("model with", {"user": "x" * 3 * 2**20}), model="m")
    assert desk.texts(Kind.SAID) == ["model: well"]


@pytest.mark.parametrize(("auth", "told"), [
    ("known", ["signed in by known"]),
    ("lost", ["plain has no way to sign in called 'lost'; those it has: known."]),
    ("", []),
])  # fmt: skip
async def test_the_way_to_sign_in_is_used_or_it_is_told_that_there_is_none(plain, desk, auth, told):
    agent = plain("--ways", auth=auth)
    last = await desk.do(agent)
    assert (last.data["outcome"], desk.texts(Kind.LOG)) == ("done", told)


async def test_the_limit_of_model_calls_is_exact(plain, desk, models):
    last = await desk.do(plain(), ("model", 100), limits=Limits(steps=3))
    assert (last.data["reason"], len(models.requests)) == (Reason.STEP_LIMIT, 3)
    last = await desk.do(plain(), ("model", 3), limits=Limits(steps=3))
    assert last.data["outcome"] == "done"


async def test_words_that_come_after_the_end_of_the_turn_are_heard(plain, desk):
    await desk.do(plain("--slow-words"), ("say", "All is done.\n"))
    assert desk.texts(Kind.SAID) == ["All is done.", "One more thing."]


async def test_the_limit_of_seconds_ends_the_agent(plain, desk):
    began = time.monotonic()
    last = await desk.do(plain(), ("sleep", 60), limits=Limits(seconds=1))
    assert last.data["reason"] == Reason.TIME_LIMIT
    assert time.monotonic() - began < 5


async def test_an_agent_that_breaks_off_says_its_last_word(plain, desk):
    last = await desk.do(plain(), ("complain", "out of luck\n"), ("exit", 3))
    assert last.data["reason"] == Reason.AGENT_ERROR
    assert "exit code 3: out of luck" in last.data["detail"]


async def test_an_agents_own_error_is_told_with_its_details(plain, desk):
    error = {"code": -32603, "message": "Internal error", "data": {"details": "the disk is full"}}
    last = await desk.do(plain(), ("error", error))
    assert last.data["reason"] == Reason.AGENT_ERROR
    assert "the disk is full" in last.data["detail"]


@pytest.mark.parametrize(("argument", "reason", "words"), [
    ("--new", Reason.AGENT_ERROR, "version 99"),
    ("--signed-out", Reason.MODEL_AUTH, "wants to be signed in"),
    ("--deaf", Reason.AGENT_ERROR, "opened no session in 1 s"),
])  # fmt: skip
async def test_an_agent_that_cannot_begin_says_why(plain, desk, argument, reason, words):
    last = await desk.do(plain(argument, start_timeout=1.0))
    assert last.data["reason"] == reason
    assert words in last.data["detail"]


async def test_a_command_that_is_not_there_is_a_missing_plugin_and_says_what_to_do(desk, tmp_path):
    agent = AcpAgent("mine", Agent(command="no-such-agent --acp"), home=tmp_path)
    health = await agent.check()
    assert (health.ok, "no-such-agent" in health.fix) == (False, True)
    with pytest.raises(RunFailure, match="no-such-agent") as caught:
        await desk.run(agent, desk.job())
    assert caught.value.reason == Reason.PLUGIN_MISSING
