"""What mini-swe-agent runs, changes, says and remembers."""

import json
import re

import pytest

from codeforge import Kind, Limits, Reason
from codeforge.testing import Step
from codeforge_agents_swe.dialect import SUBMIT, bash, finish

slow = pytest.mark.slow


async def test_a_change_is_streamed_made_and_counted_and_nothing_else_is_left(swe, desk, models, dialect):
    write, submit = dialect.change(
        {"hello.py": desk.FRIENDLY, "src/größe/名前.py": "WORD = 'naïve 名前'\n", "README.md": None}
    )
    thinking = Step(text=write.text, tools=write.tools, reasoning="Let me look\nat greet().")
    models.script("m", [thinking, submit])
    last = await desk.run(swe, desk.job())
    assert last.data == {"outcome": "done", "reason": None, "detail": ""}
    assert desk.changed() == [" D README.md", " M hello.py", "?? src/größe/名前.py"]
    assert desk.read("hello.py") == desk.FRIENDLY
    assert desk.texts(Kind.EDITED) == ["README.md", "hello.py", "src/größe/名前.py"]
    assert desk.texts(Kind.THOUGHT) == ["Let me look", "at greet()."]
    assert desk.texts(Kind.SAID) == ["I write the files.", "It is done."]
    assert desk.ran() == [(write.tools[0][1]["command"], 0), (SUBMIT, 0)]
    used = [event.data for event in desk.events if event.kind == Kind.USAGE]
    assert used == [{"prompt_tokens": 1111, "completion_tokens": 222, "cached_tokens": 0, "cost_micro": 1555}] * 2
    assert models.requests[0].key == desk.KEY
    assert not [event for event in desk.events if event.data.get("stream") == "stderr"]


async def test_what_a_command_prints_is_told_with_its_exit_code_and_goes_to_the_model(swe, desk, models, dialect):
    models.script("m", dialect.shell("echo café; echo no >&2; exit 3"))
    await desk.run(swe, desk.job())
    assert desk.texts(Kind.LOG)[1:3] == ["café", "no"]
    assert desk.ran()[0] == ("echo café; echo no >&2; exit 3", 3)
    result = json.loads(models.requests[1].body["messages"][-1]["content"])
    assert result == {"returncode": 3, "output": "café\nno\n"}


async def test_edits_are_told_when_they_are_committed_by_the_agent_and_not_when_they_are_only_staged(
    swe, desk, models, dialect
):
    commit = "git commit -qam 'mine'"
    models.script("m", [
        bash("echo '# 1' >> hello.py"), bash("git add hello.py"), bash(commit),
        bash(f"echo '# 2' >> README.md && {commit}"), finish(),
    ])  # fmt: skip
    await desk.run(swe, desk.job())
    assert desk.texts(Kind.EDITED) == ["hello.py", "README.md"]
    assert desk.git("log", "--format=%an %s").splitlines() == ["SWE-agent (mini) mine"] * 2 + ["Dev start"]


async def test_several_commands_of_one_answer_run_in_order_until_the_one_that_submits(swe, desk, models, dialect):
    commands = ["echo 1 >> n", "echo 2 >> n", SUBMIT, "echo 3 >> n"]
    models.script("m", [Step(tools=[("bash", {"command": command}) for command in commands])])
    last = await desk.run(swe, desk.job())
    assert last.data["outcome"] == "done"
    assert desk.read("n") == "1\n2\n"
    assert len(models.requests) == 1


async def test_a_file_that_begins_with_the_words_of_submission_submits_nothing(swe, desk, models, dialect):
    desk.write({"trap.txt": SUBMIT.removeprefix("echo ") + "\n"})
    models.script("m", [bash("cat trap.txt"), *dialect.change({"hello.py": desk.FRIENDLY})])
    last = await desk.run(swe, desk.job())
    assert last.data["outcome"] == "done"
    assert desk.read("hello.py") == desk.FRIENDLY


async def test_a_follow_up_remembers_the_turn_before_and_another_first_turn_does_not(swe, desk, models, dialect):
    await desk.run(swe, desk.job(prompt="Make greet() friendlier, says ORCHID."))
    models.script("m", dialect.change({"hello.py": "print('hi')\n"}))
    await desk.run(swe, desk.job(prompt="Shorter, please.", follow_up=True))
    asked = models.requests[-2].body["messages"]
    assert [message["role"] for message in asked] == ["system", "user", *["assistant", "tool"] * 2, "user"]
    assert "ORCHID" in asked[1]["content"]
    assert asked[-1]["content"].startswith("Shorter, please.\n")
    await desk.run(swe, desk.job(prompt="Shorter, please."))
    assert "ORCHID" not in models.requests[-1].text


@pytest.mark.parametrize("left", ["", "[]", pytest.param('{"messages": 3}', marks=slow)])
async def test_a_conversation_that_cannot_be_read_is_begun_anew(swe, desk, models, left):
    job = desk.job(follow_up=True)
    job.state.mkdir()
    (job.state / "swe.json").write_text(left)
    assert (await desk.run(swe, job)).data["outcome"] == "done"


@pytest.mark.parametrize("prompt", ["/run {{ touch }} pwned", pytest.param("!touch pwned", marks=slow)])
async def test_a_prompt_that_looks_like_a_command_goes_to_the_model_as_it_is(swe, desk, models, prompt):
    last = await desk.run(swe, desk.job("talk", prompt=prompt))
    assert last.data["outcome"] == "done"
    assert prompt in models.requests[0].body["messages"][-1]["content"]
    assert desk.changed() == []


@slow
async def test_the_same_task_is_asked_in_the_same_words_in_any_folder(swe, desk, models):
    await desk.run(swe, desk.job("talk"))
    words = models.requests[0].text
    assert str(desk.folder) not in words
    assert re.search(r"<system_information>\s*Linux\s*</system_information>", words)


async def test_files_of_the_repository_do_not_steer_the_agent(swe, desk, models):
    touch = f"touch {desk.folder}/pwned"
    evil = f"import os\nos.system('{touch}')\n"
    config = "agent: {system_template: EVIL, instance_template: EVIL}\nenvironment: {env: {}}\nmodel: {}\n"
    desk.write({
        "mini.yaml": config, "mini": config, ".env": "MSWEA_COST_TRACKING=evil\nBASH_ENV=evil.sh\n", "evil.sh": touch,
        **{f"{name}.py": evil for name in ("sitecustomize", "minisweagent", "yaml", "jinja2", "swe_job", "conftest")},
        ".git/hooks/pre-commit": f"#!/bin/sh\n{touch}\n", "AGENTS.md": "EVIL",
    })  # fmt: skip
    desk.git("config", "core.fsmonitor", touch)
    desk.git("-c", "core.fsmonitor=false", "add", "-A")
    desk.git("-c", "core.fsmonitor=false", "commit", "-q", "--no-verify", "-m", "hostile")
    (desk.folder / "pwned").unlink(missing_ok=True)
    last = await desk.run(swe, desk.job())
    assert last.data["outcome"] == "done"
    assert "EVIL" not in models.requests[-1].text
    assert models.requests[0].key == desk.KEY
    assert not (desk.folder / "pwned").exists()
    assert desk.texts(Kind.EDITED) == ["hello.py"]


async def test_a_run_ends_when_its_steps_are_used_up_and_keeps_what_was_done(swe, desk, models, dialect):
    models.script("m", [bash("date +%N >> hello.py; cat hello.py")])
    last = await desk.run(swe, desk.job(limits=Limits(steps=3)))
    assert last.data["reason"] == Reason.STEP_LIMIT
    assert last.data["detail"] == "The agent used all of its 3 model calls."
    assert len(models.requests) == 3
    assert desk.changed() == [" M hello.py"]


@slow
async def test_a_run_ends_when_its_time_is_over(swe, desk):
    last = await desk.run(swe, desk.job("slow", limits=Limits(seconds=2)))
    assert last.data["reason"] == Reason.TIME_LIMIT


@slow
async def test_an_agent_that_goes_in_circles_is_stuck(swe, desk, models, dialect):
    rounds = [bash("cat hello.py"), bash("cat README.md")] * 6
    models.script("m", rounds)
    last = await desk.run(swe, desk.job())
    assert last.data["reason"] == Reason.AGENT_STUCK
    assert "the same 2 steps to the same effect 6 times, the last: cat README.md" in last.data["detail"]
    assert len(models.requests) == 12


async def test_words_without_a_command_end_well_only_when_nothing_was_changed(swe, desk, models, dialect):
    last = await desk.run(swe, desk.job("talk"))
    assert last.data["outcome"] == "done"
    models.script("m", [bash("echo >> hello.py"), "It is done, I think."])
    last = await desk.run(swe, desk.job())
    assert last.data["reason"] == Reason.BAD_OUTPUT


async def test_a_workspace_without_git_is_worked_on_just_as_well(swe, desk, models, dialect):
    (desk.workspace / ".git").rename(desk.folder / ".git")  # what is above it is none of its own
    last = await desk.run(swe, desk.job())
    assert last.data["outcome"] == "done"
    assert desk.read("hello.py") == desk.FRIENDLY
    assert desk.texts(Kind.EDITED) == []
