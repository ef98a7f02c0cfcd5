"""What only a browser can tell: keys, what happens in place, and what is not lost."""

from __future__ import annotations

from contextlib import suppress

import pytest
from web_browsing import live_run, live_task
from web_stage import BASE, HEAD, MissingAgent

from codeforge import AgentEvent, Change, Kind, RunState
from codeforge.testing import axe

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("pages")]
sync_api = pytest.importorskip("playwright.sync_api")
expect = sync_api.expect


def test_a_person_adds_a_project_starts_a_task_reads_the_diff_and_accepts(page, server):
    page.get_by_label("Repository").press_sequentially("/repos/sta")
    page.get_by_text("Changes go to main, one of 2 branches").wait_for()
    page.get_by_label("Check").fill("pytest -q")
    page.get_by_role("button", name="Add project").click()
    page.get_by_label("What is to be done?").fill("Make mean([]) raise a ValueError")
    page.get_by_role("button", name="Start").click()
    page.wait_for_url("**/runs/*")
    stage, run_id = server.stage, page.url.rpartition("/")[2]
    run = server.do(stage.forge.runs.get(stage.who, run_id))
    expect(page.locator("#now .state")).to_have_text("Queued")
    server.do(stage.review(run))
    expect(page.locator("#now .state")).to_have_text("Waiting for review")
    expect(page).to_have_title("Waiting for review: Make mean([]) raise a ValueError · CodeForge")
    expect(page.locator("cf-log li").filter(has_text="4 passed in 0.12s")).to_be_visible()
    expect(page.get_by_text('raise ValueError("mean of nothing")')).to_be_visible()
    page.get_by_role("button", name="Accept", exact=True).click()
    page.get_by_role("radio", name="Squash").check()
    page.get_by_role("button", name="Accept into main").click()
    expect(page.locator("#now .state")).to_have_text("Accepted")
    assert stage.scm.delivered == ["squash"]


def test_what_is_wrong_is_said_beside_the_form(page, server):
    page.expected.append("status of 422")
    page.get_by_label("Repository").fill("/nowhere")
    page.get_by_role("button", name="Add project").click()
    expect(page.locator("form [role=alert]")).to_have_text(
        "/nowhere is no Git repository: give the path of one, or its address."
    )
    assert page.get_by_label("Repository").input_value() == "/nowhere"


def test_lists_keep_themselves_up_to_date(page, server):
    stage = server.stage
    project = server.do(stage.project())
    page.goto(f"/projects/{project.id}")
    run = server.do(stage.task(project, "write the docs"))
    row = page.locator("#tasks li").filter(has_text="write the docs")
    expect(row.locator(".state")).to_have_text("Queued")
    server.do(stage.working(run))
    expect(row.locator(".state")).to_have_text("Working")
    expect(row).to_contain_text("just now")


def test_a_message_reaches_the_run_and_the_field_is_empty_again(page, server):
    run = server.do(live_run(server.stage))
    page.goto(f"/runs/{run.id}")
    page.get_by_label("To aider").fill("mind the names")
    page.get_by_role("button", name="Send").click()
    expect(page.locator("cf-log li").filter(has_text="admin: mind the names")).to_be_visible()
    expect(page.get_by_label("To aider")).to_have_value("")


def test_words_under_way_survive_news_of_the_run(page, server):
    stage, run = server.stage, server.do(live_run(server.stage))
    page.goto(f"/runs/{run.id}")
    page.get_by_label("To aider").fill("half a sent")
    server.do(stage.call(run))
    server.do(stage.say(run, AgentEvent(Kind.USAGE, {"prompt_tokens": 1, "completion_tokens": 1, "cost_micro": None})))
    expect(page.locator("#now")).to_contain_text("2,048 in")
    expect(page.get_by_label("To aider")).to_have_value("half a sent")


def test_stop_asks_first_and_says_that_it_is_stopping(page, server):
    run = server.do(live_run(server.stage))
    page.goto(f"/runs/{run.id}")
    page.get_by_role("button", name="Stop the run").click()
    expect(page.get_by_text("what it did so far is being kept")).to_be_visible()
    expect(page.locator("#now")).to_contain_text("stopping")


def test_a_run_is_paused_and_resumed_in_place_and_every_watcher_sees_it(page, server):
    stage, run = server.stage, server.do(live_run(server.stage))
    page.goto(f"/runs/{run.id}")
    page.get_by_role("button", name="Pause", exact=True).click()
    expect(page.locator("#now")).to_contain_text("pausing")
    expect(page.get_by_role("button", name="Do not pause")).to_be_visible()
    assert axe(page) == []
    change = Change(base=BASE, head=HEAD, files=3, added=7, deleted=1)
    server.do(stage.forge.coordinator.report(run.id, 1, state=RunState.PAUSED, change=change, worked=61.0))
    expect(page.locator("#now .state")).to_have_text("Paused")
    expect(page.locator("#results")).to_contain_text("3 changed files")
    assert axe(page) == []
    page.get_by_role("button", name="Resume").click()
    expect(page.locator("#now .state")).to_have_text("Queued")
    expect(page.get_by_role("button", name="Pause", exact=True)).to_be_visible()
    server.do(stage.forge.runs.pause(stage.who, run.id))  # somebody else
    expect(page.get_by_role("button", name="Resume")).to_be_visible()


def test_a_token_is_shown_once(page):
    page.goto("/tokens")
    page.get_by_label("Name").fill("ci")
    page.get_by_role("button", name="Make token").click()
    assert page.locator(".secret").inner_text().startswith("cftok_")
    expect(page.locator("#tokens")).to_contain_text("1 token")
    page.reload()
    expect(page.locator(".secret")).to_have_count(0)
    page.get_by_role("button", name="Revoke ci").click()
    expect(page.locator("#tokens")).to_contain_text("No token yet")


def test_a_worker_is_registered_seen_to_come_and_go_drained_and_revoked(page, server):
    stage = server.stage
    page.goto("/workers")
    expect(page.locator("#workers")).to_contain_text("No worker yet")
    page.get_by_label("Name").fill("build-1")
    page.get_by_label("Labels").fill("gpu, linux")
    page.get_by_role("button", name="Register worker").click()
    expect(page.locator(".secret").last).to_contain_text(f"codeforge worker --server {server.url}")
    row = page.locator("#workers li").filter(has_text="build-1")
    expect(row.locator(".state")).to_have_text("Never started")
    expect(row).to_contain_text("labels gpu, linux")
    assert axe(page) == []
    [worker] = server.do(stage.forge.workers.list(stage.who))
    server.do(stage.forge.workers.hello(worker.id, host="lab", version="0.1.0", agents=["aider"], slots=2))
    expect(row.locator(".state")).to_have_text("Ready")
    expect(row).to_contain_text("0 of 2 slots taken")
    page.get_by_role("button", name="Drain build-1").click()
    expect(row.locator(".state")).to_have_text("Draining")
    page.get_by_role("button", name="Let build-1 take runs again").click()
    expect(row.locator(".state")).to_have_text("Ready")
    expect(page.locator(".secret")).to_have_count(0)
    page.get_by_role("button", name="Revoke build-1").click()
    expect(page.locator("#workers")).to_contain_text("No worker yet")


def test_who_is_signed_out_elsewhere_is_sent_to_sign_in(page, server):
    page.expected.append("status of 401")
    page.goto("/projects")
    page.get_by_label("Repository").fill("/repos/x")
    page.context.clear_cookies()
    with suppress(sync_api.Error):  # a list that keeps itself up to date may have sent the page there already
        page.get_by_role("button", name="Add project").click(timeout=2000)
    page.wait_for_url("**/signin?next=%2Fprojects")


def test_the_keyboard_alone_is_enough(page, server):
    stage = server.stage
    for name in ("alpha", "beta"):
        project = server.do(stage.project(name))
    run = server.do(stage.review(server.do(stage.task(project))))
    page.goto("/projects")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(page.get_by_role("link", name="beta")).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/projects/{project.id}")
    page.keyboard.press("n")
    expect(page.get_by_label("What is to be done?")).to_be_focused()
    page.keyboard.type("a?jk")
    expect(page.get_by_label("What is to be done?")).to_have_value("a?jk")
    page.goto(f"/runs/{run.id}")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("Send back with a comment")
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.press("Escape")
    page.locator("h1").click()
    page.keyboard.press("a")
    expect(page.get_by_role("dialog", name="Accept into main?")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("b")
    expect(page.get_by_label("What is to be better?")).to_be_focused()


def test_a_page_tells_that_the_server_is_gone_and_forgets_it_when_it_is_back(page, server):
    page.expected += ["ERR_", "Failed to load", "Failed to fetch"]
    page.goto("/costs")
    strip = page.locator("#trouble p")
    expect(strip).to_have_count(0)
    server.stop()
    expect(strip).to_have_text("The server does not answer: this page goes on by itself when it does.", timeout=10_000)
    assert axe(page) == []
    server.start()
    expect(strip).to_have_count(0, timeout=10_000)
    expect(page.locator("#notice")).to_be_empty()


def test_words_being_written_go_over_to_the_next_form_when_the_run_moves_on(page, server):
    stage = server.stage
    run = server.do(live_run(stage))
    page.goto(f"/runs/{run.id}")
    page.locator("#text").fill("Keep the old name")
    server.do(stage.forge.coordinator.report(run.id, 1, state=RunState.CHECKING))
    expect(page.locator("#now .state")).to_have_text("Checking")
    change = Change(base=BASE, head=HEAD, files=1, added=1, deleted=1)
    server.do(stage.forge.coordinator.report(run.id, 1, state=RunState.REVIEW, change=change))
    expect(page.locator("#comment")).to_have_value("Keep the old name")


def test_a_session_that_ended_does_not_take_what_was_written(page, server):
    page.expected = ["401"]
    project = server.do(server.stage.project())
    page.goto(f"/projects/{project.id}")
    page.locator("#prompt").fill("A long prompt")
    page.context.clear_cookies()
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_text("You are signed out: copy what you wrote")).to_be_visible()
    expect(page.locator("#prompt")).to_have_value("A long prompt")


def test_the_queue_keeps_itself_up_to_date_and_schedules_are_made_in_place(page, server):
    first = server.do(live_task(server.stage))
    page.goto("/queue")
    expect(page.get_by_role("heading", name="1 run waiting")).to_be_visible()

    async def more():
        await server.stage.forge.runs.start(server.stage.who, first.task_id)

    server.do(more())
    expect(page.get_by_role("heading", name="2 runs waiting")).to_be_visible()
    server.do(server.stage.working(first))
    expect(page.get_by_role("heading", name="1 run waiting")).to_be_visible()
    page.get_by_role("link", name="Schedules").click()
    page.get_by_label("Name").fill("nightly")
    page.get_by_label("When").fill("0 25 * * *")
    page.get_by_label("What is to be done?").fill("Update")
    page.expected = ["422"]
    page.get_by_role("button", name="Add schedule").click()
    expect(page.get_by_text("look at its hour")).to_be_visible()
    page.get_by_label("When").fill("0 3 * * *")
    page.get_by_role("button", name="Add schedule").click()
    expect(page.get_by_role("button", name="Switch nightly off")).to_be_visible()
    page.get_by_role("button", name="Switch nightly off").click()
    expect(page.get_by_role("button", name="Switch nightly on")).to_be_visible()


def test_a_run_that_waits_tells_when_its_reason_changes(page, server):
    server.do(server.stage.hello())
    run = server.do(live_task(server.stage))

    async def limit(number):
        await server.stage.forge.projects.edit(server.stage.who, run.project_id, max_runs=number)

    server.do(limit(0))
    page.goto(f"/runs/{run.id}")
    expect(page.get_by_text("The project is at its limit of 0 runs.")).to_be_visible()
    server.do(limit(None))
    expect(page.get_by_text("Waits for a free worker.")).to_be_visible(timeout=15_000)
    server.do(server.stage.working(run))
    expect(page.get_by_text("Waits for a free worker.")).to_be_hidden()


@pytest.mark.slow
def test_an_agent_is_installed_from_its_page_and_stopped_there(page, server):
    stage = server.stage
    agent = stage.forge.offers.agents["swe"] = MissingAgent()
    server.do(stage.lodge())
    project = server.do(stage.project())
    page.goto(f"/projects/{project.id}")
    page.get_by_label("Agent").select_option("swe")
    expect(page.get_by_text("Its first run installs it")).to_be_visible()
    page.get_by_role("link", name="See all agents").click()
    row = page.locator("#agent-swe")
    row.get_by_role("button", name="Install swe").click()
    expect(row.get_by_text("Fetching the packages of swe")).to_be_visible()
    row.get_by_role("button", name="Stop installing swe").click()
    expect(row.get_by_text("The installation was stopped")).to_be_visible()
    row.get_by_text("What it can do").click()
    expect(row.get_by_text("Told when its present turn ends.")).to_be_visible()
    row.get_by_role("button", name="Install swe").click()
    expect(row.locator(".state")).to_have_text("Installing")
    server.do(_set(agent.go))
    expect(row.locator(".state")).to_have_text("Installed")
    expect(row.get_by_role("button")).to_have_count(0)


async def _set(event):
    event.set()
