"""Everything on every page can be read by everybody: in light and dark, on desktop and phone."""

from __future__ import annotations

import pytest
from web_browsing import live_task, until
from web_scenes import everything

from codeforge.testing import axe

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("pages")]
sync_api = pytest.importorskip("playwright.sync_api")
expect = sync_api.expect
NAMES = [
    "projects",
    "project",
    "project-empty",
    "settings",
    "task",
    "run-review",
    "run-check-failed",
    "run-accepted",
    "run-live",
    "run-failed",
    "run-waiting",
    "calls",
    "call",
    "queue",
    "schedules",
    "models",
    "provider",
    "provider-new",
    "prices",
    "aliases",
    "alias",
    "costs",
    "budgets",
    "costs-by-model",
    "plugins",
    "agents",
    "workers",
    "tokens",
    "api",
    "signin",
]


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 380])
@pytest.mark.timeout(400)
def test_every_page_is_accessible_and_fits(page, server, scheme, width):
    paths, found = server.do(everything(server.stage)), []
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    page.set_viewport_size({"width": width, "height": 900})
    for name in NAMES:
        page.goto(paths[name])
        closed = page.locator("main details:not([open]) > summary")
        for _ in range(4):
            if closed.count():
                closed.first.click()
        page.wait_for_timeout(250)
        found += [f"{name}: {rule}" for rule in axe(page)]
        if (over := page.evaluate("document.documentElement.scrollWidth - innerWidth")) > 0:
            found.append(f"{name}: {over} px wider than the window")
    assert not found, "\n".join(found)


def test_dialogs_and_errors_are_accessible(page, server):
    page.expected.append("status of 422")
    run = server.do(server.stage.review(server.do(live_task(server.stage))))
    page.goto(f"/runs/{run.id}")
    dialog = page.locator("dialog[open]")
    for key in ("a", "?"):
        for _ in range(50):  # a key that comes before the page listens is lost
            page.keyboard.press(key)
            page.wait_for_timeout(100)
            if dialog.count():
                break
        expect(dialog).to_be_visible()
        assert axe(page) == []
        page.keyboard.press("Escape")
    page.get_by_label("What is to be better?").fill(" ")
    page.get_by_role("button", name="Send back").click()
    expect(page.locator(".wrong")).to_be_visible()
    page.get_by_role("searchbox").fill("review")
    expect(page.locator("cf-log li.hit")).to_be_visible()
    assert axe(page) == []


def test_long_names_break_on_a_phone(page, server):
    project = server.do(server.stage.project(name="y" * 200, check="c" * 300))
    run = server.do(server.stage.task(project, "t" * 200))
    page.set_viewport_size({"width": 390, "height": 800})
    for address in (f"/projects/{project.id}", "/projects", f"/projects/{project.id}/settings", f"/runs/{run.id}"):
        page.goto(address)
        until(page, "document.documentElement.scrollWidth", 390)
    page.goto("/projects")
    assert page.locator("[data-row]").bounding_box()["width"] < 390
