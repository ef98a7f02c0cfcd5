"""What an agent changes, says and remembers."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from codeforge.abilities import Ability, By, abilities
from codeforge.events import Kind
from codeforge.ids import new_id
from codeforge.testing.contract.case import Skipped, case, quick_case
from codeforge.testing.contract.trial import FRIENDLY, HELLO, KEY, Trial, demand
from codeforge.testing.repositories import git
from codeforge.testing.steps import TALK
from codeforge.testing.waiting import until


@quick_case
async def an_edit_is_made_told_and_counted_and_nothing_else_is_left(trial: Trial) -> None:
    trial.greet()
    await trial.done()
    demand(trial.read("hello.py"), FRIENDLY, "the file")
    demand(trial.changed(), {"hello.py"}, "all that changed")
    demand("hello.py" in trial.said(Kind.EDITED, Kind.RAN), True, "whether the edit was told")
    demand({seen.key for seen in trial.models.requests}, {KEY}, "the key that the gateway saw")


@case
async def several_files_of_any_name_are_written(trial: Trial) -> None:
    files = {
        "src/größe/名前.py": 'WORD = "naïve 名前 🐝"\n',
        "a folder/new file.py": "SPACED = 1\n",
        "other.py": "OTHER = 2\n",
    }
    trial.script(trial.change(files))
    await trial.done(trial.job("Change other.py and make two modules."))
    demand({name: trial.read(name) for name in files}, files, "what is in the files")
    demand(trial.changed(), set(files), "all that changed")


@case
async def files_are_made_deleted_and_renamed(trial: Trial) -> None:
    trial.script(trial.change({"renamed.py": HELLO, "hello.py": None, "other.py": None}))
    await trial.done(trial.job("Rename hello.py to renamed.py and delete other.py."))
    demand(trial.changed(), {"renamed.py", "hello.py", "other.py"}, "all that changed")
    demand((trial.workspace / "hello.py").exists(), False, "whether the old file is there")


@case
async def commits_of_its_own_are_kept(trial: Trial) -> None:
    command = "echo mine > mine.txt && git add mine.txt && git commit -qm mine"
    trial.script(trial.shell(command))
    await trial.done()
    demand(git(trial.workspace, "log", "-1", "--format=%s"), "mine", "the last commit")
    demand(trial.changed(), set(), "what is not committed")


@case
async def words_without_an_edit_change_nothing(trial: Trial) -> None:
    trial.script([TALK])
    await trial.run()
    demand(trial.changed(), set(), "all that changed")
    demand(TALK.text in trial.said(Kind.SAID), True, "whether its words were told")


@case
async def tokens_are_those_that_the_gateway_counts(trial: Trial) -> None:
    steps = trial.change({"hello.py": FRIENDLY})
    trial.script([replace(step, usage=(1000 + n, 10 + n)) for n, step in enumerate(steps)])
    await trial.done()
    asked = len(trial.asked)
    prompt = sum(1000 + min(n, len(steps) - 1) for n in range(asked))
    demand(trial.tokens(), (prompt, prompt - 990 * asked), "the tokens that it told of")


@case
async def a_follow_up_remembers_the_turn_before(trial: Trial) -> None:
    if abilities(trial.agent)[Ability.FOLLOW_UP] != By.AGENT:
        raise Skipped("It keeps no conversation: CodeForge tells it what was said before.")
    trial.greet()
    job = trial.job("Make greet() in hello.py friendlier, says ORCHID.")
    demand(trial.agent.remembers(job.state), False, "whether it has a conversation at first")
    await trial.done(job)
    demand(trial.agent.remembers(job.state), True, "whether it says that it has the conversation")
    before = len(trial.asked)
    trial.script(trial.change({"hello.py": HELLO}))
    await trial.done(trial.job("Take that back, please.", follow_up=True))
    demand("ORCHID" in trial.asked[before].text, True, "whether it remembers")
    demand(trial.read("hello.py"), HELLO, "the file")


@case
async def words_in_mid_turn_are_heard_before_the_next_step(trial: Trial) -> None:
    if abilities(trial.agent)[Ability.STEER] != By.AGENT:
        raise Skipped("It does not listen while it works: CodeForge tells it at its next turn.")
    trial.script(trial.shell("until rm go; do sleep 0.05; done 2> /dev/null"))
    job = trial.job()
    running = asyncio.create_task(trial.done(job))
    await until(lambda: trial.asked, "a request")
    heard = asyncio.create_task(trial.agent.steer(job, "Think of the ORCHID."))
    await asyncio.sleep(0.2)
    trial.write({"go": ""})
    await running
    demand("ORCHID" in trial.asked[0].text, False, "whether it knew before")
    demand("ORCHID" in trial.asked[1].text, True, "whether its next step knows")
    async with asyncio.timeout(5):
        demand(await heard, True, "whether it says that it was told")
    late = asyncio.create_task(trial.agent.steer(job, "Too late."))
    await asyncio.sleep(0.2)
    late.cancel()
    await asyncio.wait([late])
    trial.script([TALK])
    await trial.run(trial.job("Go on.", follow_up=True))
    demand("Too late." in trial.said() + trial.asked[-1].text, False, "whether words are left that nobody was told")


@case
async def a_first_turn_remembers_nothing(trial: Trial) -> None:
    trial.greet()
    await trial.done(trial.job("Make greet() in hello.py friendlier, says ORCHID."))
    before = len(trial.asked)
    trial.script([TALK])
    await trial.run(trial.job("Something else."))
    demand("ORCHID" in trial.asked[before].text, False, "whether it remembers another task")


@case
async def a_prompt_of_a_megabyte_goes_through(trial: Trial) -> None:
    trial.greet()
    job = trial.job("Make greet() in hello.py friendlier. " + "wörd " * 200_000)
    await trial.done(replace(job, model=replace(job.model, window=1_000_000)))
    demand(trial.read("hello.py"), FRIENDLY, "the file")
    demand(max(len(str(event.data)) for event in trial.events) < 4000, True, "whether the events stay small")


@case
async def a_prompt_that_looks_like_a_command_is_a_prompt(trial: Trial) -> None:
    for prompt in ("/run touch pwned", "!touch pwned", "--help", "@other.py #x `touch pwned` $(touch pwned)"):
        before = len(trial.asked)
        trial.script([TALK])
        await trial.run(trial.job(prompt))
        demand(prompt in trial.asked[before].text, True, f"whether {prompt!r} was asked")
        demand(trial.changed(), set(), "all that changed")


@case
async def two_at_once_in_one_repository_do_not_meet(trial: Trial) -> None:
    second = replace(trial, folder=trial.folder / "second", events=[], mark={"CODEFORGE_TRIAL": new_id()})
    second.folder.mkdir()
    git(trial.workspace, "worktree", "add", "-q", "--detach", str(second.workspace))
    trial.script(trial.change({"a.py": "A = 1\n"}), "one")
    second.script(second.change({"b.py": "B = 1\n"}), "two")
    one, two = trial.job("Make a.py."), second.job("Make b.py.")
    one, two = (replace(job, model=replace(job.model, name=name)) for job, name in ((one, "one"), (two, "two")))
    await asyncio.gather(trial.done(one), second.done(two))
    demand((trial.changed(), second.changed()), ({"a.py"}, {"b.py"}), "all that changed in each")
