"""The live log in a browser: long, cut off, hostile, and in words."""

from __future__ import annotations

import pytest
from web_browsing import live_run, until

from codeforge import AgentEvent, FileChange, Kind
from codeforge.events import log, ran, said

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("pages")]
sync_api = pytest.importorskip("playwright.sync_api")
expect = sync_api.expect
NASTY = "<img src=x onerror=alert(1)>"
COUNT = "document.querySelector('cf-log').lines.length"
MEASURE = """window.__long = [];
  new PerformanceObserver(list => window.__long.push(...list.getEntries().map(e => e.duration)))
  .observe({type: 'longtask', buffered: true});"""
TOLD = {
    Kind.RAN: {"command": "make", "exit": None},
    Kind.EDITED: {"path": "a.py"},
    Kind.ASKED: {"question": "why?"},
    Kind.USAGE: {"prompt_tokens": 3, "completion_tokens": 2, "cached_tokens": 0, "cost_micro": None},
    Kind.STUCK: {"why": "again"},
    Kind.ENDED: {"outcome": "failed", "reason": "bad_output", "detail": "no edit"},
    Kind.STATE: {"state": "sent_back"},
    Kind.MESSAGE: {"text": "hi", "by": "eve"},
    Kind.CHECKED: {"command": "t", "exit": 2, "seconds": 1},
    Kind.DELIVERED: {"branch": "main", "commit": "abc"},
    Kind.CHANGE: {"base": "b", "head": "h", "files": 1, "added": 2, "deleted": 3},
    Kind.REVIEW: {"verdict": "send_back", "comment": "no", "by": "eve"},
}


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_hundred_thousand_lines_stay_smooth(page, server):
    stage, run = server.stage, server.do(live_run(server.stage))
    page.add_init_script(MEASURE)
    page.goto(f"/runs/{run.id}")
    text = "\x1b[32mINFO\x1b[0m tool=bash exit=0 some output of ordinary length here, number"

    async def feed():
        for start in range(0, 100_000, 1000):
            await stage.say(run, *[log(f"{text} {n}") for n in range(start, start + 1000)])

    server.do(feed())
    until(page, COUNT, 100_003, 90)
    expect(page.locator("cf-log li").last).to_contain_text("number 99999")
    page.wait_for_timeout(300)
    seen = page.evaluate("({worst: Math.max(0, ...window.__long), nodes: document.querySelectorAll('*').length})")
    print(seen)
    assert seen["nodes"] < 600
    assert seen["worst"] < 1000
    page.get_by_role("searchbox").fill("number 54321")
    expect(page.locator("cf-log li.hit")).to_contain_text("number 54321")
    expect(page.get_by_role("button", name="Follow")).to_have_attribute("aria-pressed", "false")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Follow").click()
    expect(page.locator("cf-log li").last).to_contain_text("number 99999")


def test_a_reader_who_scrolled_up_stays_there(page, server):
    stage, run = server.stage, server.do(live_run(server.stage))
    server.do(stage.say(run, *[said(f"line {n}") for n in range(500)]))
    page.goto(f"/runs/{run.id}")
    expect(page.locator("cf-log li").last).to_have_text("line 499")
    page.locator(".log-box").hover()
    page.mouse.wheel(0, -4000)
    expect(page.get_by_role("button", name="Follow")).to_have_attribute("aria-pressed", "false")
    top = page.evaluate("document.querySelector('.log-box').scrollTop")
    server.do(stage.say(run, *[said(f"more {n}") for n in range(200)]))
    until(page, COUNT, 703)
    assert page.evaluate("document.querySelector('.log-box').scrollTop") == top


def test_a_reader_misses_no_line_when_the_server_is_restarted(page, server):
    page.expected += ["WebSocket", "ERR_", "Failed to load", "Failed to fetch"]
    run = server.do(live_run(server.stage))
    page.goto(f"/runs/{run.id}")
    server.do(server.stage.say(run, *[said(f"line {n}") for n in range(2500)]))
    until(page, COUNT, 2503)
    for again in range(1, 3):
        server.stop()
        expect(page.locator("[data-part=connection]")).to_contain_text("Not connected")
        server.start()
        server.do(server.stage.say(run, *[said(f"line {n}") for n in range(2500 * again, 2500 * (again + 1))]))
        until(page, COUNT, 2503 + 2500 * again)
    expect(page.locator("[data-part=connection]")).to_have_text("")
    told = page.evaluate("document.querySelector('cf-log').lines.map(line => line.text)")
    assert told[3:] == [f"line {n}" for n in range(7500)]


def test_long_lines_are_broken_and_colours_shown(page, server):
    stage, run = server.stage, server.do(live_run(server.stage))
    words = " ".join(f"word{n}" for n in range(200))
    server.do(stage.say(run, said(words), log("\x1b[1;31mred\x1b[0m plain"), ran("pytest", 1), said("two\nlines")))
    page.goto(f"/runs/{run.id}")
    expect(page.locator("cf-log li span.bold.ink1")).to_have_text("red")
    expect(page.locator("cf-log li").last).to_have_text("lines")
    wide = "[...document.querySelectorAll('.log-box li')].every(row => row.scrollWidth <= row.clientWidth)"
    assert page.evaluate(wide)
    rows = page.locator("cf-log li.k-said").all_inner_texts()
    assert " ".join(row.strip() for row in rows[:-2]) == words
    page.set_viewport_size({"width": 380, "height": 800})
    until(page, wide, True)


def test_what_agents_say_and_change_stays_text(page, server):
    stage = server.stage
    diff = f"--- a/x\n+++ b/x\n@@ -0,0 +1 @@\n+{NASTY}\n"
    stage.scm.files = {FileChange(path=f"a/{NASTY}.html", status="added", added=1, deleted=0): diff}
    run = server.do(stage.task(server.do(stage.project(check=NASTY)), NASTY))
    run = server.do(stage.review(run, exit=1, output=(NASTY,)))
    page.goto(f"/runs/{run.id}")
    expect(page.locator("table.diff")).to_contain_text(NASTY)
    expect(page.locator("cf-log li").filter(has_text=NASTY).first).to_be_visible()
    expect(page.locator("h1")).to_have_text(NASTY)
    page.get_by_role("searchbox").fill("<img")
    assert page.locator("main img").count() == 0


def test_every_kind_of_event_reads_as_words(page, server):
    run = server.do(live_run(server.stage))
    server.do(server.stage.say(run, *[AgentEvent(kind, TOLD.get(kind, {"text": "words"})) for kind in Kind]))
    page.goto(f"/runs/{run.id}")
    until(page, COUNT, 3 + len(Kind))
    for text in page.evaluate("document.querySelector('cf-log').lines.map(line => line.text)"):
        assert text.strip()
        assert not {"undefined", "null", "[object", "_"} & set(text.split())
