"""What Aider changes, says and remembers."""

import os

import pytest

from codeforge import Kind, Limits, Reason
from codeforge.testing import Step, search_replace


async def test_an_edit_is_streamed_made_and_counted_and_nothing_else_is_left(aider, desk, models):
    models.script("m", [Step(text=desk.EDIT, reasoning="Let me look\nat greet().")])
    last = await desk.run(aider, desk.job())
    assert last.data == {"outcome": "done", "reason": None, "detail": ""}
    assert desk.read("hello.py") == desk.FRIENDLY
    assert desk.changed() == [" M hello.py"]
    assert desk.texts(Kind.EDITED) == ["hello.py"]
    assert desk.texts(Kind.THOUGHT) == ["Let me look", "at greet()."]
    assert "\n".join(desk.texts(Kind.SAID)) == desk.EDIT.rstrip()
    used = next(event.data for event in desk.events if event.kind == Kind.USAGE)
    assert used == {"prompt_tokens": 1111, "completion_tokens": 222, "cached_tokens": 0, "cost_micro": 1555}
    assert models.requests[0].key == desk.KEY
    assert not [event for event in desk.events if event.data.get("stream") == "stderr"]


async def test_several_files_of_any_name_are_written_and_line_ends_stay_as_they_were(aider, desk, models):
    desk.write({"other.py": "def other():\r\n    return 1\r\n"})
    desk.git("commit", "-qam", "carriage returns")
    reply = (
        search_replace("src/größe/名前.py", "", 'WORD = "naïve 名前"\n')
        + search_replace("a folder/new file.py", "", "SPACED = 1\n")
        + search_replace("other.py", "    return 1\n", "    return 2\n")
    )
    models.script("m", [reply])
    last = await desk.run(aider, desk.job(prompt="Change other.py and make two modules."))
    assert last.data["outcome"] == "done"
    assert desk.read("src/größe/名前.py") == 'WORD = "naïve 名前"\n'
    assert desk.read("a folder/new file.py") == "SPACED = 1\n"
    assert desk.read("other.py") == "def other():\r\n    return 2\r\n"
    assert {line[3:].strip('"') for line in desk.changed()} == {"src/größe/名前.py", "a folder/new file.py", "other.py"}


async def test_a_file_that_the_model_asks_for_is_shown_to_it(aider, desk, models):
    models.script("m", ["I need to see hello.py first.", desk.EDIT])
    await desk.run(aider, desk.job(prompt="Make the greeting friendlier."))
    assert desk.read("hello.py") == desk.FRIENDLY
    assert desk.HELLO not in models.requests[0].text
    assert desk.HELLO in models.requests[1].text


async def test_a_follow_up_remembers_the_turn_before_and_another_first_turn_does_not(aider, desk, models):
    await desk.run(aider, desk.job(prompt="Make greet() in hello.py friendlier, says ORCHID."))
    models.script("m", [search_replace("hello.py", desk.FRIENDLY, desk.FRIENDLY.replace("hello {", "hi {"))])
    await desk.run(aider, desk.job(prompt="Shorter, please.", follow_up=True))
    assert "hi {name}" in desk.read("hello.py")
    assert "ORCHID" in models.requests[-1].text
    await desk.run(aider, desk.job(prompt="Shorter, please."))
    assert "ORCHID" not in models.requests[-1].text


@pytest.mark.parametrize("prompt", ["/run touch pwned", pytest.param("!touch pwned", marks=pytest.mark.slow)])
async def test_a_prompt_that_looks_like_a_command_goes_to_the_model_as_it_is(aider, desk, models, prompt):
    models.script("m", ["I only have thoughts on this."])
    last = await desk.run(aider, desk.job(prompt=prompt))
    assert last.data["outcome"] == "done"
    assert models.requests[0].body["messages"][-1]["content"].startswith(prompt)
    assert desk.changed() == []


async def test_files_of_the_repository_do_not_steer_aider(aider, desk, models):
    touch = f"touch {desk.folder}/pwned"
    desk.write({
        ".aider.conf.yml": f"test: true\nauto-test: true\ntest-cmd: {touch}\nlint-cmd: {touch}\nmodel: evil\n",
        ".env": f"OPENAI_API_KEY=evil\nOPENAI_API_BASE=http://127.0.0.1:1/\nAIDER_TEST_CMD={touch}\n",
        ".flake8": "[flake8:local-plugins]\nextension = X1 = evil:Check\npaths = .\n",
        "evil.py": f"import os\nos.system('{touch}')\nclass Check: pass\n",
        "litellm.py": f"import os\nos.system('{touch}')\n",
        ".git/hooks/pre-commit": f"#!/bin/sh\n{touch}\n",
    })  # fmt: skip
    desk.git("add", "-A")
    desk.git("commit", "-q", "--no-verify", "-m", "hostile")
    last = await desk.run(aider, desk.job())
    assert last.data["outcome"] == "done"
    assert models.requests[0].key == desk.KEY
    assert desk.changed() == [" M hello.py"]
    assert not (desk.folder / "pwned").exists()


async def test_nothing_outside_the_workspace_or_in_its_git_folder_is_read_or_written(aider, desk, models):
    secret = desk.folder / "secret.py"
    secret.write_text("TOP = 'SECRET'\n")
    (desk.workspace / "link.py").symlink_to(secret)
    desk.git("add", "-A")
    desk.git("commit", "-q", "-m", "link")
    targets = ["../outside.txt", str(desk.folder / "absolute.txt"), ".git/hooks/post-checkout"]
    reply = "".join(search_replace(target, "", "escaped\n") for target in targets)
    models.script("m", [reply + search_replace("link.py", "", "TOP = 1\n")])
    await desk.run(aider, desk.job(prompt="Look at link.py"))
    assert desk.changed() == []
    assert secret.read_text() == "TOP = 'SECRET'\n"
    assert not any((desk.workspace / target).exists() for target in targets)
    assert not any("SECRET" in seen.text for seen in models.requests)
    assert any("refused: " in text for text in desk.texts(Kind.LOG))


async def test_links_submodules_and_odd_files_of_the_repository_are_no_trouble(aider, desk, models):
    (desk.workspace / "loop").symlink_to("loop")
    (desk.workspace / "etc").symlink_to("/etc")
    (desk.workspace / "bytes.bin").write_bytes(bytes(range(256)) * 4096)
    (desk.workspace / "latin.py").write_bytes(b"s = '\xe9'\n")
    (desk.workspace / os.fsdecode(b"bad\xff.py")).touch()
    desk.write({"new\nline.py": "x = 1\n", "with space.py": "x = 1\n"})
    desk.git("add", "-A")
    desk.git("update-index", "--add", "--cacheinfo", f"160000,{desk.git('rev-parse', 'HEAD').strip()},module")
    desk.git("commit", "-q", "-m", "odd")
    last = await desk.run(aider, desk.job(prompt="hello.py, latin.py, bytes.bin, etc/passwd, loop, module"))
    assert last.data["outcome"] == "done"
    assert desk.read("hello.py") == desk.FRIENDLY
    assert "root:" not in models.requests[0].text


@pytest.mark.slow
async def test_a_model_that_aider_knows_as_weak_writes_whole_files(aider, desk, models):
    models.script("openai/gpt-4o-mini", [f"Here it is:\n\nhello.py\n```\n{desk.FRIENDLY}```\n"])
    await desk.run(aider, desk.job("openai/gpt-4o-mini"))
    assert desk.read("hello.py") == desk.FRIENDLY


async def test_a_reply_without_an_edit_ends_well_and_changes_nothing(aider, desk, models):
    last = await desk.run(aider, desk.job("talk"))
    assert last.data["outcome"] == "done"
    assert desk.changed() == []
    assert len(models.requests) == 1


async def test_a_broken_edit_is_sent_back_to_the_model_until_it_fits(aider, desk, models):
    models.script("m", [search_replace("hello.py", "def nothing():\n", "def x():\n"), desk.EDIT])
    last = await desk.run(aider, desk.job())
    assert last.data["outcome"] == "done"
    assert desk.read("hello.py") == desk.FRIENDLY
    assert len(models.requests) == 2


async def test_a_syntax_error_is_sent_back_to_the_model(aider, desk, models):
    broken = desk.FRIENDLY.replace('"):', '":')
    models.script(
        "m", [search_replace("hello.py", desk.HELLO, broken), search_replace("hello.py", broken, desk.FRIENDLY)]
    )
    await desk.run(aider, desk.job())
    assert desk.read("hello.py") == desk.FRIENDLY
    assert "Fix any errors below" in models.requests[1].text


async def test_a_run_ends_when_its_steps_are_used_up_and_keeps_what_was_edited(aider, desk, models):
    broken = desk.FRIENDLY.replace('"):', '":')
    models.script("m", [search_replace("hello.py", desk.HELLO, broken)])
    last = await desk.run(aider, desk.job(limits=Limits(steps=1)))
    assert last.data["reason"] == Reason.STEP_LIMIT
    assert last.data["detail"] == "The agent used all of its 1 model calls."
    assert len(models.requests) == 1
    assert desk.changed() == [" M hello.py"]


async def test_a_run_ends_when_its_time_is_over(aider, desk):
    last = await desk.run(aider, desk.job("slow", limits=Limits(seconds=3)))
    assert last.data["reason"] == Reason.TIME_LIMIT
