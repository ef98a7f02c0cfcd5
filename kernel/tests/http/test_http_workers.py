"""Workers of other machines: how people register and end them, and what the worker API refuses, in sentences."""

import json

import pytest

from codeforge import RunState, __version__, versions
from codeforge.store import tables as t

HELLO = {"host": "lab", "version": __version__, "agents": ["shell"], "slots": 2}
VERSION = {versions.HEADER: __version__}
CALLS = [
    ("POST", "/hello"),
    ("POST", "/beat"),
    ("POST", "/agents"),
    ("POST", "/claim"),
    ("POST", "/runs/{id}/renew"),
    ("GET", "/runs/{id}"),
    ("PUT", "/runs/{id}/memory"),
    ("POST", "/runs/{id}/saved"),
    ("POST", "/runs/{id}/source"),
    ("PUT", "/runs/{id}/work"),
]


@pytest.fixture
def worker_api(site, session):
    """Calls the worker API: ``await call(secret, method, path, body, ...)`` gives (status, JSON or None)."""

    async def call(secret, method, path, body=None, *, headers=VERSION, **options):
        if body is not None:
            options["json"] = body
        both = {"Authorization": f"Bearer {secret}", **headers}
        url = f"{site.url}/api/worker/v1{path}"
        async with session.request(method, url, headers=both, allow_redirects=False, **options) as answer:
            raw = await answer.read()
            if answer.status >= 400:
                assert answer.content_type == "application/problem+json", (answer.status, raw)
                assert answer.status < 500, raw
            return answer.status, json.loads(raw) if raw else None

    return call


@pytest.fixture
async def worker(forge, who):
    """(its id, its token) of a worker that is registered."""
    made, secret = await forge.workers.add(who, "build-1", ("gpu",))
    return made.id, secret


async def test_a_worker_says_what_its_agents_are(worker, worker_api, forge, who):
    await worker_api(worker[1], "POST", "/hello", HELLO)
    said = {"ready": True, "version": "1", "size_mb": 3, "abilities": {"steer": "agent"}, "later": "field"}
    assert await worker_api(worker[1], "POST", "/agents", {"agents": {"shell": said}}) == (204, None)
    del said["later"]
    assert (await forge.workers.list(who))[0].described == {"shell": said}
    status, told = await worker_api(worker[1], "POST", "/agents", {"agents": {"shell": {"size_mb": -1}}})
    assert (status, "size_mb" in told["detail"]) == (422, True)


async def test_what_a_worker_said_of_its_agents_is_forgotten_when_it_comes_back(worker, worker_api, forge, who):
    await worker_api(worker[1], "POST", "/hello", HELLO)
    await worker_api(worker[1], "POST", "/agents", {"agents": {"shell": {"ready": True}}})
    await worker_api(worker[1], "POST", "/hello", HELLO)  # of an older version by now, which says nothing
    assert (await forge.workers.list(who))[0].described == {}


@pytest.fixture
async def another(forge, who):
    made, secret = await forge.workers.add(who, "build-2")
    return made.id, secret


@pytest.fixture
async def held(worker, worker_api, run):
    """A run that the worker holds by the worker API."""
    assert (await worker_api(worker[1], "POST", "/hello", HELLO))[0] == 200
    status, given = await worker_api(worker[1], "POST", "/claim", {})
    assert (status, given["run"]["id"]) == (200, run.id)
    return given["run"]


# --------------------------------------------------------------------------------------------------
# The public API: /workers
# --------------------------------------------------------------------------------------------------


async def test_a_worker_is_registered_listed_drained_and_revoked(api, worker_api):
    made = await api("POST", "/workers", {"name": "build-1", "labels": ["linux", "gpu", "gpu"]})
    assert made.status == 201
    assert made.json["labels"] == ["gpu", "linux"]
    assert (made.json["local"], made.json["alive"], made.json["seen_at"]) == (False, False, None)
    secret, path = made.json["secret"], f"/workers/{made.json['id']}"
    await worker_api(secret, "POST", "/hello", HELLO)
    listed = await api("GET", "/workers")
    [known] = listed.json["items"]
    assert (known["alive"], known["host"], known["slots"], known["agents"]) == (True, "lab", 2, ["shell"])
    assert secret not in listed.text
    assert (await api("PATCH", path, {"draining": True})).json["draining"] is True
    assert await worker_api(secret, "POST", "/beat", {"load": 0.5}) == (200, {"draining": True})
    assert (await api("PATCH", path, {"draining": False})).json["draining"] is False
    assert (await api("DELETE", path)).status == 204
    assert (await api("GET", "/workers")).json["items"] == []
    assert (await api("DELETE", path)).status == 404
    assert (await api("PATCH", path, {"draining": True})).status == 404
    assert (await worker_api(secret, "POST", "/beat", {}))[0] == 401


async def test_a_name_can_be_used_again_once_its_worker_is_revoked(api):
    made = await api("POST", "/workers", {"name": "build-1"})
    twice = await api("POST", "/workers", {"name": "build-1"})
    assert (twice.status, twice.json["field"]) == (409, "name")
    assert "choose another name" in twice.json["detail"]
    await api("DELETE", f"/workers/{made.json['id']}")
    assert (await api("POST", "/workers", {"name": "build-1"})).status == 201


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": "two words"}, "name"),
        ({"name": "x" * 64}, "name"),
        ({"name": "x", "labels": ["a b"]}, "labels"),
        ({"name": "x", "labels": "gpu"}, "labels"),
        ({"name": "x", "token": "mine"}, "token"),
    ],
)
async def test_a_worker_that_cannot_be_is_refused(api, body, field):
    answer = await api("POST", "/workers", body)
    assert (answer.status, answer.json["field"].split(".")[0]) == (422, field)
    assert (await api("GET", "/workers")).json["items"] == []


async def test_a_worker_within_a_server_is_drained_but_not_revoked(api, forge):
    await forge.workers.hello("local-1", name="here", **HELLO)
    [known] = (await api("GET", "/workers")).json["items"]
    assert known["local"] is True
    refused = await api("DELETE", "/workers/local-1")
    assert (refused.status, "drain it, or end its server" in refused.json["detail"]) == (409, True)
    assert (await api("PATCH", "/workers/local-1", {"draining": True})).json["draining"] is True


async def test_workers_of_other_tenants_are_not_there(api, forge, worker):
    await forge.store.run(None, lambda door: door.update(t.Worker, t.Worker.id == worker[0], tenant_id="other"))
    assert (await api("GET", "/workers")).json["items"] == []
    assert (await api("PATCH", f"/workers/{worker[0]}", {"draining": True})).status == 404
    assert (await api("DELETE", f"/workers/{worker[0]}")).status == 404


# --------------------------------------------------------------------------------------------------
# The worker API: who may call it
# --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("method", "path"), CALLS)
async def test_only_a_workers_token_opens_the_worker_api(worker_api, token, run, worker, forge, who, method, path):
    path = path.format(id=run.id)
    status, problem = await worker_api(token, method, path)
    assert (status, "no scope worker" in problem["detail"]) == (403, True)
    for wrong in ("cfwrk_wrong", "nothing", worker[0]):
        assert (await worker_api(wrong, method, path))[0] == 401
    await forge.workers.revoke(who, worker[0])
    status, problem = await worker_api(worker[1], method, path)
    assert (status, "codeforge workers add" in problem["detail"]) == (401, True)


async def test_a_workers_token_opens_nothing_else(api, worker, run):
    mine = {"Authorization": f"Bearer {worker[1]}"}
    for method, path in (
        ("GET", "/projects"),
        ("GET", f"/runs/{run.id}"),
        ("POST", f"/runs/{run.id}/stop"),
        ("GET", "/workers"),
        ("POST", "/workers"),
        ("GET", "/providers"),
        ("GET", f"/runs/{run.id}/events"),
    ):
        assert (await api(method, path, headers=mine)).status == 403, path


@pytest.mark.parametrize(("method", "path"), CALLS)
async def test_a_worker_of_another_version_is_refused_with_both_versions(worker_api, worker, run, method, path):
    for theirs in ("", "0.9.0", "2.0", "x.y", "1", "-1.2", "\u0661.\u0662", "9" * 3000 + ".1"):
        headers = {versions.HEADER: theirs} if theirs else {}
        status, problem = await worker_api(worker[1], method, path.format(id=run.id), headers=headers)
        assert (status, problem["type"]) == (409, "/problems/conflict"), theirs[:20]
        assert __version__ in problem["detail"]
        assert (theirs[:20] or "unknown") in problem["detail"]


async def test_a_worker_one_minor_version_away_is_welcome(worker_api, worker):
    major, minor = map(int, __version__.split(".")[:2])
    for near in (f"{major}.{minor + 1}.7", f"{major}.{max(minor - 1, 0)}.0"):
        headers = {versions.HEADER: near}
        status, told = await worker_api(worker[1], "POST", "/hello", HELLO, headers=headers)
        assert (status, told["name"]) == (200, "build-1")


# --------------------------------------------------------------------------------------------------
# What one worker may not do to the run of another
# --------------------------------------------------------------------------------------------------


async def test_another_workers_run_is_none_of_its_business(worker_api, held, another, forge, who):
    path = f"/runs/{held['id']}"
    work = {"params": {"ref": f"refs/codeforge/runs/{held['id']}/1", "head": "b" * 40}, "data": b"PACK"}
    for method, tail, body, options in (
        ("POST", "/renew", {"generation": 1}, {}),
        ("POST", "/source", {"generation": 1}, {}),
        ("PUT", "/memory?generation=1", None, {"data": b"x"}),
    ):
        status, problem = await worker_api(another[1], method, path + tail, body, **options)
        assert (status, problem["type"]) == (409, "/problems/fenced"), tail
        assert "another worker" in problem["detail"]
    saved = {**WHOLE, "ref": work["params"]["ref"]}
    assert (await worker_api(another[1], "PUT", path + "/work", **work))[1]["type"] == "/problems/fenced"
    assert (await worker_api(another[1], "POST", path + "/saved", saved))[1]["type"] == "/problems/fenced"
    run = await forge.runs.get(who, held["id"])
    assert (run.state, run.change) == (RunState.PREPARING, None)


async def test_work_that_is_found_later_is_kept_but_replaces_no_other(worker_api, held, worker, another, forge):
    """A worker that was registered anew finds what it did under its old name."""
    await forge.coordinator.reap(everything=True)
    path, ref = f"/runs/{held['id']}", f"refs/codeforge/runs/{held['id']}/1"

    async def bring(secret, head):
        params = {"ref": ref, "head": head * 40}
        return (await worker_api(secret, "PUT", path + "/work", params=params, data=b"PACK"))[0]

    assert await bring(another[1], "c") == 204
    assert await bring(another[1], "c") == 204
    saved = {**WHOLE, "ref": ref, "head": "c" * 40}
    assert (await worker_api(another[1], "POST", path + "/saved", saved))[0] == 204
    assert await bring(another[1], "d") == 409
    assert (await worker_api(another[1], "POST", path + "/saved", {**saved, "head": "d" * 40}))[0] == 409
    assert await bring(worker[1], "e") == 204
    assert await bring(another[1], "c") == 409


async def test_work_that_was_sent_before_and_comes_after_a_later_one_replaces_nothing(worker_api, held, worker, forge):
    """A server that froze with a worker's commits in hand wakes when another has taken the next ones."""
    path, ref = f"/runs/{held['id']}/work", f"refs/codeforge/runs/{held['id']}/1"
    for nth, head in ((1, "c"), (3, "e"), (2, "d")):
        params = {"ref": ref, "head": head * 40, "nth": nth}
        assert (await worker_api(worker[1], "PUT", path, params=params, data=b"PACK"))[0] == 204
    packs = await forge.store.read(None, lambda door: door.all(t.Pack, t.Pack.run_id == held["id"]))
    assert [pack["head"] for pack in packs] == ["e" * 40]


async def test_an_older_generation_is_refused(worker_api, held, worker, forge):
    await forge.store.run(None, lambda door: door.update(t.Run, t.Run.id == held["id"], generation=2))
    status, problem = await worker_api(worker[1], "POST", f"/runs/{held['id']}/renew", {"generation": 1})
    assert (status, problem["type"]) == (409, "/problems/fenced")
    memory = f"/runs/{held['id']}/memory?generation=1"
    assert (await worker_api(worker[1], "PUT", memory, data=b"x"))[1]["type"] == "/problems/fenced"


async def test_a_run_of_another_tenant_is_not_there(worker_api, held, worker, forge):
    await forge.store.run(None, lambda door: door.update(t.Worker, t.Worker.id == worker[0], tenant_id="other"))
    assert (await worker_api(worker[1], "GET", f"/runs/{held['id']}"))[0] == 404
    assert (await worker_api(worker[1], "POST", "/claim", {}))[0] == 204


# --------------------------------------------------------------------------------------------------
# What makes no sense
# --------------------------------------------------------------------------------------------------

WHOLE = {"base": "a" * 40, "head": "b" * 40, "files": 1, "added": 1, "deleted": 0}


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/hello", {}, 422),
        ("POST", "/hello", {**HELLO, "slots": 0}, 422),
        ("POST", "/hello", {**HELLO, "slots": 10**30}, 422),
        ("POST", "/hello", {**HELLO, "slots": "2"}, 422),
        ("POST", "/hello", {**HELLO, "agents": "shell"}, 422),
        ("POST", "/hello", {**HELLO, "host": "x\0y"}, 422),
        ("POST", "/hello", {**HELLO, "name": "other"}, 422),
        ("POST", "/hello", [], 422),
        ("POST", "/beat", {"load": "high"}, 422),
        ("POST", "/beat", {"draining": True}, 422),
        ("POST", "/runs/{id}/renew", {}, 422),
        ("POST", "/runs/{id}/renew", {"generation": 1, "wait": 3600}, 422),
        ("POST", "/runs/{id}/renew", {"generation": 10**30}, 422),
        ("POST", "/runs/{id}/renew", {"generation": 1, "known": "all"}, 422),
        ("POST", "/runs/gone/renew", {"generation": 1}, 404),
        ("GET", "/runs/gone", None, 404),
        ("PUT", "/runs/{id}/memory", None, 422),
        ("PUT", "/runs/{id}/memory?generation=one", None, 422),
        ("POST", "/runs/{id}/saved", {**WHOLE, "ref": "refs/heads/main"}, 422),
        ("POST", "/runs/{id}/saved", {**WHOLE, "ref": "refs/codeforge/runs/other/1"}, 422),
        ("POST", "/runs/{id}/saved", {**WHOLE, "ref": "refs/codeforge/runs/{id}/one"}, 422),
        ("POST", "/runs/{id}/saved", {**WHOLE, "ref": "refs/codeforge/runs/{id}/1", "files": -1}, 422),
        ("POST", "/runs/{id}/source", {"generation": 1, "have": "all"}, 422),
        ("PUT", "/runs/{id}/work", None, 422),
        ("PUT", "/runs/{id}/work?ref=refs/heads/main&head=" + "b" * 40, None, 422),
        ("PUT", "/runs/{id}/work?ref=refs/codeforge/runs/{id}/1&head=zz", None, 422),
        ("PUT", "/runs/{id}/work?ref=refs/codeforge/runs/{id}/" + "9" * 5000 + "&head=" + "b" * 40, None, 422),
        ("POST", "/runs/{id}/source", {"generation": 1, "have": ["--upload-pack=x"]}, 422),
        ("POST", "/runs/{id}/source", {"generation": 1, "base": "HEAD"}, 422),
        ("POST", "/nothing", {}, 404),
        ("GET", "/claim", None, 405),
    ],
)
async def test_what_makes_no_sense_is_a_problem_and_changes_nothing(
    worker_api, held, worker, forge, who, method, path, body, status
):
    if body and "ref" in body:
        body = {**body, "ref": body["ref"].replace("{id}", held["id"])}
    before = await forge.runs.get(who, held["id"])
    got, problem = await worker_api(worker[1], method, path.replace("{id}", held["id"]), body)
    assert (got, bool(problem["detail"])) == (status, True), problem
    assert await forge.runs.get(who, held["id"]) == before


async def test_what_is_no_json_is_a_problem(worker_api, worker):
    for raw, kind, status in (
        (b"{", "application/json", 400),
        (b"\xff", "application/json", 400),
        (b"{}", "text/plain", 415),
    ):
        headers = {**VERSION, "Content-Type": kind}
        assert (await worker_api(worker[1], "POST", "/hello", headers=headers, data=raw))[0] == status


async def test_a_workers_token_is_in_no_event_and_no_row(api, worker_api, worker, held, forge, who):
    await worker_api(worker[1], "POST", "/beat", {"load": 1.0})
    assert worker[1] not in (await api("GET", f"/runs/{held['id']}/events")).text
    assert worker[1] not in (await api("GET", "/workers")).text
    for file in forge.settings.data_dir.rglob("*"):
        if file.is_file():
            assert worker[1].encode() not in file.read_bytes(), file
