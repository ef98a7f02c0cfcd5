"""The whole product as a person meets it: the printed link, a browser, the real Aider, a merged commit."""

import os
import re
import subprocess
import sys

import pytest

from codeforge.testing import agents_dir, announce, axe, git, new_repository, open_browser, watched_page

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("aider")]


@pytest.fixture
def up(tmp_path):
    """Start `codeforge up` with these arguments; gives the sign-in link that it prints."""
    plugins = announce(tmp_path / "plugins", "stand_ins", "codeforge.testing.stand_ins:stand_ins")
    settings = {"DATA_DIR": str(tmp_path / "data"), "AGENTS_DIR": str(agents_dir()), "PORT": "0"}
    env = {**os.environ, "PYTHONPATH": str(plugins), **{f"CODEFORGE_{name}": value for name, value in settings.items()}}
    started = []

    def start(*arguments: str) -> str:
        command = [sys.executable, "-m", "codeforge", "up", *arguments]
        server = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        started.append(server)
        return re.search(r"http://\S+", server.stdout.readline())[0]

    yield start
    for server in started:
        server.terminate()
        assert server.wait(30) == 0
        server.stdout.close()


@pytest.fixture(params=["light", pytest.param("dark", marks=pytest.mark.slow)])
def page_of(request):
    """Open a signed-in page from a link; everything that goes wrong on it fails the test."""
    with open_browser() as browser:
        seen = []

        def open_page(link: str):
            entered = watched_page(browser, link.split("/signin", maxsplit=1)[0], color_scheme=request.param)
            page, wrong = entered.__enter__()
            seen.append((entered, wrong))
            page.goto(link)
            page.get_by_role("button", name="Sign in").click()
            page.wait_for_url("**/projects")
            return page

        yield open_page
        for entered, wrong in seen:
            entered.__exit__(None, None, None)
            assert wrong == []


def accept(page, strategy: str) -> None:
    page.get_by_role("button", name="Accept", exact=True).click()
    page.get_by_role("radio", name=strategy).check()
    page.get_by_role("button", name="Accept into main").click()
    page.locator("#now .state", has_text="Accepted").wait_for(timeout=60_000)


def test_the_demo_waits_for_review_and_accepting_merges_it(up, page_of, tmp_path):
    page = page_of(up("--demo"))
    page.get_by_role("link", name="intervals-1").click()
    page.get_by_role("link", name="Fix merge() for touching intervals").click()
    page.locator("#now .state", has_text="Waiting for review").wait_for(timeout=60_000)
    assert page.get_by_text("replay/demo").first.is_visible()
    assert page.get_by_text(re.compile("script", re.IGNORECASE)).first.is_visible()
    page.get_by_text("max(merged[-1][1], last)").first.wait_for()
    assert axe(page) == []
    accept(page, "Squash")
    sample = tmp_path / "data" / "demo" / "intervals-1"
    assert git(sample, "log", "-1", "--format=%s") == "Fix merge() for touching intervals"
    subprocess.run([sys.executable, "-m", "unittest", "-q"], cwd=sample, check=True, capture_output=True)


def test_a_run_is_paused_and_resumed_and_goes_on_from_its_work(up, page_of, tmp_path):
    repository, gate = new_repository(tmp_path / "shop"), tmp_path / "gate"
    page = page_of(up())
    page.get_by_label("Repository").press_sequentially(str(repository))
    page.get_by_text("Changes go to main").wait_for()
    page.get_by_text("More settings").click()
    page.get_by_label("Agent").select_option("shell")
    page.get_by_role("button", name="Add project").click()
    script = f"echo once >> b.txt; echo at work; until [ -e {gate} ]; do sleep 0.05; done"
    page.get_by_label("What is to be done?").fill(script)
    page.get_by_role("button", name="Start").click()
    page.wait_for_url("**/runs/*")
    page.locator("cf-log").get_by_text("at work", exact=True).wait_for()
    page.get_by_role("button", name="Pause", exact=True).click()
    page.locator("#now .state", has_text="Paused").wait_for()
    page.get_by_text("1 changed file").wait_for()
    assert axe(page) == []
    gate.touch()
    page.get_by_role("button", name="Resume").click()
    page.locator("#now .state", has_text="Waiting for review").wait_for()
    page.locator("#results").get_by_text("+2").first.wait_for()


@pytest.mark.slow
def test_a_person_adds_a_project_by_path_sees_lines_arrive_reads_the_diff_and_accepts(up, page_of, tmp_path):
    repository, gate = new_repository(tmp_path / "shop"), tmp_path / "gate"
    page = page_of(up())
    page.get_by_label("Repository").press_sequentially(str(repository))
    page.get_by_text("Changes go to main").wait_for()
    page.get_by_label("Check").fill("grep -q sold b.txt")
    page.get_by_text("More settings").click()
    page.get_by_label("Agent").select_option("shell")
    page.get_by_role("button", name="Add project").click()
    script = f"echo sold > b.txt; echo first line; until [ -e {gate} ]; do sleep 0.05; done; echo last line"
    page.get_by_label("What is to be done?").fill(script)
    page.get_by_role("button", name="Start").click()
    page.wait_for_url("**/runs/*")
    log = page.locator("cf-log")
    log.get_by_text("first line", exact=True).wait_for()
    assert log.get_by_text("last line", exact=True).count() == 0
    gate.touch()
    log.get_by_text("last line", exact=True).wait_for()
    page.locator("#now .state", has_text="Waiting for review").wait_for()
    page.get_by_text("sold", exact=True).first.wait_for()
    assert axe(page) == []
    accept(page, "Fast-forward")
    assert (repository / "b.txt").read_text() == "sold\n"
