"""Something on every page, for pictures and for the look whether everybody can read them."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from web_stage import MissingAgent, Stage

from codeforge import AgentEvent, Kind, Project, Run, RunState, Spoken
from codeforge.errors import OverBudget
from codeforge.events import edited, log, ran, said, thought
from codeforge.llm import Price, Route, Way

WRONG = (
    "SWE-agent could not be installed: no route to host. Check the network, then `codeforge agents install swe_full`."
)


async def everything(stage: Stage) -> dict[str, str]:
    """Every page by name, with something on it."""
    project = await stage.project("stats")
    dirty = await stage.project("dirty", name="billing-service")
    await stage.project("website", name="website")
    review = await stage.review(
        await stage.task(project, "Make mean([]) raise a ValueError\n\nAdd a test for it, and keep the others green.")
    )
    await stage.call(review)
    back = await stage.review(
        await stage.task(project, "Speed up spread() for long lists"),
        exit=1,
        output=("E   assert 3 == 2", "1 failed, 3 passed in 0.20s"),
    )
    await stage.call(back, cost=None)
    for cost in (310_000, 120_000, 540_000):
        await stage.call(await stage.review(await stage.task(project, "Sort the tests")), cost=cost)
    for day in range(1, 27):
        if day % 7 not in (2, 3):
            await stage.call(review, cost=day * day % 17 * 310_000 + 420_000, days_ago=day, cached_tokens=1500)
        if day % 9 == 4:
            await stage.call(back, cost=None, days_ago=day, model="ollama/qwen3-coder", provider="ollama")
    accepted = await stage.review(
        await stage.task(project, "Write a docstring for every public function", model="replay/fix-mean")
    )
    await stage.call(accepted, cost=0, replayed=True)
    accepted = await stage.forge.reviews.give(stage.who, accepted.id, "accept")
    live = await stage.working(
        await stage.task(project, "Replace the hand-written parser by tomllib", model="replay/fix-mean")
    )
    await stage.say(
        live,
        log("workspace ready from main at bbbbbbbbbb"),
        said(
            "I will look at the parser first, then replace it step by step and run the tests after each, "
            "so that a failure points at one change."
        ),
        thought("tomllib is in the standard library since 3.11, so no dependency is needed."),
        ran("grep -rn 'def parse' src", 0),
        edited("src/config.py"),
        log("\x1b[32mPASSED\x1b[0m tests/test_config.py::test_reads_a_table"),
        log("\x1b[1;31mFAILED\x1b[0m tests/test_config.py::test_says_the_line", "stderr"),
        AgentEvent(Kind.MESSAGE, {"text": "Keep the old error messages, please.", "by": "admin"}),
        said("Understood: I keep the messages."),
        edited("src/config.py"),
        ran("pytest -q tests/test_config.py", 1),
    )
    await stage.call(live, replayed=True, cost=0)
    await stage.call(live, cost=2_100, model="openai/gpt-5-mini", cached_tokens=1_900)
    await stage.call(live, cost=None, model="ollama/qwen3-coder", counted="counted", milliseconds=64_000)
    wrong = "ollama/qwen3-coder answered 502: the model's runner ended unexpectedly."
    await stage.call(
        live, cost=0, model="ollama/qwen3-coder", status=502, error=wrong, prompt_tokens=0, completion_tokens=0
    )
    failed = await stage.working(await stage.task(dirty, "Upgrade to the new payment API"))
    await stage.say(failed, said("The model does not answer."))
    await stage.forge.coordinator.report(
        failed.id,
        1,
        state=RunState.FAILED,
        reason="model_auth",
        detail="openai answered 401: incorrect API key provided.",
    )
    waiting = await _waiting(stage, dirty)
    flags = await stage.task(dirty, "Remove the unused feature flags")
    await stage.forge.projects.edit(stage.who, dirty.id, max_runs=1)
    await stage.task(dirty, "Rename the invoice module", needs=[flags.task_id])
    await stage.task(project, "Tune the cache", not_before=datetime.now(UTC) + timedelta(days=1), priority=3)
    await stage.task(project, "Sort the imports", priority=-2)
    for name, cron, on in (("nightly update", "0 3 * * *", True), ("weekly report", "0 6 * * MON", False)):
        await stage.forge.schedules.add(
            stage.who, project.id, "Update what we depend on", name=name, cron=cron, zone="Europe/Berlin", enabled=on
        )
    await stage.forge.providers.set(stage.who, "openai", "openai", secret="sk-1234567890")
    await stage.forge.providers.set(stage.who, "lab", "openai-compatible", base_url="https://models.lab.example/v1")
    await stage.forge.aliases.set(stage.who, "fast", "openai/gpt-5-mini")
    ways = (
        Way(model="openai/gpt-5-mini", weight=3),
        Way(model="ollama/qwen3-coder", first_seconds=20),
        Way(model="replay/fix-mean", weight=0),
    )
    await stage.forge.aliases.set(stage.who, "smart", route=Route(ways=ways))
    await stage.forge.aliases.set(stage.who, "smart", "ollama/qwen3-coder", project_id=project.id)
    await stage.forge.budgets.set(stage.who, "tenant", "", "month", 80_000_000)
    await stage.forge.budgets.set(stage.who, "project", project.id, "total", 66_000_000)
    await stage.forge.budgets.set(stage.who, "provider", "openai", "day", 1_000)
    for given in (3_000_000, 2_500_000):
        await stage.forge.prices.set(
            stage.who, "openai", "gpt-5-mini", Price(input=given, output=15_000_000, cached=300_000)
        )
    await stage.forge.prices.set(stage.who, "ollama", "*", Price(input=0, output=0))
    await stage.forge.accounts.new_token(stage.who, "ci", ("read", "write"), 90)
    worker, _ = await stage.forge.workers.add(stage.who, "build-1", ("gpu", "linux"))
    await stage.forge.workers.hello(worker.id, host="lab", version="0.1.0", agents=["aider"], slots=4)
    await stage.forge.workers.add(stage.who, "build-2")
    await _agents(stage, worker.id)
    return {
        "projects": "/projects",
        "project": f"/projects/{project.id}",
        "project-empty": f"/projects/{(await stage.forge.projects.list(stage.who))[2].id}",
        "settings": f"/projects/{project.id}/settings",
        "task": f"/tasks/{review.task_id}",
        "run-review": f"/runs/{review.id}",
        "run-check-failed": f"/runs/{back.id}",
        "run-accepted": f"/runs/{accepted.id}",
        "run-live": f"/runs/{live.id}",
        "run-failed": f"/runs/{failed.id}",
        "run-waiting": f"/runs/{waiting.id}",
        "calls": f"/runs/{live.id}/calls",
        "call": f"/calls/{await _exchange(stage, live)}",
        "queue": "/queue",
        "schedules": "/queue/schedules",
        "models": "/models",
        "provider": "/models/providers/openai",
        "provider-new": "/models/new?kind=cloud",
        "prices": "/models/prices",
        "aliases": "/models/aliases",
        "alias": "/models/aliases/smart",
        "costs": "/costs",
        "budgets": "/costs/budgets",
        "costs-by-model": "/costs?by=model&since=",
        "plugins": "/plugins",
        "workers": "/workers",
        "agents": "/agents",
        "tokens": "/tokens",
        "api": "/api",
        "signin": "/signin",
        "missing": "/nowhere",
    }


async def _agents(stage: Stage, worker_id: str) -> None:
    """Agents that are installed, missing, being installed, and could not be; a worker that says what it has."""
    agents, offers = stage.forge.agents, stage.forge.offers.agents
    missing = MissingAgent("opencode"), MissingAgent("swe"), MissingAgent("swe_full", WRONG)
    offers.update({agent.name: agent for agent in missing})
    await stage.lodge()
    missing[2].go.set()
    await agents.install(stage.who, "swe")
    await agents.install(stage.who, "swe_full")
    said = {"ready": True, "version": "0.86.2", "size_mb": 661, "abilities": {}}
    await stage.forge.workers.describe(worker_id, {"aider": said, "swe": {**said, "ready": False, "size_mb": None}})


async def _waiting(stage: Stage, project: Project) -> Run:
    """A run whose budget does not allow its next call."""
    run = await stage.working(await stage.task(project, "Translate the invoices", max_cost_micro=1_000_000))
    await stage.call(run, cost=740_000)
    known = (Price(input=1_000_000, output=8_000_000),)
    given = {"provider": "openai", "model": "gpt-5-mini", "run_id": run.id, "project_id": run.project_id}
    with suppress(OverBudget):
        await stage.forge.calls.open(
            run.tenant_id, known=known, prompt_tokens=180_000, completion_tokens=16_000, protocol="chat", **given
        )
    await stage.forge.coordinator.report(run.id, 1, state=RunState.QUEUED, worked=312.0)
    return run


async def _exchange(stage: Stage, run: Run) -> str:
    """What the run's second call asked and was answered; gives its id."""
    call = (await stage.forge.calls.of_run(stage.who, run.id))[1]
    request = {
        "messages": [
            {"role": "system", "content": "You are an expert programmer. Change no more than you are asked to."},
            {"role": "user", "content": "Replace the hand-written parser by tomllib."},
            {
                "role": "assistant",
                "tool_calls": [{"function": {"name": "read", "arguments": '{"path": "src/config.py"}'}}],
            },
            {"role": "tool", "content": "def parse(text):\n    for line in text.splitlines():\n        ..."},
        ],
        "tools": [{"function": {"name": "read"}}, {"function": {"name": "edit"}}],
    }
    response = {
        "reasoning": "tomllib.loads raises TOMLDecodeError, whose message tells the line.",
        "content": "The parser can go: tomllib reads the same files.",
        "toolCalls": [
            {"name": "edit", "arguments": '{"path": "src/config.py", "old": "parse(text)", "new": "loads(text)"}'}
        ],
    }
    document = {"fixtures": [{"match": {}, "response": response, "codeforge": {"request": request}}]}
    kept = Spoken(tenant_id=run.tenant_id, run_id=run.id, call_id=call["id"], document=json.dumps(document))
    await stage.forge.exchanges.keep([kept])
    return str(call["id"])
