"""The authors' guide's plugin, as it stands there: built, installed into a new environment, found, run, reviewed."""

import json
import os
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

import psutil
import pytest

from codeforge.testing import new_repository

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "docs"))

from reference.pages import blocks  # noqa: E402

pytestmark = pytest.mark.xdist_group("docs_plugin")  # one environment for all
HERE = sysconfig.get_path("purelib")


def run(*command, cwd=None, env=None, code=0):
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, env=env, capture_output=True, text=True, check=False, timeout=100
    )
    assert done.returncode == code, f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def written(folder):
    """The guide's files, written into ``folder``."""
    found = [block for block in blocks((ROOT / "docs" / "plugins.md").read_text()) if block.note.startswith("file=")]
    for block in found:
        (folder / block.note.removeprefix("file=")).write_text(block.text)
    assert {"pyproject.toml", "codeforge_command.py", "test_command.py"} == {path.name for path in folder.iterdir()}


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """A new virtual environment that sees what is installed here, with the guide's plugin installed by its wheel."""
    folder = tmp_path_factory.mktemp("plugin")
    written(folder)
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", cwd=folder)
    made = folder / "environment"
    run(sys.executable, "-m", "venv", "--without-pip", made)
    site = made / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    (site / "parent.pth").write_text(f"import site; site.addsitedir({HERE!r})\n")
    wheel = next((folder / "dist").glob("codeforge_command-*.whl"))
    uv = Path(sys.executable).with_name("uv")
    run(uv, "pip", "install", "--quiet", "--offline", "--no-deps", "--python", made / "bin" / "python", wheel)
    return folder, made / "bin" / "python"


@pytest.fixture
def house(environment, tmp_path):
    """A `codeforge up` of the new environment, and a function that calls `codeforge ...` with it."""
    _, python = environment
    cassette = tmp_path / "data" / "cassettes" / "nothing"
    cassette.mkdir(parents=True)  # a model that nobody calls, so that there is one to choose
    (cassette / "1.json").write_text('{"fixtures": [{"match": {}, "response": {"content": "nothing"}}]}')
    data = {"CODEFORGE_DATA_DIR": str(tmp_path / "data"), "CODEFORGE_PORT": "0", "COMMAND_AGENT": "sh"}
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "CODEFORGE_SANDBOX": "none", **data}
    server = subprocess.Popen([python, "-m", "codeforge", "up"], env=env, stdout=subprocess.PIPE, text=True)
    try:
        assert "/signin?token=" in server.stdout.readline()
        yield lambda *words, code=0: run(python, "-m", "codeforge", *words, env=env, cwd=tmp_path, code=code)
    finally:
        server.terminate()
        server.wait(30)
        server.stdout.close()


def test_the_guides_plugin_is_found_and_its_agents_change_is_reviewed_and_merged(house, tmp_path):
    repository = new_repository(tmp_path / "repository")
    [plugin] = [p for p in json.loads(house("plugins", "--json")) if p["name"] == "command"]
    assert plugin == {
        "name": "command",
        "distribution": "codeforge-command",
        "version": "1.0.0",
        "offers": ["agent command"],
        "broken": "",
    }
    house("agents", "check", "command")
    told = json.loads(
        house("run", "--repo", repository, "--agent", "command", "--json", "echo hello > hello.txt; echo done")
    )
    assert (told["outcome"], [f["path"] for f in told["files"]]) == ("review", ["hello.txt"])
    assert "done" in house("runs", "events", told["run"]["id"])
    house("runs", "accept", told["run"]["id"])
    assert (repository / "hello.txt").read_text() == "hello\n"


def test_a_stop_ends_what_the_guides_agent_started(house, tmp_path):
    repository = new_repository(tmp_path / "repository")
    mark = f"4{os.getpid()}1"
    house("projects", "add", repository, "--name", "it", "--agent", "command")
    made = json.loads(house("tasks", "add", "it", f"echo up; sleep {mark}", "--json"))["run"]["id"]
    deadline = time.monotonic() + 30
    while "up" not in house("runs", "events", made):
        assert time.monotonic() < deadline
    house("runs", "stop", made)
    while json.loads(house("runs", "show", made, "--json"))["state"] != "stopped":
        assert time.monotonic() < deadline
    assert [p for p in psutil.process_iter(["cmdline"]) if mark in (p.info["cmdline"] or ())] == []


@pytest.mark.slow
def test_the_guides_own_tests_pass(environment):
    folder, python = environment
    out = run(python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_command.py", cwd=folder)
    assert "2 passed" in out
