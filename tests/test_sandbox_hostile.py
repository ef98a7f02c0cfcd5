"""A hostile agent in a sandbox, run by a real server: everything that it tries, by name, comes to nothing."""

import ast
import asyncio
import base64
import json
import os
import socket
import sys
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from codeforge.testing import ScriptedModels, Server, announce, git, new_repository

HOSTILE = {
    f"hostile/{path.name}": path.read_text() for path in sorted(Path(__file__).with_name("hostile").glob("*.py"))
}
TOPICS = [text for name, text in HOSTILE.items() if not name.endswith(("__.py", "/tools.py"))]
ATTEMPTS = [one.name for text in TOPICS for one in ast.parse(text).body if isinstance(one, ast.FunctionDef)]
STORED, ENVIRONMENT, SSH, TOKEN, OTHERS = (
    f"sk-hostile-{what}-5b1e0d9c7a42" for what in ("stored", "environment", "ssh", "token", "others")
)
UP = 'printf %s "$KEY" > key.txt; echo {secret} > secret.txt; echo up; sleep 1000'
pytestmark = pytest.mark.xdist_group("sandbox")


async def attack(folder, sandbox, agent="shell"):
    """Let the hostile agent loose; gives its run, what it got by attempt, and its commit's message.

    As the agent "warm_shell" it is a fork of the parent that the other run was forked from, too.
    """
    home, data, outside = folder / "user", folder / "data", folder / "outside.sock"
    (home / ".ssh").mkdir(parents=True)
    (home / ".ssh" / "id_ed25519").write_text(SSH)
    (home / ".git-credentials").write_text(f"https://user:{TOKEN}@forge.example\n")
    (home / ".gitconfig").write_text("[credential]\n\thelper = store\n")
    env = {"HOME": str(home), "OPENAI_API_KEY": ENVIRONMENT, "GITHUB_TOKEN": TOKEN, "CODEFORGE_SANDBOX": sandbox}
    env |= {"CODEFORGE_FIND_LOCAL_MODELS": "0", "CODEFORGE_AGENTS_DIR": str(data / "agents")}
    for name, target in (("stand_ins", "codeforge.testing.stand_ins:stand_ins"), ("warm_shell", "warm_shell")):
        announce(folder / "plugins", name, target)
    env["PYTHONPATH"] = os.pathsep.join((str(folder / "plugins"), *sys.path))
    repository = new_repository(folder / "repository", **HOSTILE)
    async with ScriptedModels() as models, Server(data, env=env) as api:
        (data / "agents").mkdir(exist_ok=True)
        models.script("good", ["Hello, agent."])
        provider = {"kind": "openai-compatible", "base_url": models.url, "key": STORED}
        await api.call("PUT", "/providers/scripted?test=false", provider)
        project = await api.post("/projects", {"url": str(repository), "agent": agent, "model": "scripted/good"})
        other = await api.start(project, UP.format(secret=OTHERS))
        await api.says(other, "up")
        workspace = data / "runs" / f"{other['id']}-1" / "workspace"
        with _listening(str(outside)), _listening(f"\0{folder.name}"):
            facts = {
                "canaries": [STORED, ENVIRONMENT, SSH, TOKEN, OTHERS],
                "other_key": (workspace / "key.txt").read_text(),
                "other_run": other["id"],
                "other_workspace": str(workspace),
                "data_dir": str(data),
                "data": [path.name for path in data.iterdir() if path.name not in ("runs", "mirrors", "agents")],
                "agents_dir": str(data / "agents"),
                "mirror": str(data / "mirrors" / f"{project['id']}.git"),
                "user_home": str(home),
                "real_home": str(Path.home()),
                "port": urlsplit(api.url).port,
                "addresses": _addresses(),
                "nameservers": _nameservers(),
                "abstract": folder.name,
                "socket": str(outside),
                "pids": [os.getpid(), *(child.pid for child in psutil.Process().children(recursive=True))],
                "model": "scripted/good",
            }
            told = base64.b64encode(json.dumps(facts).encode()).decode()
            run = await api.start(project, f"python3 -B -m hostile {told}")
            await api.post(f"/runs/{run['id']}/messages", {"text": "true"})  # a turn after what the first one laid
            run = await api.until(run, seconds=60)
        lines = [e["data"].get("text", "") for e in (await api.get(f"/runs/{run['id']}/events?limit=1000"))["items"]]
        said = [json.loads(line) for line in lines if line.startswith('{"attempt"')]
        message = git(data / "mirrors" / f"{project['id']}.git", "log", "-1", "--format=%s", run["change"]["head"])
        events = "\n".join(lines)
        await api.post(f"/runs/{other['id']}/stop")
        assert [path.name for path in data.glob("followed*")] == []
        assert "starts cold" not in (data / "codeforge.log").read_text()
        return run, {one["attempt"]: one["got"] for one in said}, message, events


def _listening(path):
    made = socket.socket(socket.AF_UNIX)
    made.bind(path)
    made.listen()
    return made


def _addresses():
    found = [a.address for each in psutil.net_if_addrs().values() for a in each if a.family == socket.AF_INET]
    return [address for address in found if not address.startswith("127.")]


def _nameservers():
    lines = Path("/etc/resolv.conf").read_text().splitlines() if Path("/etc/resolv.conf").exists() else []
    return [line.split()[1] for line in lines if line.startswith("nameserver ")]


@pytest.fixture(scope="module", params=["shell", pytest.param("warm_shell", marks=pytest.mark.slow)])
def attacked(tmp_path_factory, request):
    return asyncio.run(attack(tmp_path_factory.mktemp("hostile"), "bubblewrap", request.param))


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_a_hostile_agent_gets_nothing_of(attacked, attempt):
    _, got, _, events = attacked
    assert attempt in got, f"it was never tried:\n{events}"
    assert got[attempt] is None


def test_the_gateway_answers_the_runs_own_key_and_its_work_is_kept(attacked):
    run, got, message, events = attacked
    assert (run["state"], run["detail"]) == ("review", "")
    assert "Hello, agent." in got["the gateway with my own key"]
    assert message == "mine"
    assert run["usage"]["calls"] == 1
    assert run["sandbox"].startswith("Confined by bubblewrap")
    assert run["sandbox"] in events


WORKS = {
    "files_of_another_run", "provider_keys_and_tokens_in_codeforges_files", "the_database_file", "ssh_keys",
    "the_users_home",
    "links_out_of_the_workspace", "password_hashes", "the_servers_port_on_loopback", "the_rest_api_without_a_key",
    "the_gateway_with_another_runs_key", "a_socket_file_outside", "an_abstract_socket_outside", "the_pages",
    "processes_outside", "killing_processes_outside", "the_command_lines_token", "the_list_of_runs", "more_namespaces",
}  # fmt: skip


@pytest.mark.slow
def test_without_a_sandbox_the_same_attempts_do_work(tmp_path):
    """Else the others would prove nothing. Some fail all the same: CodeForge or the machine keeps those itself."""
    run, got, _, _ = asyncio.run(attack(tmp_path, "none"))
    assert {name for name in WORKS if got.get(name) is None} == set()
    assert run["sandbox"].startswith("Nothing confines this run")
