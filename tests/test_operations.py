"""What operators see of a server in a process of its own: its log, its figures, and never a secret in either."""

import json

import pytest

from codeforge.testing import Server, new_repository

KEYS = {"OPENAI_API_KEY": "sk-canary-4711-openai", "CODEFORGE_METRICS_TOKEN": "canary-4711-metrics"}
STORED = "sk-canary-4711-stored"


def lines(text):
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture
def repository(tmp_path):
    return new_repository(tmp_path / "repository")


async def test_the_log_tells_a_runs_story_with_its_id_in_each_line_and_no_secret(tmp_path, repository):
    server = Server(tmp_path / "data", env={"CODEFORGE_LOG_FORMAT": "json", **KEYS})
    api = await server.start()
    lab = {"kind": "openai-compatible", "base_url": "http://127.0.0.1:9", "key": STORED}
    await api.call("PUT", "/providers/lab?test=false", lab)
    project = await api.post("/projects", {"url": str(repository), "model": "none"})
    run = await api.until(await api.start(project, f"echo {STORED} $KEY > b.txt; echo {STORED} $KEY"))
    await api.post(f"/runs/{run['id']}/review", {"verdict": "accept"})
    made = await api.post("/tokens", {"name": "short"})
    await api.call("DELETE", f"/tokens/{made['id']}")
    async with api.http.get(f"{api.url}/metrics") as answer:
        figures = await answer.text()
    local = (tmp_path / "data" / "cli-token").read_text().strip()
    await server.stop()

    text = (tmp_path / "data" / "codeforge.log").read_text()
    told = lines(text)
    story = [(line["message"], line.get("state")) for line in told if line.get("run") == run["id"]]
    assert story == [
        ("run queued", None),
        ("run claimed", "preparing"),
        ("run moved", "working"),
        ("run moved", "checking"),
        ("run ended", "review"),
        ("change delivered", None),
        ("run ended", "accepted"),
    ]
    claimed = next(line for line in told if line["message"] == "run claimed")
    assert (claimed["generation"], claimed["before"]) == (1, "queued")
    assert claimed["worker"].startswith("local-")
    said = [line["message"] for line in told]
    for fact in ("server started", "token made", "token revoked", "server stopped"):
        assert fact in said, fact
    asked = next(line for line in told if line.get("path") == f"/api/v1/runs/{run['id']}/review")
    assert (asked["message"], asked["status"], len(asked["request"])) == ("request answered", 200, 26)
    for where in (text, figures):
        assert "canary-4711" not in where
        assert local not in where
        assert made["secret"] not in where
        assert "cfrun_" not in where
    assert 'route="/api/v1/runs/{id}"' in figures
    assert run["id"] not in figures


async def test_what_goes_on_in_a_run_is_logged_with_the_run_and_its_generation(tmp_path, repository):
    server = Server(tmp_path / "data", env={"CODEFORGE_LOG_FORMAT": "json"})
    api = await server.start()
    project = await api.post("/projects", {"url": str(repository), "model": "none"})
    run = await api.until(
        await api.start(project, "mkdir -p $STATE; ln -s / $STATE/x; chmod 0 $HOME; rm -rf ../workspace")
    )
    assert run["state"] == "failed"
    await server.stop()
    told = [line for line in lines((tmp_path / "data" / "codeforge.log").read_text()) if line["level"] == "ERROR"]
    assert told
    assert {(line["run"], line["generation"]) for line in told} == {(run["id"], 1)}


async def test_the_metrics_of_a_killed_servers_run_tell_of_the_lost_lease(tmp_path, repository):
    gate = tmp_path / "gate"
    server = Server(tmp_path / "data")
    api = await server.start()
    project = await api.post("/projects", {"url": str(repository), "model": "none"})
    run = await api.start(project, f"echo up; until [ -e {gate} ]; do sleep 0.05; done; echo b > b.txt")
    await api.says(run, "up")
    await server.kill()
    gate.touch()
    async with server as api:
        assert (await api.until(run))["state"] == "review"
        async with api.http.get(f"{api.url}/metrics") as answer:
            figures = (await answer.text()).splitlines()
    assert "codeforge_lease_losses_total 1.0" in figures
    assert 'codeforge_runs_ended_total{reason="",state="review"} 1.0' in figures
    assert 'codeforge_runs{state="queued"} 0.0' in figures
