"""A provider's limit that lasts: the run waits for its reset with its work kept, and goes on by itself."""

import pytest

from codeforge.testing import ScriptedModels, StandIns, Step, running

pytestmark = pytest.mark.skipif("not __import__('shutil').which('curl')", reason="curl is not installed")
SCRIPT = """ask() {
  curl -s -o /dev/null -w '%{http_code}' "$GATEWAY/chat/completions" -H "Authorization: Bearer $KEY" \\
    -H 'Content-Type: application/json' -d '{"model": "fast", "messages": [{"role": "user", "content": "hi"}]}'
}
if [ -e b.txt ]; then echo again $(ask); echo two >> b.txt; exit; fi
echo one > b.txt; echo first $(ask); while :; do sleep 0.1; done
"""


async def test_a_run_waits_for_the_reset_of_its_models_limit_and_goes_on_with_its_work(settings, repository):
    settings = settings.model_copy(update={"quota_seconds": 0.5})
    async with ScriptedModels() as models, running(settings, extra={"stand_ins": StandIns()}) as (_, api):
        limited = Step(status=429, text="slow down", headers={"Retry-After": "4"})
        models.script("m", [limited, Step(text="hello")])
        body = {"kind": "openai-compatible", "base_url": models.url, "settings": {"models": ["m"]}}
        await api.call("PUT", "/providers/up?test=false", body)
        await api.call("PUT", "/aliases/fast", {"target": "m"})
        project = await api.post("/projects", {"url": str(repository), "agent": "shell", "model": "fast"})
        run = await api.start(project, SCRIPT)
        waiting = await api.until(run, "waiting")
        assert (waiting["waiting_for"]["why"], waiting["change"]["added"]) == ("quota", 1)
        assert waiting["detail"].startswith("The limit of up/m is reached until ")
        done = await api.until(run)
        assert (done["state"], done["change"]["added"]) == ("review", 2)
        await api.says(run, "again 200")
        assert len(models.requests) == 2
        calls = (await api.get(f"/runs/{run['id']}/calls"))["items"]
        assert [(call["status"], call["route"]) for call in calls] == [(429, "fast -> up/m"), (200, "fast -> up/m")]
