"""Commands of every sort: loud, long, large, left in the background."""

import json
import time

import pytest

from codeforge import Kind, Limits, Reason
from codeforge.testing import Step
from codeforge_agents_swe.dialect import bash, finish


async def test_any_amount_of_output_is_bounded_while_it_is_read(swe, desk, models, dialect):
    peak = "grep VmHWM /proc/$PPID/status"
    models.script("m", [
        bash("echo first; head -c 300000000 /dev/zero | tr '\\0' x; echo last"), bash(peak),
        finish(),
    ])  # fmt: skip
    await desk.run(swe, desk.job())
    result = json.loads(models.requests[1].body["messages"][-1]["content"])
    assert result["output_head"].startswith("first\nxxx")
    assert result["output_tail"].endswith("xxxlast\n")
    logged = "".join(desk.texts(Kind.LOG))
    assert len(logged) < 12_000
    assert "characters left out" in logged
    kilobytes = int(json.loads(models.requests[2].body["messages"][-1]["content"])["output"].split()[1])
    assert kilobytes < 100_000


async def test_what_is_left_in_the_background_holds_nothing_up_and_goes_on(swe, desk, models, dialect):
    models.script("m", [
        bash("(while sleep 0.05; do echo tick; echo tick >> ticks; done) & echo started"),
        bash("for n in $(seq 400); do [ $(wc -l < ticks) -gt 9 ] && exit; sleep 0.05; done; exit 1"),
        bash("yes & exit 7"), finish(),
    ])  # fmt: skip
    job = desk.job()
    began = time.monotonic()
    last = await desk.run(swe, job)
    assert last.data["outcome"] == "done"
    assert [code for _, code in desk.ran()] == [0, 0, 7, 0]
    assert time.monotonic() - began < 15
    assert not desk.alive(job)


@pytest.mark.slow
async def test_a_command_that_takes_too_long_is_cut_off_with_all_that_it_started(swe, desk, models, dialect):
    models.script("m", [
        bash("echo begun; sleep 1234.5 | sleep 1234.5"),
        bash("pgrep -f '[s]leep 1234.5'"), finish(),
    ])  # fmt: skip
    last = await desk.run(swe, desk.job(limits=Limits(seconds=4)))
    assert last.data["outcome"] == "done"
    assert [code for _, code in desk.ran()] == [None, 1, 0]
    result = json.loads(models.requests[1].body["messages"][-1]["content"])
    assert result["output"] == "begun\n"
    assert "cut off after 2 seconds" in result["exception_info"]


async def test_a_command_larger_than_an_argument_may_be_is_run(swe, desk, models, dialect):
    content = "naïve 'quoted' line\n" * 20_000
    models.script("m", dialect.change({"big.txt": content}))
    last = await desk.run(swe, desk.job())
    assert last.data["outcome"] == "done"
    assert desk.read("big.txt") == content
    assert len(desk.ran()[0][0]) < 2600


async def test_a_command_waits_for_nobody_s_words_and_finds_no_terminal(swe, desk, models, dialect):
    models.script("m", dialect.shell("read line; echo [$line]; test -t 0; echo $?; pwd; env | sort"))
    await desk.run(swe, desk.job())
    said = desk.texts(Kind.LOG)
    assert said[1:4] == ["[]", "1", str(desk.workspace)]
    assert "PAGER=cat" in said
    assert not [line for line in said if line.startswith(("MSWEA", "OPENAI", "CODEFORGE"))]


@pytest.mark.parametrize("command", ["echo \ud800", "echo a\0b", pytest.param("cd /; rm -rf", marks=pytest.mark.slow)])
async def test_a_command_that_cannot_be_started_is_told_to_the_model(swe, desk, models, dialect, command):
    models.script("m", [bash(command), *dialect.change({"hello.py": desk.FRIENDLY})])
    last = await desk.run(swe, desk.job())
    assert last.data["outcome"] == "done"
    json.dumps([event.data for event in desk.events], ensure_ascii=False).encode()  # as the history keeps them


async def test_bytes_that_are_no_text_are_no_trouble(swe, desk, models, dialect):
    models.script("m", [
        bash("printf '\\377\\0\\033[31m'; touch \"$(printf 'bad\\377.py')\"; ln -s loop loop"),
        finish(),
    ])  # fmt: skip
    last = await desk.run(swe, desk.job())
    assert last.data["outcome"] == "done"
    assert "bad\ufffd.py" in desk.texts(Kind.EDITED)


@pytest.mark.slow
async def test_a_removed_workspace_ends_in_words_and_not_in_a_crash(swe, desk, models, dialect):
    models.script("m", [bash('rm -rf "$PWD"'), bash("ls"), finish()])
    last = await desk.run(swe, desk.job(limits=Limits(steps=4)))
    assert last.data["outcome"] == "failed"
    assert desk.ran()[1] == ("ls", 126)


async def test_calls_in_odd_shapes_are_understood(swe, desk, models, dialect):
    """All numbered 0, with arguments in pieces or as an object, with a signature that is wanted back."""

    def call(id, arguments, index=0, **more):
        function = {"name": "bash", "arguments": arguments} if id else {"arguments": arguments}
        return {"index": index, "id": id, "type": "function", "function": function, **more}

    deltas = [
        [call("one", '{"comm', extra_content={"google": {"thought_signature": "SIG"}})],
        [call(None, 'and": "echo 1 >> n"}')],
        [call("two", {"command": "echo 2 >> n"})], 5, [None],
    ]  # fmt: skip
    chunks = [{"choices": [{"delta": {"tool_calls": calls}}]} for calls in deltas]
    chunks.append({"choices": [{"delta": {}, "finish_reason": "tool_calls"}]})
    raw = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks)
    models.script("m", [Step(raw=raw), finish()])
    last = await desk.run(swe, desk.job())
    assert last.data["outcome"] == "done"
    assert desk.read("n") == "1\n2\n"
    assert "SIG" in json.dumps(models.requests[1].body)


@pytest.mark.slow
async def test_the_end_of_the_run_s_time_ends_a_command_with_all_that_it_started(swe, desk, models, dialect):
    models.script("m", [bash("setsid sleep 1234.5 & sleep 1234.5 | sleep 1234.5")])
    job = desk.job(limits=Limits(seconds=2))
    last = await desk.run(swe, job)
    assert last.data["reason"] == Reason.TIME_LIMIT
    assert [code for _, code in desk.ran()] == [None, None]
    assert not desk.alive(job)
