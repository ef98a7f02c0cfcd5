"""Exchanges with models are kept, can be read and taken along, and a run is done again with them, without its model."""

import asyncio
import json
import os
import sys

import pytest

from codeforge import Settings
from codeforge.forge import exchanges
from codeforge.forge.cassettes import Cassette
from codeforge.testing import ScriptedModels, StandIns, Step, agents_dir, git, new_repository, running, search_replace

KEY = "sk-canary-provider-key-7f3a"
ASK = """
ask() {
  curl -sS "$GATEWAY/chat/completions" -H "Authorization: Bearer $KEY" -H "Content-Type: application/json" \
    -d "{\\"model\\": \\"scripted/m\\", \\"stream\\": $1,
      \\"messages\\": [{\\"role\\": \\"user\\", \\"content\\": \\"$2\\"}]}"
}
"""


@pytest.fixture
async def models():
    async with ScriptedModels() as models:
        models.script("m", ["Hello.", "Here is one.", Step(status=400, text="No more.")])
        yield models


@pytest.fixture
def mood(tmp_path):
    """What the agent asks about; a test that changes it makes a replay differ."""
    file = tmp_path / "mood"
    file.write_text("the weather")
    return file


@pytest.fixture
def prompt(mood):
    asks = f'ask false "hello at $PWD"; ask true "a key"; ask false "$(cat {mood})"; echo'
    texts = """grep -o '"content": *"[^"]*"' | sed 's/"content": *"//; s/"$//' | tr -d '\\n'"""
    return f"{ASK}\n{{ {asks}; }} | {texts} > b.txt; cat b.txt"


@pytest.fixture
async def project(api, models, repository):
    provider = {"kind": "openai-compatible", "base_url": models.url, "key": KEY, "settings": {"models": ["m"]}}
    await api.call("PUT", "/providers/scripted?test=false", provider)
    return await api.post("/projects", {"url": str(repository), "agent": "shell", "model": "scripted/m"})


async def kept(api, run, seconds=10):
    """The run's calls once the exchange of each is kept."""
    async with asyncio.timeout(seconds):
        while True:
            calls = (await api.get(f"/runs/{run['id']}/calls"))["items"]
            if calls and all(call["exchange"] for call in calls):
                return calls
            await asyncio.sleep(0.02)


async def codeforge(api, *words, code=0):
    """The command as a person gives it; what it printed on stdout."""
    secret = api.http.headers["Authorization"].removeprefix("Bearer ")
    env = {**os.environ, "CODEFORGE_SERVER_URL": api.url, "CODEFORGE_TOKEN": secret}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "codeforge",
        *words,
        env=env,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode == code, err.decode()
    return out.decode()


async def test_each_call_s_exchange_can_be_read_without_secrets(api, project, prompt, models):
    models.script("m", ["Hello.", f"My key is {KEY}.", Step(status=400, text="No more.")])
    run = await api.until(await api.start(project, prompt))
    calls = await kept(api, run)
    assert [(call["status"], call["streamed"]) for call in calls] == [(200, False), (200, True), (400, False)]
    told = [(await api.get(f"/calls/{call['id']}/exchange"))["cassette"]["fixtures"][0] for call in calls]
    assert told[0]["response"]["content"] == "Hello."
    assert told[1]["response"]["content"] == "My key is •••."
    assert (told[2]["response"]["error"]["message"], told[2]["response"]["status"]) == ("No more.", 400)
    asked = told[0]["codeforge"]["request"]["messages"][0]["content"]
    assert asked.startswith("hello at <data>/runs/")
    listed = json.loads(await codeforge(api, "runs", "calls", run["id"], "--json"))
    assert listed == calls
    await api.get("/calls/nonsense/exchange", status=404)


async def test_a_replay_makes_the_same_change_from_the_same_commit_without_its_model(
    api, project, prompt, models, repository
):
    run = await api.until(await api.start(project, prompt))
    asked = len(models.requests)
    (repository / "a.txt").write_text("the branch has moved on")
    git(repository, "commit", "-qam", "later")
    found = json.loads(await codeforge(api, "replay", run["id"], "--json"))
    assert (found["same"], found["divergence"]) == (True, None)
    assert found["sentence"] == "The same change: 1 file, after 3 calls."
    again = found["run"]
    assert (again["replays"], again["model"]) == (run["id"], f"replay/run-{run['id']}")
    assert again["base"] == run["base"] != git(repository, "rev-parse", "HEAD").strip()
    assert len(models.requests) == asked
    assert all(call["replayed"] for call in await kept(api, again))


async def test_a_replay_tells_the_first_request_that_differs(api, project, prompt, mood, models):
    run = await api.until(await api.start(project, prompt))
    mood.write_text("the weather, please")  # the words that were recorded are in it still
    found = json.loads(await codeforge(api, "replay", run["id"], "--json", code=1))
    at = {name: found["divergence"][name] for name in ("call", "exchange", "message", "role", "at", "was", "now")}
    assert at == {
        "call": 3, "exchange": "0003.json", "message": 0, "role": "user", "at": 11, "was": "the weather",
        "now": "the weather, please",
    }  # fmt: skip
    assert found["sentence"].startswith("The replay differs from the run at call 3: the nearest is 0003.json, where")
    assert "'the weather' was said and now is 'the weather, please'" in found["sentence"]
    await api.says(found["run"], "has no answer to call 3 of this run")


async def test_a_cassette_that_was_written_to_a_folder_is_a_model_elsewhere(api, project, prompt, settings, models):
    run = await api.until(await api.start(project, prompt))
    await kept(api, run)
    folder = settings.data_dir / "cassettes" / "taken-along"
    assert "3 exchanges" in await codeforge(api, "runs", "cassette", run["id"], str(folder))
    assert "is not empty" not in await codeforge(api, "runs", "cassette", run["id"], str(folder), code=1)
    assert [path.name for path in sorted(folder.iterdir())] == ["0001.json", "0002.json", "0003.json"]
    assert KEY not in "".join(path.read_text() for path in folder.iterdir())
    asked = len(models.requests)
    again = await api.until(await api.start(project, prompt, model="replay/taken-along"))
    assert len(models.requests) == asked
    was, now = [(await api.get(f"/runs/{one['id']}/diff"))["diff"] for one in (run, again)]
    assert was == now != ""


async def test_what_cannot_be_replayed_says_why(api, project, prompt, models):
    models.script("m", [Step(text="x" * 50, until=0.5, then="hang")])
    live = await api.start(project, prompt)
    await models.seen(1)
    told = await api.post(f"/runs/{live['id']}/replay", status=409)
    assert told["detail"] == "The run is not over: it can be replayed when it is."
    await api.post(f"/runs/{live['id']}/stop")
    await api.until(live)
    silent = await api.until(await api.start(project, "echo b > b.txt"))
    told = await api.post(f"/runs/{silent['id']}/replay", status=409)
    assert told["detail"] == "The run called no model: there is nothing to replay."


async def test_a_run_s_exchanges_have_a_bound_which_is_said_once(api, project, prompt, monkeypatch):
    monkeypatch.setattr(exchanges, "MOST", 10)
    monkeypatch.setattr(exchanges, "LATE", 0.2)
    run = await api.until(await api.start(project, prompt))
    await api.says(run, "more than 64 MB")
    assert not any(call["exchange"] for call in (await api.get(f"/runs/{run['id']}/calls"))["items"])
    told = await api.post(f"/runs/{run['id']}/replay", status=409)
    assert told["detail"].startswith("Of the run's 3 model calls, the exchanges of 3 are not kept")
    history = repr(await api.get(f"/runs/{run['id']}/events?limit=1000"))
    assert history.count("more than 64 MB") == 1


async def test_exchanges_are_written_before_a_server_ends_and_forgotten_when_they_are_old(settings, models, repository):
    models.script("m", ["Hello."])
    prompt = f"{ASK} for n in $(seq 40); do ask true $n > /dev/null; done; echo b > b.txt"
    async with running(settings, extra={"stand_ins": StandIns()}) as (_, api):
        provider = {"kind": "openai-compatible", "base_url": models.url, "settings": {"models": ["m"]}}
        await api.call("PUT", "/providers/scripted?test=false", provider)
        project = await api.post("/projects", {"url": str(repository), "agent": "shell", "model": "scripted/m"})
        run = await api.until(await api.start(project, prompt))
    async with running(settings, extra={"stand_ins": StandIns()}) as (forge, api):
        calls = (await api.get(f"/runs/{run['id']}/calls"))["items"]
        assert len(calls) == 40
        assert all(call["exchange"] for call in calls)
        assert await forge.exchanges.forget_old() == 0
        forge.settings = settings.model_copy(update={"exchange_days": 1e-9})
        assert await forge.exchanges.forget_old() == 40


async def test_nothing_is_kept_where_that_was_not_wanted(settings, models, repository, prompt):
    settings = settings.model_copy(update={"keep_exchanges": False})
    async with running(settings, extra={"stand_ins": StandIns()}) as (_, api):
        provider = {"kind": "openai-compatible", "base_url": models.url, "settings": {"models": ["m"]}}
        await api.call("PUT", "/providers/scripted?test=false", provider)
        project = await api.post("/projects", {"url": str(repository), "agent": "shell", "model": "scripted/m"})
        run = await api.until(await api.start(project, prompt))
    async with running(settings, extra={"stand_ins": StandIns()}) as (_, api):
        assert not any(call["exchange"] for call in (await api.get(f"/runs/{run['id']}/calls"))["items"])


def test_of_several_attempts_at_one_request_the_last_is_what_the_agent_was_answered(tmp_path):
    cassette = Cassette(tmp_path)
    for call, (request, said) in enumerate([("a", "busy"), ("a", "yes"), ("b", "no")]):
        cassette.add(str(call), {"fixtures": [{"response": {"content": said}, "codeforge": {"request_id": request}}]})
    said = [json.loads(p.read_text())["fixtures"][0]["response"]["content"] for p in sorted(tmp_path.iterdir())]
    assert said == ["yes", "no"]


@pytest.mark.parametrize("protocol", ["messages", "responses"])
async def test_other_protocols_are_replayed_too(api, project, models, protocol):
    models.script("m", [Step(text="Hello.", tools=[("read", {"path": "a.txt"})]), "Done."])
    says = {"messages": '\\"max_tokens\\": 9, \\"messages\\"', "responses": '\\"input\\"'}[protocol]
    user = '{\\"role\\": \\"user\\", \\"content\\": \\"$1\\"}'
    path = {"messages": "${GATEWAY%/v1}/anthropic/v1/messages", "responses": "$GATEWAY/responses"}[protocol]
    prompt = f"""
ask() {{
  curl -sS "{path}" -H "Authorization: Bearer $KEY" -H "Content-Type: application/json" \\
    -d "{{\\"model\\": \\"scripted/m\\", \\"stream\\": true, {says}: [{user}]}}"
}}
{{ ask one; ask two; }} | grep -o 'Hello\\|Done\\|a.txt\\|delta' | sort -u > b.txt; cat b.txt
"""
    run = await api.until(await api.start(project, prompt))
    assert (run["state"], run["change"]["added"]) == ("review", 4)
    calls = await kept(api, run)
    assert [call["status"] for call in calls] == [200, 200]
    asked = len(models.requests)
    found = json.loads(await codeforge(api, "replay", run["id"], "--json"))
    assert found["sentence"] == "The same change: 1 file, after 2 calls."
    assert len(models.requests) == asked


@pytest.mark.xdist_group("aider")
async def test_a_run_of_aider_is_replayed_to_the_same_change(tmp_path, models):
    repository = new_repository(tmp_path / "aider", **{"hello.py": 'GREETING = "hello"\n'})
    edit = "Friendlier.\n\n" + search_replace("hello.py", 'GREETING = "hello"\n', 'GREETING = "hello, world"\n')
    settings = Settings(data_dir=tmp_path / "data", agents_dir=agents_dir(), port=0)
    async with running(settings) as (_, api):
        provider = {"kind": "openai-compatible", "base_url": models.url, "key": KEY, "settings": {"models": ["m"]}}
        await api.call("PUT", "/providers/scripted?test=false", provider)
        models.script("m", [Step(status=429, text="slow down"), edit])
        project = await api.post("/projects", {"url": str(repository), "agent": "aider", "model": "scripted/m"})
        run = await api.until(await api.start(project, "Make GREETING in hello.py friendlier."), seconds=90)
        assert (run["state"], run["detail"]) == ("review", "")
        await api.call("DELETE", "/providers/scripted")
        asked = len(models.requests)
        found = json.loads(await codeforge(api, "replay", run["id"], "--json"))
        assert found["sentence"] == "The same change: 1 file, after 2 calls."
        assert len(models.requests) == asked
