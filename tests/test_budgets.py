"""A budget that is spent: the call is refused, the run waits with its work kept, and goes on when there is money."""

import pytest

from codeforge.testing import ScriptedModels, Step

pytestmark = [
    pytest.mark.every_form,
    pytest.mark.skipif("not __import__('shutil').which('curl')", reason="curl is not installed"),
]
ASK = """ask() {
  curl -s -o /dev/null -w '%{http_code}' "$GATEWAY/chat/completions" -H "Authorization: Bearer $KEY" \\
    -H 'Content-Type: application/json' \\
    -d '{"model": "up/m", "max_tokens": 100, "messages": [{"role": "user", "content": "hi"}]}'
}
"""
AGAIN = "if [ -e b.txt ]; then echo again $(ask); echo two >> b.txt; exit; fi; echo one > b.txt; echo first $(ask)\n"
PATIENT = ASK + AGAIN + "echo second $(ask); while :; do sleep 0.1; done"
"""An agent that tries on when it is refused: it has to be ended."""
HASTY = ASK + AGAIN + "echo second $(ask); exit 1"
"""One that fails at once."""


@pytest.fixture
async def models():
    """Each call has 50 + 50 tokens, which cost 550 micro-dollars; up to 1,600 are reserved for it."""
    async with ScriptedModels() as models:
        models.script("m", [Step(text="hello", usage=(50, 50))])
        yield models


@pytest.fixture
async def paid(api, project, models):
    """The project, on a model that costs something."""
    settings = {"models": ["m"], "prices": {"m": {"input": 1, "output": 10}}}
    body = {"kind": "openai-compatible", "base_url": models.url, "key": "sk-scripted", "settings": settings}
    await api.call("PUT", "/providers/up?test=false", body)
    yield project
    await api.call("DELETE", "/providers/up")


async def raised(api, run, micro):
    body = {"scope": "run", "scope_id": run["id"], "period": "total", "limit_micro": micro}
    return await api.call("PUT", "/budgets", body)


@pytest.mark.parametrize("script", [PATIENT, HASTY], ids=["patient", "hasty"])
async def test_a_run_waits_for_its_budget_with_its_work_and_goes_on_when_it_is_raised(api, paid, models, script):
    run = await api.start(paid, script, model="up/m", max_cost_micro=1700)
    waiting = await api.until(run, "waiting")
    await api.says(run, "first 200")
    assert (waiting["usage"]["calls"], waiting["usage"]["cost_micro"], waiting["change"]["added"]) == (1, 550, 1)
    assert waiting["waiting_for"]["why"] == "budget"
    assert "of $0.0017 in total, $0.00055 is spent" in waiting["detail"] == waiting["waiting_for"]["detail"]
    assert {"resume", "stop", "pause"} <= set(waiting["verbs"])
    [queued] = [item for item in (await api.get("/queue"))["items"] if item["run_id"] == run["id"]]
    assert (queued["why"], queued["text"]) == ("budget", waiting["detail"])
    assert len(models.requests) == 1  # nothing was asked that could not be paid
    await raised(api, run, 10_000)
    done = await api.until(run)
    assert (done["state"], done["change"]["added"], done["usage"]["cost_micro"]) == ("review", 2, 1100)
    assert done["waiting_for"] is None
    await api.says(run, "again 200")


@pytest.mark.parametrize("verb", ["stop", "pause"])
async def test_a_run_that_waits_for_its_budget_can_be_stopped_and_paused(api, paid, verb):
    run = await api.start(paid, PATIENT, model="up/m", max_cost_micro=1700)
    await api.until(run, "waiting")
    after = await api.post(f"/runs/{run['id']}/{verb}")
    assert (after["state"], after["change"]["added"]) == ({"stop": "stopped", "pause": "paused"}[verb], 1)
    await raised(api, run, 10_000)
    assert (await api.get("/queue"))["totals"].get("budget", 0) == 0
    if verb == "pause":
        await api.post(f"/runs/{run['id']}/resume")
        assert (await api.until(run))["change"]["added"] == 2


async def test_a_run_whose_models_price_nobody_knows_waits_until_somebody_says_it(api, paid, models):
    settings = {"models": ["m"]}
    body = {"kind": "openai-compatible", "base_url": models.url, "key": "sk-scripted", "settings": settings}
    await api.call("PUT", "/providers/up?test=false", body)
    run = await api.start(paid, PATIENT, model="up/m", max_cost_micro=10_000)
    waiting = await api.until(run, "waiting")
    assert "Nobody knows what up/m costs" in waiting["detail"]
    assert models.requests == []
    await api.call("PUT", "/prices", {"provider": "up", "model": "m", "input": 0, "output": 0})
    done = await api.until(run)
    assert (done["state"], done["usage"]["cost_micro"], done["usage"]["calls"]) == ("review", 0, 1)
    await api.call("DELETE", "/prices?provider=up&model=m")
