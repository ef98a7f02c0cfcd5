"""Canaries: secrets of every kind are put where they belong, real work goes through every door, and then all that
CodeForge wrote, showed or sent is searched for them.
"""

import asyncio
import json
import os
import re
import sys
import tarfile
import zlib
from dataclasses import dataclass

import aiohttp
import pytest
from aiohttp import web

from codeforge.testing import ScriptedModels, Server, Step, git, new_repository

STORED, ENVIRONMENT, REPOSITORY = (
    f"sk-canary-{what}-4f9b27c1d8e6a350" for what in ("stored", "environment", "repository")
)
ALLOWED = (
    # place, canary, and why it may be there
    (r"cli-token", "token", "the command line's own token, readable by its owner only"),
    (r"mirrors/.*", "run", "the agent committed its own key, which is dead since its run ended"),
    (r"mirrors/.*", "stored", "the repository held it before CodeForge came, and history is not rewritten"),
)
"""Everywhere else a canary is a leak, as it is or within what zlib has packed (Git's objects, kept exchanges). What an
agent leaves in its own memory is packed by gzip and its own affair: all that it knows is its run's key, which is dead.
"""
SCRIPT = """
env; echo "my key is $KEY"; cat key.txt
ask() {{ curl -sS "$1" -H "Authorization: Bearer $KEY" -H "Content-Type: application/json" \
  -d "{{\\"model\\": \\"$2\\", \\"stream\\": $3, \\"max_tokens\\": 99,
    \\"$4\\": [{{\\"role\\": \\"user\\", \\"content\\": \\"$KEY $(cat key.txt)\\"}}]}}"; }}
chat="$GATEWAY/chat/completions"; messages="${{GATEWAY%/v1}}/anthropic/v1/messages"; responses="$GATEWAY/responses"
ask $chat {model} false messages; ask $chat {model} true messages; ask $chat {model} true messages
for n in 1 2 3; do ask $messages {model} true messages; ask $responses {model} true input; done
ask $chat wrong false messages
echo "$KEY" > $STATE/memory; echo "$KEY $(cat key.txt) again" > found.txt
git add -A; git -c user.name=a -c user.email=a@b.c commit -qm "a key: $KEY $(cat key.txt)"
exit {code}
"""


DAYS_WORK = int(os.environ.get("CODEFORGE_TEST_CANARY_ROUNDS", "1"))
"""How often all the work is done before the search: one round has six runs and forty calls, a day of a team twenty."""
NOT_FOLLOWED = ("/static/", "/signout", "/api/", "/error")


@dataclass
class Found:
    """One text that was looked at, and where it came from."""

    place: str
    text: bytes


async def echo(request):
    """A provider that quotes the key that it was given, whatever it is asked."""
    return web.json_response({"error": {"message": f"Bad key: {request.headers.get('Authorization')}"}}, status=401)


@pytest.fixture
async def rude():
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", echo)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    await runner.cleanup()


@pytest.fixture
async def models():
    def talk(seen):
        quoted = f"I was given {seen.key}."
        return (Step(text="Well."), Step(status=400, text=quoted), Step(text="Well.", then="error", code=quoted))[
            sum(one.key == seen.key for one in models.requests) % 3
        ]

    async with ScriptedModels() as models:
        models.script("m", talk)
        yield models


@pytest.mark.timeout(120 * DAYS_WORK)
async def test_no_secret_is_found_where_it_does_not_belong(tmp_path, models, rude):
    repository = new_repository(tmp_path / "repository", **{"key.txt": STORED + "\n", "a.txt": "a\n"})
    env = {"OPENAI_API_KEY": ENVIRONMENT, "OPENAI_BASE_URL": models.url}
    server = Server(tmp_path / "data", env=env)
    found: list[Found] = []
    async with server as api:
        canaries = {"stored": {STORED}, "environment": {ENVIRONMENT}, "repository": {REPOSITORY}}
        canaries["token"] = {api.http.headers["Authorization"].removeprefix("Bearer ")}
        canaries["token"] |= {(await api.post("/tokens", {"name": "script", "scopes": ["read"]}))["secret"]}
        canaries["worker"] = {(await api.post("/workers", {"name": "far"}))["secret"]}
        await use_the_worker(api, canaries["worker"])
        await give_keys(api, models, rude, found)
        for nth in range(DAYS_WORK):
            await work(api, repository, found, name=f"canary {nth}")
        canaries["session"] = await look(api, server, tmp_path / "data", found)
        await take_along(api, tmp_path, found)
        canaries["run"] = {key for seen in models.requests for key in re.findall(r"cfrun_[\w-]+", seen.text)}
        assert len(canaries["run"]) >= 3
    found += files(tmp_path / "data")
    assert len(found) > 100
    seen = {
        (one.place, name)
        for one in found
        for name, secrets in canaries.items()
        if any(secret.encode() in one.text for secret in secrets)
    }
    allowed = {one for one in seen for where, name, _ in ALLOWED if one[1] == name and re.fullmatch(where, one[0])}
    assert seen - allowed == set()
    assert allowed, "the search finds nothing at all"


async def use_the_worker(api, secrets):
    """A worker on another machine says hello with its token."""
    headers = {"Authorization": f"Bearer {next(iter(secrets))}"}
    body = {"host": "far", "version": "0.1.0", "agents": [], "slots": 1}
    async with (
        aiohttp.ClientSession(headers=headers) as http,
        http.post(f"{api.url}/api/v1/worker/hello", json=body) as a,
    ):
        assert a.status < 500


async def give_keys(api, models, rude, found):
    """Keys of providers, one that answers and one that quotes the key, and of a repository."""
    stored = {"kind": "openai-compatible", "base_url": models.url, "key": STORED, "settings": {"models": ["m"]}}
    await api.call("PUT", "/providers/stored", stored)
    refuses = {"kind": "openai-compatible", "base_url": rude, "key": STORED, "settings": {"models": ["m"]}}
    said = [await api.call("PUT", "/providers/rude", refuses, status=422)]
    await api.call("PUT", "/providers/rude?test=false", refuses)
    said.append(await api.post("/providers/rude/test"))
    found.append(Found("tests of a key", json.dumps(said).encode()))
    with_key = f"https://me:{REPOSITORY}@example.invalid/x.git"
    for path in ("/projects", "/projects/inspect"):
        said = await api.post(path, {"url": with_key}, status=422)
        found.append(Found(f"refusal of {path}", json.dumps(said).encode()))


async def work(api, repository, found, *, name):
    """Real work through every door: runs that end well and badly, words of people, deliveries, refusals."""
    check = "cat key.txt; git log -1"
    project = await api.post(
        "/projects", {"url": str(repository), "agent": "shell", "model": "stored/m", "check": check, "name": name}
    )
    for model, code in (("stored/m", 0), ("openai/m", 0), ("stored/m", 3), ("rude/m", 0)):
        script = SCRIPT.format(model=model, code=code)
        run = await api.start(project, f"{script}\n# and my key is {STORED}", title=f"Use {STORED}", model=model)
        run = await api.until(run)
        if run["state"] == "review":
            again = await api.post(f"/runs/{run['id']}/replay")
            await api.until(again)
            await api.post(f"/runs/{again['id']}/review", {"verdict": "reject", "comment": f"Not with {STORED}"})
            back = {"verdict": "send_back", "comment": f"echo {STORED} > said.txt; cat $STATE/memory"}
            last = await api.until(await api.post(f"/runs/{run['id']}/review", back))
    await api.post(f"/runs/{last['id']}/review", {"verdict": "accept", "comment": f"Good, {STORED}."})
    found.append(Found("delivered message", git(repository, "log", "-1", "--format=%B").encode()))


async def look(api, server, data, found):
    """Every page and every answer of the API, as a person and as a script see them; gives the session's secret."""
    projects = (await api.get("/projects"))["items"]
    runs = (await api.get("/runs?limit=200"))["items"]
    ids = {"projects": [p["id"] for p in projects], "runs": [r["id"] for r in runs]}
    ids["tasks"] = sorted({run["task_id"] for run in runs})
    calls = [c["id"] for run in runs for c in (await api.get(f"/runs/{run['id']}/calls"))["items"] if c["exchange"]]
    assert len(calls) >= 36
    ids["calls"] = calls
    document = await api.get("/openapi.json")
    for path, operations in document["paths"].items():
        if "get" not in operations or "stream" in path or path.endswith("/events/stream"):
            continue
        for one in ids.get(path.split("/")[1], ["x"]) if "{id}" in path else [""]:
            await read(api.http, f"{api.url}/api/v1{path.replace('{id}', one)}", found)
    for run in runs:
        await read(api.http, f"{api.url}/api/v1/runs/{run['id']}/events?limit=1000", found)
    await read(api.http, f"{api.url}/metrics", found)
    link = (await codeforge(data, "link")).strip().rpartition("token=")[2]
    async with aiohttp.ClientSession(
        cookie_jar=aiohttp.CookieJar(unsafe=True), headers={"Accept": "text/html"}
    ) as http:
        async with http.post(f"{api.url}/signin", data={"token": link}) as answer:
            assert answer.status == 200
        pages = ["/projects", "/projects/live", "/queue/live", "/trouble"]
        pages += [f"/projects/{one}/health" for one in ids["projects"]]
        below = ("", "/now", "/calls/now", "/files/0", "/files/1")
        pages += [f"/runs/{one}{more}" for one in ids["runs"] for more in below]
        for page in pages:  # grows with every link that is found
            await read(http, api.url + page, found)
            links = re.findall(r'(?:href|hx-get)="(/[^"#?]*)', found[-1].text.decode(errors="replace"))
            pages += [link for link in dict.fromkeys(links) if link not in pages and not link.startswith(NOT_FOLLOWED)]
        assert {"/models", "/costs", "/tokens", "/workers", "/queue"} < set(pages)
        session = {cookie.value for cookie in http.cookie_jar}
    return session | {link}


async def read(http, url, found):
    async with http.get(url) as answer:
        assert answer.status < 500, url
        endless = answer.content_type == "text/event-stream"
        text = await (answer.content.readany() if endless else answer.read())
        found.append(Found(re.sub(r"^http://[^/]*", "", url), text))


async def take_along(api, folder, found):
    """What people carry away: cassettes, a backup without the key file, what the doctor says."""
    for run in (await api.get("/runs?limit=200"))["items"]:
        if any(call["exchange"] for call in (await api.get(f"/runs/{run['id']}/calls"))["items"]):
            into = folder / "exported" / run["id"]
            await codeforge(folder / "data", "runs", "cassette", run["id"], str(into))
            found += [Found(f"exported/{path.name}", path.read_bytes()) for path in into.iterdir()]
    archive = folder / "backup.tar"
    await codeforge(folder / "data", "backup", str(archive), "--without", "key")
    with tarfile.open(archive) as tar:
        for member in tar:
            if file := tar.extractfile(member):
                found.append(Found(member.name, file.read()))
    found.append(Found("doctor", (await codeforge(folder / "data", "doctor", "--json", code=None)).encode()))


async def codeforge(data, *words, code=0):
    env = {**os.environ, "CODEFORGE_DATA_DIR": str(data)}
    out = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "codeforge", *words, env=env, stdout=out, stderr=out
    )
    said, wrong = await process.communicate()
    assert code is None or process.returncode == code, wrong.decode()
    return (said + (wrong if code is None else b"")).decode()


def files(folder):
    """Every file below the data folder, and what Git has packed in it."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            text = path.read_bytes()
            yield Found(str(path.relative_to(folder)), text + unpacked(text))


def unpacked(text):
    """What zlib streams in a file hold, wherever they begin."""
    found = b""
    for start in re.finditer(rb"\x78[\x01\x5e\x9c\xda]", text):
        try:
            found += zlib.decompressobj().decompress(text[start.start() :], 2**20)
        except zlib.error:
            continue
    return found
