"""A forge on a real store with a scripted repository, agent and model; a real server; a real Chromium."""

from __future__ import annotations

import asyncio
import shutil
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from codeforge_ui_web.pages import routes

from codeforge import (
    AgentBackend, AgentEvent, AgentJob, Change, Delivery, FileChange, Health, Invalid, Kind, Limits, Llm,
    MergeConflict, Model, Panel, Principal, Project, Reason, RepoInfo, Run, RunState, Scm, Settings,
)  # fmt: skip
from codeforge.forge import Forge, Offers, PluginFact
from codeforge.events import edited, log, ran, said, thought
from codeforge.http import listen, make_app
from codeforge.model import CheckResult
from codeforge.store import Store
from codeforge.testing.ports import free_port

BASE, HEAD = "b" * 40, "c" * 40
NASTY = "<img src=x onerror=alert(1)>"
PYTHON = """diff --git a/src/stats.py b/src/stats.py
--- a/src/stats.py
+++ b/src/stats.py
@@ -1,7 +1,9 @@ def mean(values):
 \"\"\"Small statistics.\"\"\"


 def mean(values):
-    return sum(values) / len(values) - 1
+    if not values:
+        raise ValueError("mean of nothing")
+    return sum(values) / len(values)


 def spread(values):
"""
TESTS = """diff --git a/tests/test_stats.py b/tests/test_stats.py
--- a/tests/test_stats.py
+++ b/tests/test_stats.py
@@ -3,3 +3,7 @@ import pytest

 def test_mean_of_three_numbers():
     assert mean([1, 2, 3]) == 2
+
+def test_mean_of_nothing_is_refused():
+    with pytest.raises(ValueError):
+        mean([])
"""
CHANGES: dict[FileChange, str] = {
    FileChange(path="src/stats.py", status="modified", added=3, deleted=1): PYTHON,
    FileChange(path="tests/test_stats.py", status="modified", added=4, deleted=0): TESTS,
    FileChange(path="docs/curve.png", status="added"): "Binary files /dev/null and b/docs/curve.png differ\n",
}


class ScriptedScm(Scm):
    """Repositories by path: those under /repos are there; a change is what the test says."""

    name = "git"

    def __init__(self) -> None:
        self.files = dict(CHANGES)
        self.conflict: list[str] = []
        self.delivered: list[str] = []

    def handles(self, url: str) -> bool:
        return True

    async def inspect(self, url: str) -> RepoInfo:
        if not url.startswith("/repos/"):
            raise Invalid(f"{url} is no Git repository: give the path of one, or its address.", field="url")
        dirty = ("notes.txt",) if url.endswith("dirty") else ()
        return RepoInfo(url=url, branch="main", branches=("main", "next"), head="a1b2c3d4e5" * 4, dirty=dirty)

    async def prepare(self, *_: Any, **__: Any) -> Any: ...

    async def reopen(self, *_: Any) -> Any: ...

    async def changes(self, project: Project, base: str, head: str) -> list[FileChange]:
        return list(self.files)

    async def diff(self, project: Project, base: str, head: str, path: str | None = None) -> str:
        return "".join(text for file, text in self.files.items() if path in (None, file.path))

    async def deliver(self, project: Project, change: Change, **how: Any) -> Delivery:
        if self.conflict:
            raise MergeConflict(f"{project.branch} moved and {self.conflict[0]} conflicts.", self.conflict)
        self.delivered.append(how["strategy"])
        return Delivery(branch=project.branch, commit="d" * 40)

    async def forget(self, project: Project) -> None: ...


class ScriptedAgent(AgentBackend):
    """Never run here: tests report what it would have."""

    name = "aider"

    async def check(self) -> Health:
        return Health(name=self.name, ok=True, detail="Installed in an environment of its own.", version="0.86.2")

    def run(self, job: AgentJob) -> AsyncIterator[AgentEvent]:
        raise NotImplementedError


class BrokenAgent(ScriptedAgent):
    name = "openhands"

    async def check(self) -> Health:
        raise RuntimeError("its command is not on PATH")


class ScriptedLlm(Llm):
    name = "scripted"

    async def models(self, tenant_id: str) -> list[Model]:
        note = "Scripted: answers come from a recording, no model is called."
        return [
            Model(name="openai/gpt-5-mini", provider="openai", window=400_000, input_price=250_000, output_price=2_000_000),
            Model(name="ollama/qwen3-coder", provider="ollama", window=262_144),
            Model(name="replay/fix-mean", provider="replay", note=note),
        ]


class Stage:
    """A forge and what happens on it: runs are put into any state through the workers' own door."""

    def __init__(self, forge: Forge, who: Principal, scm: ScriptedScm) -> None:
        self.forge, self.who, self.scm = forge, who, scm

    async def project(self, folder: str = "stats", **values: Any) -> Project:
        values = {"check": "pytest -q", "model": "openai/gpt-5-mini", "limits": Limits(), **values}
        return await self.forge.projects.add(self.who, f"/repos/{folder}", **values)

    async def task(self, project: Project, prompt: str = "Make mean([]) raise a ValueError", **values: Any) -> Run:
        _, run = await self.forge.tasks.submit(self.who, project.id, prompt, **values)
        assert run
        return run

    async def working(self, run: Run) -> Run:
        """Claim runs until this one is at work."""
        while (assignment := await self.forge.coordinator.claim("worker-1")) and assignment.run.id != run.id:
            pass
        await self.forge.coordinator.report(run.id, 1, state=RunState.WORKING, base=BASE)
        return await self.forge.runs.get(self.who, run.id)

    async def say(self, run: Run, *events: AgentEvent) -> None:
        await self.forge.coordinator.report(run.id, 1, events)

    async def call(self, run: Run, cost: int | None = 1234, **values: Any) -> None:
        """One model call of the run."""
        await self.forge.calls.record(
            run.tenant_id, provider="openai", model=run.model, status=200, streamed=True, milliseconds=900, counted="reported",
            prompt_tokens=2048, completion_tokens=512, cost_micro=cost, run_id=run.id, project_id=run.project_id, **values,
        )  # fmt: skip

    async def review(self, run: Run, *, exit: int = 0, output: tuple[str, ...] = ("4 passed in 0.12s",)) -> Run:
        """Work on a run until its change waits for review, or has failed its check."""
        run = await self.working(run)
        files = list(self.scm.files)
        counts = {"added": sum(f.added or 0 for f in files), "deleted": sum(f.deleted or 0 for f in files)}
        change, report = Change(base=BASE, head=HEAD, files=len(files), **counts), self.forge.coordinator.report
        await report(run.id, 1, [AgentEvent(Kind.CHANGE, {"base": BASE, "head": HEAD, "files": len(files), **counts})])
        await report(run.id, 1, state=RunState.CHECKING, change=change)
        check = CheckResult(command="pytest -q", exit=exit, seconds=1.4)
        told = [AgentEvent(Kind.CHECK, {"text": line}) for line in output]
        told.append(AgentEvent(Kind.CHECKED, {"command": check.command, "exit": exit, "seconds": 1.4}))
        ended = {"state": RunState.FAILED, "reason": Reason.CHECK_FAILED} if exit else {"state": RunState.REVIEW}
        await report(run.id, 1, told, check=check, **ended)
        return await self.forge.runs.get(self.who, run.id)


async def _panels(run: Run) -> list[Panel]:
    return [Panel(title="Coverage", text=f"81 % {NASTY}", href="/usage"), Panel(title="Bad", href="javascript:alert(1)")]


async def open_stage(stack: AsyncExitStack, settings: Settings) -> Stage:
    """A stage on the settings' data folder, which may hold an earlier one's data."""
    scm, store = ScriptedScm(), await Store.open(settings.data_dir)
    stack.push_async_callback(store.close)
    facts = [
        PluginFact(name="scm_git", distribution="codeforge-scm-git", version="0.1.0", offers=("git repositories",)),
        PluginFact(name="notify", distribution="notify-plugin", version="2.1", broken="ImportError: no module named slack."),
    ]
    offers = Offers(
        agents={"aider": ScriptedAgent(), "openhands": BrokenAgent()}, scms={"git": scm}, llms={"scripted": ScriptedLlm()},
        plugins=facts, choose_scm=lambda url: "git", choose_agent=lambda t, p: t.agent or p.agent,
        choose_model=lambda t, p: t.model or p.model, panels=_panels,
    )  # fmt: skip
    forge = Forge(settings, store, offers)
    return Stage(forge, await forge.accounts.admin(), scm)


async def everything(stage: Stage) -> dict[str, str]:
    """Every page by name, with something on it."""
    project = await stage.project("stats")
    dirty = await stage.project("dirty", name="billing-service")
    await stage.project("website", name="website")
    review = await stage.review(await stage.task(project, "Make mean([]) raise a ValueError\n\nAdd a test for it, and keep the others green."))
    await stage.call(review)
    back = await stage.review(await stage.task(project, "Speed up spread() for long lists"), exit=1, output=("E   assert 3 == 2", "1 failed, 3 passed in 0.20s"))
    await stage.call(back, cost=None)
    accepted = await stage.review(await stage.task(project, "Write a docstring for every public function", model="replay/fix-mean"))
    await stage.call(accepted, cost=0, replayed=True)
    accepted = await stage.forge.reviews.give(stage.who, accepted.id, "accept")
    live = await stage.working(await stage.task(project, "Replace the hand-written parser by tomllib", model="replay/fix-mean"))
    await stage.say(live, log("workspace ready from main at bbbbbbbbbb"), said("I will look at the parser first, then replace it step by step and run the tests after each, so that a failure points at one change."), thought("tomllib is in the standard library since 3.11, so no dependency is needed."), ran("grep -rn 'def parse' src", 0), edited("src/config.py"), log("\x1b[32mPASSED\x1b[0m tests/test_config.py::test_reads_a_table"), log("\x1b[1;31mFAILED\x1b[0m tests/test_config.py::test_says_the_line", "stderr"), AgentEvent(Kind.MESSAGE, {"text": "Keep the old error messages, please.", "by": "admin"}), said("Understood: I keep the messages."), edited("src/config.py"), ran("pytest -q tests/test_config.py", 1))
    await stage.call(live, replayed=True, cost=0)
    failed = await stage.working(await stage.task(dirty, "Upgrade to the new payment API"))
    await stage.say(failed, said("The model does not answer."))
    await stage.forge.coordinator.report(failed.id, 1, state=RunState.FAILED, reason="model_auth", detail="openai answered 401: incorrect API key provided.")
    await stage.task(dirty, "Remove the unused feature flags")
    await stage.forge.providers.set(stage.who, "openai", "openai", secret="sk-1234567890")
    await stage.forge.providers.set(stage.who, "lab", "openai-compatible", base_url="https://models.lab.example/v1")
    await stage.forge.accounts.new_token(stage.who, "ci", ("read", "write"), 90)
    return {
        "projects": "/projects", "project": f"/projects/{project.id}", "project-empty": f"/projects/{(await stage.forge.projects.list(stage.who))[2].id}",
        "settings": f"/projects/{project.id}/settings", "task": f"/tasks/{review.task_id}", "run-review": f"/runs/{review.id}",
        "run-check-failed": f"/runs/{back.id}", "run-accepted": f"/runs/{accepted.id}", "run-live": f"/runs/{live.id}",
        "run-failed": f"/runs/{failed.id}", "models": "/models", "usage": "/usage", "plugins": "/plugins", "tokens": "/tokens",
        "api": "/api", "signin": "/signin", "missing": "/nowhere",
    }  # fmt: skip


# --------------------------------------------------------------------------------------------------
# Pages without a browser
# --------------------------------------------------------------------------------------------------


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with AsyncExitStack() as stack:
        yield await open_stage(stack, Settings(data_dir=tmp_path))


@pytest.fixture
async def stranger(stage: Stage) -> AsyncIterator[TestClient[Any, Any]]:
    """Somebody who is not signed in, and asks as a browser does."""
    async with TestClient(TestServer(make_app(stage.forge, routes())), headers={"Accept": "text/html"}) as client:
        yield client


@pytest.fixture
async def client(stage: Stage, stranger: TestClient[Any, Any]) -> TestClient[Any, Any]:
    """Somebody who is signed in."""
    await stranger.post("/signin", data={"token": await stage.forge.accounts.link()}, allow_redirects=False)
    return stranger


# --------------------------------------------------------------------------------------------------
# Pages in a browser
# --------------------------------------------------------------------------------------------------


class Server:
    """A server in a thread of its own; ``do`` runs a coroutine there, ``restart`` ends it and starts it anew."""

    def __init__(self, folder: Path) -> None:
        self._settings = Settings(data_dir=folder, port=free_port())
        self.url = f"http://127.0.0.1:{self._settings.port}"
        self.start()

    def start(self) -> None:
        self._loop, ready = asyncio.new_event_loop(), threading.Event()
        self._thread = threading.Thread(target=self._main, args=(ready,), daemon=True)
        self._thread.start()
        assert ready.wait(20)

    def _main(self, ready: threading.Event) -> None:
        async def live() -> None:
            self._end = asyncio.Event()
            async with AsyncExitStack() as stack:
                self.stage = await open_stage(stack, self._settings)
                await stack.enter_async_context(listen(make_app(self.stage.forge, routes()), self._settings))
                ready.set()
                await self._end.wait()

        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(live())

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(20)
        assert not self._thread.is_alive(), "the server did not end"

    def restart(self) -> None:
        self.stop()
        self.start()


FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api")
    if not (chromium := shutil.which("chromium") or shutil.which("google-chrome")):
        pytest.skip("there is no chromium")
    with sync_api.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path)
    yield server
    server.stop()


WATCH = """window.__csp = []; document.addEventListener('securitypolicyviolation',
  e => window.__csp.push(`${e.violatedDirective} ${e.blockedURI} ${e.sourceFile}:${e.lineNumber} ${e.sample}`));"""


def watched(browser: Any, url: str, **options: Any) -> tuple[Any, list[str], Callable[[], None]]:
    """A page, what went wrong on it, and how to close it: violations, script errors, console errors, outside requests."""
    context = browser.new_context(base_url=url, **{"viewport": {"width": 1280, "height": 900}, **options})
    page, wrong = context.new_page(), list[str]()
    ours = (url, url.replace("http", "ws"), "data:")
    page.on("pageerror", lambda error: wrong.append(f"script error: {error}"))
    page.on("console", lambda said: wrong.append(f"console: {said.text}") if said.type == "error" else None)
    page.on("request", lambda sent: None if sent.url.startswith(ours) else wrong.append(f"outside: {sent.url}"))
    page.on("dialog", lambda dialog: dialog.accept())
    page.add_init_script(WATCH)
    page.set_default_timeout(15_000)

    def close() -> None:
        wrong.extend(f"CSP: {violation}" for violation in page.evaluate("window.__csp ?? []"))
        context.close()

    return page, wrong, close


@pytest.fixture
def furnish() -> Callable[[Stage], Coroutine[Any, Any, dict[str, str]]]:
    """What puts something on every page, and names their paths."""
    return everything


@pytest.fixture
def page(browser: Any, server: Server) -> Iterator[Any]:
    """A signed-in page that fails its test on anything that goes wrong; ``page.expected`` are texts of what may."""
    page, wrong, close = watched(browser, server.url)
    page.expected = []
    page.goto(f"/signin?token={server.do(server.stage.forge.accounts.link())}")
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/projects")
    yield page
    close()
    wrong = [text for text in wrong if not any(expected in text for expected in page.expected)]
    assert not wrong, "\n".join(wrong)

