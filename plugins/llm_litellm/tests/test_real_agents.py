"""Claude Code and Codex, the real ones, work with a model that speaks chat completions only."""

import asyncio
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from codeforge.testing import Step

BINARIES = Path(__file__).parents[3] / ".dev" / "command-lines" / "node_modules" / ".bin"
TASK = "Create hello.txt"
CODEX = """
model = "up/m"
model_provider = "codeforge"
[model_providers.codeforge]
name = "codeforge"
base_url = "{url}"
env_key = "RUN_KEY"
wire_api = "responses"
"""


def command(name, package):
    """Where it is installed; both are too large, and one's licence is its maker's own, to be brought by a test."""
    if found := shutil.which(name, path=f"{BINARIES}{os.pathsep}{os.environ['PATH']}"):
        return found
    pytest.skip(f"there is no {name}: npm install --prefix .dev/command-lines {package}")


async def run(*told, env, folder):
    """What it wrote, after it ended well."""
    env = {"PATH": os.environ["PATH"], "HOME": str(folder.parent), **env}
    options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    process = await asyncio.create_subprocess_exec(*told, env=env, cwd=folder, **options)
    try:
        async with asyncio.timeout(100):
            output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, output.decode()
    return output.decode()


@pytest.fixture
async def folder(house, tmp_path):
    """Where the agent works; its model writes one file and is done."""
    work = tmp_path / "work"
    work.mkdir()
    calls = {
        "Write": {"file_path": str(work / "hello.txt"), "content": "hello\n"},
        "exec_command": {"cmd": "echo hello > hello.txt"},
        "shell": {"command": ["sh", "-c", "echo hello > hello.txt"]},
    }

    def answer(seen):
        tools = [tool["function"]["name"] for tool in seen.body.get("tools", ())]
        if any(message["role"] == "tool" for message in seen.body["messages"]):
            return Step(text="All is done.")
        return Step(text="I write it.", tools=[next((n, calls[n]) for n in calls if n in tools)])

    house.scripted.script("m", answer)
    await house.provider("m")
    return work


async def accounted(house, paper):
    """Whether both calls were written down, with what the provider reported."""
    calls = await house.calls(paper, 2)
    return {(call["status"], call["prompt_tokens"], call["completion_tokens"]) for call in calls} == {(200, 1111, 222)}


@pytest.mark.slow
async def test_claude_code_does_a_task(house, folder):
    claude, paper = command("claude", "@anthropic-ai/claude-code"), await house.run("up/m")
    env = {
        "ANTHROPIC_BASE_URL": f"{house.forge.url}/llm/anthropic",
        "ANTHROPIC_AUTH_TOKEN": paper.key,
        "ANTHROPIC_MODEL": "up/m",
        "ANTHROPIC_DEFAULT_HAIKU_MODEL": "up/m",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    }
    assert "All is done." in await run(claude, "-p", TASK, "--allowedTools", "Write", env=env, folder=folder)
    assert (folder / "hello.txt").read_text() == "hello\n"
    assert await accounted(house, paper)


@pytest.mark.slow
async def test_codex_does_a_task(house, folder):
    codex, paper = command("codex", "@openai/codex"), await house.run("up/m")
    home = folder.parent / "codex"
    home.mkdir()
    (home / "config.toml").write_text(CODEX.format(url=house.url))
    options = ["--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox"]
    env = {"CODEX_HOME": str(home), "RUN_KEY": paper.key}
    assert "All is done." in await run(codex, "exec", *options, TASK, env=env, folder=folder)
    assert (folder / "hello.txt").read_text() == "hello\n"
    assert await accounted(house, paper)
