"""The guide's session with REST is run as it stands there, against a server of its own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from codeforge.testing import Server, announce, git, new_repository

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "docs"))

from reference.pages import blocks  # noqa: E402

AGENT = '''
from codeforge import AgentBackend, AgentEvent, Kind, hookimpl
from codeforge.testing.stand_ins import NoLlm


class Writer(AgentBackend):
    """Writes its prompt into notes.txt."""

    name = "writer"

    async def run(self, job):
        (job.workspace / "notes.txt").write_text(job.prompt + "\\n")
        yield AgentEvent(Kind.SAID, {"text": "It is written."})
        yield AgentEvent(Kind.ENDED, {"outcome": "done", "reason": None, "detail": ""})


@hookimpl
def register_agents():
    return [Writer()]


@hookimpl
def register_llms():
    return [NoLlm()]
'''


@pytest.fixture
def script(tmp_path):
    """The guide's tested blocks as one shell script, for the repository of this test."""
    text = (ROOT / "docs" / "guide.md").read_text()
    found = [block.text for block in blocks(text) if (block.language, block.note) == ("sh", "tested")]
    assert len(found) == 4
    return "set -eu\n" + "\n".join(found).replace("/home/me/code/shop", str(tmp_path / "shop"))


@pytest.mark.skipif(not (shutil.which("curl") and shutil.which("jq")), reason="curl and jq are not installed")
async def test_the_session_with_curl_does_what_the_guide_says(tmp_path, script):
    repository = new_repository(tmp_path / "shop")
    plugins = announce(tmp_path / "plugins", "writer", "writer_agent")
    (plugins / "writer_agent.py").write_text(AGENT)
    data = tmp_path / "data"
    async with Server(data, env={"CODEFORGE_DEFAULT_AGENT": "writer"}) as api:
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        env = {"PATH": path, "HOME": str(tmp_path), "CODEFORGE_DATA_DIR": str(data), "PYTHONPATH": str(plugins)}
        done = subprocess.run(
            ["sh", "-c", script.replace("http://127.0.0.1:8700", api.url)],
            env=env, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=100,
        )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert (repository / "notes.txt").read_text() == "Write down what changed in notes.txt.\n"
    assert git(repository, "rev-parse", "main") in done.stdout
    assert "+Write down what changed" in done.stdout
    assert "event: said" in done.stdout
    assert "ci" in done.stdout
