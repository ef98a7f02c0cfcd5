"""The README's agent is run as it stands there."""

import os
import sys
from pathlib import Path
from types import ModuleType

import codeforge
from codeforge.testing import StandIns, running

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "docs"))

from reference.pages import blocks  # noqa: E402


async def test_the_readmes_agent_turns_any_command_into_a_reviewed_change(settings, repository, tmp_path, monkeypatch):
    [source] = [block.text for block in blocks((ROOT / "README.md").read_text()) if block.note == "tested"]
    plugin = ModuleType("readme_plugin")
    vars(plugin).update({name: getattr(codeforge, name) for name in codeforge.__all__}, os=os)
    exec(source, vars(plugin))
    command = tmp_path / "bin" / "my-agent"
    command.parent.mkdir()
    command.write_text("#!/bin/sh\ncat > prompt.txt\necho read it\n")
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{command.parent}:{os.environ['PATH']}")
    async with running(settings, extra={"stand_ins": StandIns(), "readme": plugin}) as (_, api):
        project = await api.post("/projects", {"url": str(repository), "agent": "command", "model": "none"})
        run = await api.until(await api.start(project, "Do it."))
        assert run["state"] == "review", run["detail"]
        await api.says(run, "read it")
        assert "+Do it." in (await api.get(f"/runs/{run['id']}/diff"))["diff"]
