"""What only a browser can tell of models and money: what happens in place, live, and by the keyboard."""

from __future__ import annotations

import pytest

from codeforge import RunState
from codeforge.llm import Price
from codeforge.testing import axe

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("pages")]
expect = pytest.importorskip("playwright.sync_api").expect
KNOWN = (Price(input=1_000_000, output=1_000_000),)


async def working(stage, **values):
    return await stage.working(await stage.task(await stage.project(), **values))


@pytest.mark.slow
def test_calls_come_onto_the_page_while_the_run_works(page, server):
    stage = server.stage
    run = server.do(working(stage))
    page.goto(f"/runs/{run.id}/calls")
    expect(page.get_by_text("No call yet")).to_be_visible()
    server.do(stage.call(run, cost=1234))
    expect(page.get_by_role("heading", name="1 call")).to_be_visible()
    expect(page.locator("tbody tr")).to_contain_text("$0.0012")
    server.do(stage.call(run, cost=None))
    expect(page.get_by_role("heading", name="2 calls")).to_be_visible()
    server.do(stage.forge.coordinator.report(run.id, 1, state=RunState.STOPPED))
    expect(page.get_by_text("Under way")).to_be_hidden()
    assert axe(page) == []


def test_a_budget_is_raised_in_place_and_the_run_goes_on(page, server):
    stage = server.stage
    run = server.do(working(stage, max_cost_micro=100_000))
    given = {"provider": "openai", "model": "gpt-5-mini", "run_id": run.id, "known": KNOWN}
    page.goto(f"/runs/{run.id}")

    async def refused():
        with pytest.raises(Exception, match="budget"):
            await stage.forge.calls.open(run.tenant_id, prompt_tokens=500_000, completion_tokens=1, **given)
        await stage.forge.coordinator.report(run.id, 1, state=RunState.QUEUED, worked=1.0)

    server.do(refused())
    expect(page.get_by_role("heading", name="It waits for its budget")).to_be_visible()
    expect(page.locator("#now .state")).to_have_text("Waiting")
    assert axe(page) == []
    page.expected = ["422"]
    page.get_by_label("This run, dollars in all").fill("0.2")
    page.get_by_role("button", name="Raise and go on").click()
    expect(page.get_by_text("give at least $0.50")).to_be_visible()
    page.get_by_label("This run, dollars in all").fill("0.6")
    page.get_by_role("button", name="Raise and go on").click()
    expect(page.locator("#now .state")).to_have_text("Queued")
    expect(page.get_by_role("heading", name="It waits for its budget")).to_be_hidden()


def test_the_forecast_follows_the_model_that_is_chosen(page, server):
    stage = server.stage

    async def history():
        project = await stage.project()
        for cost in (100_000, 200_000, 300_000):
            await stage.call(await stage.review(await stage.task(project, model="ollama/qwen3-coder")), cost=cost)
        return project

    project = server.do(history())
    page.goto(f"/projects/{project.id}")
    expect(page.locator(".estimate")).to_contain_text(
        "No forecast yet: 0 finished runs of aider with openai/gpt-5-mini"
    )
    page.get_by_label("What is to be done?").fill("mend it")
    page.get_by_label("Model").select_option("ollama/qwen3-coder")
    expect(page.locator(".estimate")).to_contain_text("By 3 finished runs")
    expect(page.locator(".estimate")).to_contain_text("$0.20")
    assert axe(page) == []
    page.get_by_label("May cost at most").fill("0.5")
    page.get_by_role("button", name="Start").click()
    page.wait_for_url("**/runs/*")
    page.get_by_role("link", name="0 calls").click()
    expect(page.get_by_text("$0.00 of $0.50 spent")).to_be_visible()


def test_a_forecast_after_the_sessions_end_does_not_take_what_was_written(page, server):
    page.expected = ["401"]
    project = server.do(server.stage.project())
    page.goto(f"/projects/{project.id}")
    page.locator("#prompt").fill("A long prompt")
    page.context.clear_cookies()
    page.get_by_label("Model").select_option("ollama/qwen3-coder")
    expect(page.get_by_text("You are signed out: copy what you wrote")).to_be_visible()
    expect(page.locator("#prompt")).to_have_value("A long prompt")


def test_budgets_and_aliases_are_set_by_the_keyboard_alone(page, server):
    stage = server.stage
    page.goto("/costs/budgets")
    page.keyboard.press("n")
    expect(page.get_by_label("Of", exact=True)).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.type("20")
    page.keyboard.press("Enter")
    expect(page.get_by_text("$0.00 of $20.00 spent")).to_be_visible()
    page.goto("/models/aliases")
    page.keyboard.press("n")
    page.keyboard.type("fast")
    page.get_by_role("combobox", name="Model 1").focus()
    page.keyboard.type("openai/gpt-5-mini")
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="fast")).to_be_visible()
    assert server.do(stage.forge.aliases.list(stage.who.tenant_id)) == {"fast": "openai/gpt-5-mini"}


def test_a_provider_is_tested_before_it_is_kept(page, server):
    stage = server.stage
    page.goto("/models")
    page.keyboard.press("n")
    page.wait_for_url("**/models/new?kind=openai")
    page.expected = ["422"]
    page.get_by_role("textbox", name="Key").fill("sk-wrong")
    page.get_by_role("button", name="Test and save").click()
    expect(page.get_by_text("openai refuses this key: copy it again.")).to_be_visible()
    assert axe(page) == []
    assert server.do(stage.forge.providers.list(stage.who.tenant_id)) == []
    page.get_by_role("textbox", name="Key").fill("sk-right")
    page.get_by_role("button", name="Test and save").click()
    page.wait_for_url("**/models/providers/openai")
    page.get_by_role("button", name="Ask it now").click()
    expect(page.get_by_text("takes its key and has 3 models")).to_be_visible()
    page.get_by_role("button", name="Remove provider").click()
    page.wait_for_url("**/models")
    expect(page.get_by_text("No provider yet")).to_be_visible()


def test_the_costs_are_read_without_scripts(browser, server):
    stage = server.stage

    async def spent():
        await stage.call(await working(stage), cost=2_500_000)
        return await stage.forge.accounts.link()

    link = server.do(spent())
    with browser.new_context(base_url=server.url, java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(f"/signin?token={link}")
        page.get_by_role("button", name="Sign in").click()
        page.goto("/costs")
        page.get_by_label("By", exact=True).select_option("model")
        page.get_by_role("button", name="Show").click()
        expect(page.locator("tbody tr")).to_contain_text("$2.50")
