"""The real opencode, an agent by the Agent Client Protocol, from words to a merged commit, in a sandbox."""

import pytest

from codeforge import Settings, Unavailable
from codeforge.testing import ScriptedModels, agents_dir, new_repository, running

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.mark.parametrize("sandbox", ["none", "bubblewrap"])
async def test_opencode_edits_is_checked_and_merged_and_its_calls_are_counted(tmp_path, sandbox):
    repository = new_repository(tmp_path / "repository", **{"hello.py": 'GREETING = "hello"\n'})
    settings = Settings(data_dir=tmp_path / "data", agents_dir=agents_dir(), port=0, sandbox=sandbox)
    async with ScriptedModels() as models, running(settings) as (forge, api):
        opencode = forge.agent("opencode")
        try:
            await opencode.install(print)
        except Unavailable as error:
            pytest.skip(str(error))
        dialect = opencode.dialect()
        command = "sleep 600 & yes | head -c 300000; tr '\\0' ' ' < /proc/$PPID/cmdline; exit 3"
        left = [*dialect.change({"hello.py": 'GREETING = "hello, world"\n'})[:-1], *dialect.shell(command)]
        models.script("m", lambda seen: dialect.aside(seen) or (left.pop(0) if left[1:] else left[0]))
        provider = {"kind": "openai-compatible", "base_url": models.url, "key": "sk-x", "settings": {"models": ["m"]}}
        await api.call("PUT", "/providers/scripted?test=false", provider)
        given = {"url": str(repository), "agent": "opencode", "model": "scripted/m", "check": "grep -q world hello.py"}
        project = await api.post("/projects", given)
        run = await api.until(await api.start(project, "Make GREETING friendlier."), seconds=120)
        assert (run["state"], run["detail"], run["check"]["exit"]) == ("review", "", 0)
        assert run["usage"]["calls"] == len(models.requests) == 3
        assert "codeforge_agent/shell.py" in models.requests[-1].text  # opencode shows the model the end of an output
        assert run["sandbox"].startswith("Confined" if sandbox == "bubblewrap" else "Nothing confines")
        await api.post(f"/runs/{run['id']}/review", {"verdict": "accept"})
    assert (repository / "hello.py").read_text() == 'GREETING = "hello, world"\n'
