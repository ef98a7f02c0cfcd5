"""A run's page without a browser: what it shows and what can be done in each state."""

from __future__ import annotations

from io import BytesIO

from web_asking import HTMX, read, send, token_of
from web_stage import BASE, HEAD

from codeforge import AgentEvent, Change, FileChange, Kind, Reason, RunState
from codeforge.model import ADVICE

NASTY = "<img src=x onerror=alert(1)>"


async def test_a_live_run_can_be_told_something_and_stopped(client, stage):
    run = await stage.working(await stage.task(await stage.project()))
    text = await read(client, f"/runs/{run.id}")
    assert "Stop the run" in text
    assert "Send back" not in text
    assert (await send(client, f"/runs/{run.id}/messages", text="look at x"))[0] == 204
    assert "stopping" in (await send(client, f"/runs/{run.id}/stop"))[2]
    orders = await stage.forge.coordinator.renew(run.id, 1)
    assert (orders.want, orders.words[0][1]) == ("stop", "look at x")
    assert "what it did so far is being kept" in await read(client, f"/runs/{run.id}")


async def test_what_an_agent_asks_has_a_button_for_each_answer_and_goes_once_answered(client, stage):
    run = await stage.working(await stage.task(await stage.project()))
    seen = (await read(client, f"/runs/{run.id}")).partition("now?seen=")[2].partition('"')[0]
    choices = [
        {"id": "yes", "name": f"Allow {NASTY}", "allows": True},
        {"id": "no", "name": "Refuse", "allows": False},
    ]
    asked = {"id": "q1", "question": f"May I run {NASTY}?", "choices": choices, "answer": None}
    await stage.forge.coordinator.report(run.id, 1, [AgentEvent(Kind.ASKED, asked)])
    text = await read(client, f"/runs/{run.id}/now?seen={seen}")
    assert ("aider asks" in text, 'name="answer" value="yes"' in text, NASTY in text) == (True, True, False)
    text = (await send(client, f"/runs/{run.id}/answers", question="q1", answer="yes"))[2]
    assert "asks</h2>" not in text
    assert (await stage.forge.coordinator.renew(run.id, 1)).answers == (("q1", "yes"),)
    assert (await send(client, f"/runs/{run.id}/answers", question="q1", answer="no"))[0] == 409


async def test_a_live_run_can_be_paused_and_a_paused_one_resumed(client, stage):
    run = await stage.working(await stage.task(await stage.project()))
    assert "Resume" not in await read(client, f"/runs/{run.id}")
    pausing = (await send(client, f"/runs/{run.id}/pause"))[2]
    assert ("pausing" in pausing, "Do not pause" in pausing) == (True, True)
    change = Change(base=BASE, head=HEAD, files=3, added=7, deleted=1)
    await stage.forge.coordinator.report(run.id, 1, state=RunState.PAUSED, change=change, worked=61.0)
    text = await read(client, f"/runs/{run.id}")
    assert ("Paused" in text, "3 changed files" in text, "its work so far is kept" in text) == (True, True, True)
    assert ("61 s</cf-time> at work" in text, "Pause</button>" in text) == (True, False)
    assert "1 paused" in await read(client, "/projects")
    assert "Queued" in (await send(client, f"/runs/{run.id}/resume"))[2]


async def test_a_run_that_waits_is_moved_up_and_a_priority_that_is_none_is_refused(client, stage):
    run = await stage.task(await stage.project())
    assert "<dd>1,000</dd>" in (await send(client, f"/runs/{run.id}/priority", priority="1000"))[2]
    for wrong in ("", "high", "1.5", "9999999"):
        status, _, text = await send(client, f"/runs/{run.id}/priority", priority=wrong)
        assert (status, "whole number" in text) == (422, True)


async def test_a_run_is_restarted_and_retried_from_its_work(client, stage):
    run = await stage.review(await stage.task(await stage.project()))
    assert "From the work so far" in await read(client, f"/runs/{run.id}")
    _, headers, _ = await send(client, f"/runs/{run.id}/retry", agent="aider", model="", **{"from": "work"})
    again = await stage.forge.runs.get(stage.who, headers["HX-Redirect"].rpartition("/")[2])
    assert again.follows == run.id
    _, headers, _ = await send(client, f"/runs/{again.id}/restart")
    new = await stage.forge.runs.get(stage.who, headers["HX-Redirect"].rpartition("/")[2])
    assert (new.follows, (await stage.forge.runs.get(stage.who, again.id)).state) == (None, RunState.STOPPED)


async def test_without_scripts_a_verb_leads_back_to_the_page(client, stage):
    run = await stage.working(await stage.task(await stage.project()))
    status, headers, _ = await send(client, f"/runs/{run.id}/stop", {})
    assert (status, headers["Location"]) == (303, f"/runs/{run.id}")


async def test_a_change_in_review_shows_check_files_and_the_branch_it_would_go_to(client, stage):
    run = await stage.review(await stage.task(await stage.project()))
    await stage.call(run)
    text = await read(client, f"/runs/{run.id}")
    for piece in (
        "Waiting for review",
        "4 passed in 0.12s",
        "Passed",
        "3 changed files",
        "docs/curve.png",
        "Accept into main",
        "$0.0012",
    ):
        assert piece in text


async def test_unpriced_calls_are_said_to_be_unpriced(client, stage):
    run = await stage.review(await stage.task(await stage.project()))
    await stage.call(run, cost=None)
    assert "<dd>1 unpriced call</dd>" in await read(client, f"/runs/{run.id}")
    await stage.call(run, cost=2_500_000)
    assert "<dd>$2.50 and 1 unpriced call</dd>" in await read(client, f"/runs/{run.id}")
    assert "unpriced" in await read(client, "/costs")


async def test_a_piece_of_the_page_holds_what_a_new_state_brings(client, stage):
    run = await stage.review(await stage.task(await stage.project()))
    same = await read(client, f"/runs/{run.id}/now?seen=review")
    moved = await read(client, f"/runs/{run.id}/now?seen=working")
    assert "hx-partial" not in same
    assert moved.count("<hx-partial") == 2


async def test_accept_delivers_with_the_chosen_strategy(client, stage):
    run = await stage.review(await stage.task(await stage.project()))
    status, *_ = await send(client, f"/runs/{run.id}/review", verdict="accept", strategy="squash")
    assert (status, stage.scm.delivered) == (200, ["squash"])
    assert "dddddddddd" in await read(client, f"/runs/{run.id}")


async def test_a_conflict_is_said_in_place_and_the_change_still_waits(client, stage):
    run = await stage.review(await stage.task(await stage.project()))
    stage.scm.conflict = ["src/stats.py"]
    status, _, text = await send(client, f"/runs/{run.id}/review", verdict="accept", strategy="merge")
    assert (status, "src/stats.py conflicts" in text) == (409, True)
    assert (await stage.forge.runs.get(stage.who, run.id)).state == RunState.REVIEW


async def test_sending_back_leads_to_the_run_that_goes_on(client, stage):
    run = await stage.review(await stage.task(await stage.project()), exit=1)
    assert "The check failed on this change" in await read(client, f"/runs/{run.id}")
    _, headers, _ = await send(client, f"/runs/{run.id}/review", verdict="send_back", comment="keep the name")
    text = await read(client, headers["HX-Redirect"])
    assert "What the reviewer asked for" in text
    assert "keep the name" in text


async def test_a_rejected_change_can_be_tried_again_from_scratch(client, stage):
    run = await stage.review(await stage.task(await stage.project()))
    assert (await send(client, f"/runs/{run.id}/review", verdict="reject"))[0] == 200
    _, headers, _ = await send(client, f"/tasks/{run.task_id}/runs", agent="aider", model="ollama/qwen3-coder")
    assert headers["HX-Redirect"] != f"/runs/{run.id}"
    assert "Run 2" in await read(client, f"/tasks/{run.task_id}")


async def test_a_failure_comes_with_advice(client, stage):
    run = await stage.working(await stage.task(await stage.project()))
    await stage.forge.coordinator.report(run.id, 1, state=RunState.FAILED, reason="quota", detail="429 from openai")
    text = await read(client, f"/runs/{run.id}")
    assert "wait for its reset, then retry" in text
    assert "429 from openai" in text


async def test_panels_are_text_and_lead_only_to_safe_addresses(client, stage):
    run = await stage.task(await stage.project())
    text = await read(client, f"/runs/{run.id}")
    assert "81 % &lt;img" in text
    assert 'href="/costs"' in text
    assert "javascript:" not in text


async def test_what_agents_and_people_write_stays_text(client, stage):
    stage.scm.files = {FileChange(path=f"a/{NASTY}.py", status="renamed", old_path=NASTY, added=1, deleted=0): ""}
    project = await stage.project(NASTY, check=NASTY)
    run = await stage.review(await stage.task(project, NASTY, title=NASTY), exit=1, output=(NASTY,))
    await stage.forge.runs.message(stage.who, run.id, NASTY)
    for path in (
        "/projects",
        f"/projects/{project.id}",
        f"/projects/{project.id}/settings",
        f"/tasks/{run.task_id}",
        f"/runs/{run.id}",
    ):
        text = await read(client, path)
        assert "&lt;img" in text
        assert "<img src=x" not in text


async def test_names_that_are_no_utf_8_or_hold_line_ends_are_shown(client, stage):
    head = "--- a\n+++ b\n@@ -0,0 +1 @@\n"
    stage.scm.files = {
        FileChange(path="caf\udce9.py", status="added", added=1, deleted=0): f"{head}+first\n",
        FileChange(path="two\nlines %2e&n=1.py", status="added", added=1, deleted=0): f"{head}+second\n",
    }
    run = await stage.review(await stage.task(await stage.project()))
    assert "caf\\udce9.py" in await read(client, f"/runs/{run.id}")
    assert "first" in await read(client, f"/runs/{run.id}/files/0")
    assert "second" in await read(client, f"/runs/{run.id}/files/1")
    assert (await client.get(f"/runs/{run.id}/files/2")).status == 404


async def test_of_a_long_check_the_end_is_shown_without_colours(client, stage):
    output = tuple(f"\x1b[31mline {n}.\x1b[0m" for n in range(2500))
    run = await stage.review(await stage.task(await stage.project()), exit=1, output=output)
    text = await read(client, f"/runs/{run.id}")
    assert "line 2499." in text
    assert "line 1499." not in text
    assert "\x1b" not in text


async def test_of_very_many_files_the_first_are_listed(client, stage):
    stage.scm.files = {FileChange(path=f"f{n}.txt", status="added", added=1, deleted=0): "" for n in range(700)}
    run = await stage.review(await stage.task(await stage.project()))
    text = await read(client, f"/runs/{run.id}")
    assert ("f499.txt" in text, "f500.txt" in text) == (True, False)
    assert "200 more files changed" in text


async def test_a_form_that_is_no_utf_8_is_refused_with_a_sentence(client, stage):
    run = await stage.working(await stage.task(await stage.project()))
    headers = {**HTMX, "X-CSRF-Token": await token_of(client), "Content-Type": "application/x-www-form-urlencoded"}
    answer = await client.post(f"/runs/{run.id}/messages", data=b"text=\xff\xfe", headers=headers)
    assert answer.status == 422
    assert "no UTF-8" in await answer.text()


async def test_an_endless_prompt_is_refused_in_place(client, stage):
    project = await stage.project()
    status, _, text = await send(client, f"/projects/{project.id}/tasks", prompt="x" * 1_000_000)
    assert (status, "more than 200,000" in text) == (422, True)
    headers = {**HTMX, "X-CSRF-Token": await token_of(client), "Content-Type": "application/x-www-form-urlencoded"}
    answer = await client.post(
        f"/projects/{project.id}/tasks", data=BytesIO(b"prompt=" + b"x" * 3_000_000), headers=headers
    )
    assert (answer.status, (await answer.text())[:17]) == (413, '<p class="wrong">')


async def test_names_and_output_that_turn_text_around_are_named(client, stage):
    stage.scm.files = {FileChange(path="\u202egpj.exe\x1b", status="modified", added=1, deleted=1): ""}
    run = await stage.review(await stage.task(await stage.project()), output=("all \u202e passed",))
    text = await read(client, f"/runs/{run.id}")
    assert "\u202e" not in text
    assert text.count('<span class="odd">U+202E</span>') == 2
    assert '<span class="odd">U+001B</span>' in text


async def test_why_a_run_failed_is_said_once(client, stage):
    run = await stage.working(await stage.task(await stage.project()))
    reason = Reason.NOTHING_CHANGED
    await stage.forge.coordinator.report(run.id, 1, state=RunState.FAILED, reason=reason, detail=ADVICE[reason])
    assert (await read(client, f"/runs/{run.id}")).count(ADVICE[reason]) == 1


async def test_the_state_that_moves_stands_only_where_it_is_kept_up_to_date(client, stage):
    first = await stage.review(await stage.task(await stage.project()))
    await send(client, f"/runs/{first.id}/review", verdict="send_back", comment="Add a test")
    [second, _] = await stage.forge.runs.list(stage.who, task_id=first.task_id)
    text = await read(client, f"/runs/{second.id}")
    assert "Sent back" in text
    assert text.count(">Queued<") == 1
