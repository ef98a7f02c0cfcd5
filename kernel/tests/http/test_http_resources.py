"""Every resource of the API, as a program with a token uses it."""

import pytest

from codeforge.errors import MergeConflict
from codeforge.store import tables as t

WRONG = "01" + "z" * 24


async def test_health_says_that_the_server_lives_to_anybody(api):
    answer = await api("GET", "/health", headers={"Authorization": ""})
    assert answer.status == 200
    assert answer.json["ok"] is True


async def test_a_project_is_looked_at_added_listed_read_changed_and_forgotten(api):
    seen = (await api("POST", "/projects/inspect", {"url": "/paper/house"})).json
    assert (seen["scm"], seen["branches"], seen["dirty"]) == ("paper", ["main", "next"], ["notes.txt"])
    added = await api("POST", "/projects", {"url": "/paper/house", "check": "make", "limits": {"steps": 7}})
    assert added.status == 201
    assert added.json["name"] == "house"
    assert added.json["limits"] == {"steps": 7, "seconds": 3600, "cost_micro": None, "rounds": 0}
    path = f"/projects/{added.json['id']}"
    assert [p["id"] for p in (await api("GET", "/projects")).json["items"]] == [added.json["id"]]
    changed = await api("PATCH", path, {"branch": "next", "limits": {"seconds": 60}})
    assert changed.json["limits"] == {"steps": 7, "seconds": 60, "cost_micro": None, "rounds": 0}
    assert (await api("GET", path)).json == changed.json
    assert (await api("GET", f"{path}/health")).json["ok"] is True
    gone = await api("DELETE", path)
    assert (gone.status, gone.text) == (204, "")
    assert (await api("GET", path)).status == 404


async def test_a_project_that_somebody_else_changed_is_not_overwritten(api, project):
    tag = (await api("GET", f"/projects/{project.id}")).headers["ETag"]
    mine = await api("PATCH", f"/projects/{project.id}", {"check": "mine"}, headers={"If-Match": tag})
    assert (mine.status, mine.headers["ETag"]) == (200, '"2"')
    late = await api("PATCH", f"/projects/{project.id}", {"check": "late"}, headers={"If-Match": tag})
    assert (late.status, late.json["type"]) == (412, "/problems/stale")
    assert (await api("GET", f"/projects/{project.id}")).json["check"] == "mine"
    odd = await api("PATCH", f"/projects/{project.id}", {"check": "x"}, headers={"If-Match": '"x"'})
    assert (odd.status, odd.json["field"]) == (422, "If-Match")


async def test_a_task_is_submitted_with_its_first_run_and_tried_again(api, project):
    answer = await api("POST", f"/projects/{project.id}/tasks", {"prompt": "paint the door\nred", "priority": 3})
    assert answer.status == 201
    task, run = answer.json["task"], answer.json["run"]
    assert (task["title"], run["state"], run["priority"], run["model"]) == ("paint the door", "queued", 3, "small")
    assert (await api("GET", f"/tasks/{task['id']}")).json == task
    again = await api("POST", f"/tasks/{task['id']}/runs", {"model": "large"})
    assert (again.status, again.json["number"], again.json["model"]) == (201, 2, "large")
    assert (await api("POST", f"/tasks/{task['id']}/runs")).json["number"] == 3
    assert [r["number"] for r in (await api("GET", f"/tasks/{task['id']}/runs")).json["items"]] == [3, 2, 1]


async def test_a_task_can_wait_for_its_start(api, project):
    answer = await api("POST", f"/projects/{project.id}/tasks", {"prompt": "later", "start": False})
    assert answer.json["run"] is None


async def test_lists_go_on_where_the_last_page_ended(api, project):
    made = [(await api("POST", f"/projects/{project.id}/tasks", {"prompt": f"task {n}"})).json for n in range(5)]
    for path, ids in (
        (f"/projects/{project.id}/tasks", [m["task"]["id"] for m in made]),
        ("/runs", [m["run"]["id"] for m in made]),
    ):
        found, before = [], ""
        while before is not None:
            page = (await api("GET", f"{path}?limit=2&before={before}")).json
            found += [item["id"] for item in page["items"]]
            before = page["next"]
        assert found == ids[::-1]


async def test_runs_are_listed_by_project_and_by_whether_they_live(api, forge, who, run):
    other = await forge.projects.add(who, "/paper/garden")
    await forge.tasks.submit(who, other.id, "mow the lawn")
    await api("POST", f"/runs/{run.id}/stop")
    assert len((await api("GET", "/runs")).json["items"]) == 2
    assert [r["project_id"] for r in (await api("GET", "/runs?live=true")).json["items"]] == [other.id]
    assert [r["id"] for r in (await api("GET", f"/runs?project={run.project_id}")).json["items"]] == [run.id]


async def test_a_queued_run_stops_at_once_and_a_held_one_when_its_worker_says_so(api, forge, run):
    assert (await api("GET", f"/runs/{run.id}")).json["verbs"] == ["message", "pause", "stop", "restart", "prioritise"]
    assert (await api("POST", f"/runs/{run.id}/stop")).json["state"] == "stopped"


async def test_a_held_run_is_shown_as_stopping(api, working):
    stopping = (await api("POST", f"/runs/{working.id}/stop")).json
    assert (stopping["state"], stopping["stopping"], stopping["verbs"]) == ("working", True, ["restart"])


async def test_a_change_is_shown_file_by_file(api, reviewed):
    run = (await api("GET", f"/runs/{reviewed.id}")).json
    assert run["change"]["files"] == 2
    assert run["verbs"] == ["accept", "send_back", "reject", "message", "retry", "restart"]
    diff = (await api("GET", f"/runs/{reviewed.id}/diff?path=x")).json
    assert diff["diff"].startswith("--- a/x")
    assert [f["path"] for f in diff["files"]] == ["x", "caf\udce9"]
    other = await api("GET", f"/runs/{reviewed.id}/diff", params={"path": "../etc/passwd"})
    assert other.status == 404


async def test_an_accepted_change_is_delivered_once(api, scm, reviewed):
    for _ in range(2):
        answer = await api("POST", f"/runs/{reviewed.id}/review", {"verdict": "accept", "strategy": "squash"})
        assert (answer.status, answer.json["state"], answer.json["delivered"]) == (200, "accepted", "c" * 40)
    assert [strategy for strategy, _ in scm.delivered] == ["squash"]


async def test_a_change_in_conflict_names_the_files_and_stays_in_review(api, scm, reviewed):
    scm.fate = MergeConflict("The branch main moved, and x conflicts: send the change back.", ["x"])
    answer = await api("POST", f"/runs/{reviewed.id}/review", {"verdict": "accept"})
    assert (answer.status, answer.json["type"], answer.json["files"]) == (409, "/problems/merge-conflict", ["x"])
    assert (await api("GET", f"/runs/{reviewed.id}")).json["state"] == "review"


async def test_a_change_sent_back_gives_the_run_that_does_it_better(api, reviewed):
    answer = await api("POST", f"/runs/{reviewed.id}/review", {"verdict": "send_back", "comment": "use less paint"})
    assert (answer.json["follows"], answer.json["prompt"]) == (reviewed.id, "use less paint")
    assert (await api("GET", f"/runs/{reviewed.id}")).json["state"] == "sent_back"


async def test_a_rejected_change_can_only_be_retried(api, reviewed):
    answer = await api("POST", f"/runs/{reviewed.id}/review", {"verdict": "reject"})
    assert (answer.json["state"], answer.json["verbs"]) == ("rejected", ["retry", "restart"])
    refused = await api("POST", f"/runs/{reviewed.id}/messages", {"text": "wait"})
    assert (refused.status, refused.json["type"]) == (409, "/problems/conflict")


async def test_words_to_a_working_run_are_in_its_history(api, working):
    assert (await api("POST", f"/runs/{working.id}/messages", {"text": "mind the cat"})).status == 201
    events = (await api("GET", f"/runs/{working.id}/events")).json["items"]
    assert events[-1]["data"] == {"text": "mind the cat", "by": "admin"}


async def test_events_are_read_in_pages(api, working, say):
    await say(working, *(f"line {n}" for n in range(5)))
    events, after = [], "0"
    while after is not None:
        page = (await api("GET", f"/runs/{working.id}/events?after={after}&limit=3")).json
        events += page["items"]
        after = page["next"]
    assert [e["seq"] for e in events] == [*range(1, len(events) + 1)]
    assert set(events[0]) == {"run_id", "seq", "offset", "time", "kind", "data"}
    assert events[0]["time"].endswith("Z")


async def test_a_provider_keeps_its_key_to_itself(api):
    secret = "sk-very-secret-12345"
    put = await api("PUT", "/providers/openai", {"kind": "openai", "key": secret})
    assert (put.status, put.json["has_key"]) == (200, True)
    kept = await api("PUT", "/providers/openai", {"kind": "openai", "base_url": "https://example.org/v1"})
    assert kept.json["has_key"] is True
    listed = await api("GET", "/providers")
    assert secret not in put.text + kept.text + listed.text
    wrong = await api("PUT", "/providers/openai", {"kind": "openai", "key": [secret]})
    assert (wrong.status, wrong.json["field"]) == (422, "key")
    assert secret not in wrong.text
    assert (await api("DELETE", "/providers/openai")).status == 204
    assert (await api("DELETE", "/providers/openai")).status == 404


@pytest.mark.parametrize("url", ["http://[", "ftp://example.org", "example.org", "https://me:secret@example.org"])
async def test_an_address_that_no_provider_can_have_is_refused(api, url):
    answer = await api("PUT", "/providers/openai", {"kind": "openai", "base_url": url})
    assert (answer.status, answer.json["field"]) == (422, "base_url")


async def test_an_unpriced_call_makes_the_cost_unknown_not_zero(api, forge, who, working):
    call = {"provider": "p", "model": "small", "status": 200, "streamed": True, "milliseconds": 5, "run_id": working.id}
    await forge.calls.record(who.tenant_id, **call, counted="reported", prompt_tokens=10, cost_micro=7)
    assert (await api("GET", f"/runs/{working.id}")).json["usage"]["cost_micro"] == 7
    await forge.calls.record(who.tenant_id, **call, counted="unpriced", prompt_tokens=1)
    used = (await api("GET", f"/runs/{working.id}")).json["usage"]
    figures = {"calls": 2, "prompt_tokens": 11, "completion_tokens": 0, "cost_micro": None}
    assert {name: used[name] for name in figures} == figures
    assert (used["unpriced"], used["priced_micro"]) == (1, 7)
    report = (await api("GET", "/usage")).json
    assert report["total"] == report["by_model"]["small"]
    assert {**report["total"], "claimed": None, "disagreement": ""} == used
    assert [c["cost_micro"] for c in (await api("GET", f"/runs/{working.id}/calls")).json["items"]] == [7, None]


async def test_a_tokens_secret_is_shown_once(api):
    made = (await api("POST", "/tokens", {"name": "ci", "scopes": ["read"], "days": 1})).json
    listed = await api("GET", "/tokens")
    assert made["secret"] not in listed.text
    assert {t["name"] for t in listed.json["items"]} == {"tests", "ci"}
    assert (await api("DELETE", f"/tokens/{made['id']}")).status == 204
    assert (await api("DELETE", f"/tokens/{made['id']}")).status == 404


async def test_plugins_are_listed(api):
    assert (await api("GET", "/plugins")).json == {"items": [], "next": None}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/projects/{}", None),
        ("PATCH", "/projects/{}", {"check": "x"}),
        ("DELETE", "/projects/{}", None),
        ("GET", "/projects/{}/health", None),
        ("GET", "/projects/{}/tasks", None),
        ("POST", "/projects/{}/tasks", {"prompt": "x"}),
        ("GET", "/tasks/{}", None),
        ("GET", "/tasks/{}/runs", None),
        ("POST", "/tasks/{}/runs", {}),
        ("GET", "/runs/{}", None),
        ("GET", "/runs/{}/events", None),
        ("GET", "/runs/{}/diff", None),
        ("GET", "/runs/{}/calls", None),
        ("POST", "/runs/{}/stop", None),
        ("POST", "/runs/{}/messages", {"text": "x"}),
        ("POST", "/runs/{}/review", {"verdict": "accept"}),
        ("GET", "/stream?run={}", None),
    ],
)
async def test_what_is_not_there_is_not_found(api, method, path, body):
    answer = await api(method, path.format(WRONG), body)
    assert (answer.status, answer.json["type"]) == (404, "/problems/not-found")
    assert WRONG in answer.json["detail"]


async def test_another_tenants_things_are_not_there(api, forge, who, run):
    for table in (t.Project, t.Task, t.Run):
        await forge.store.run(who.tenant_id, lambda d, table=table: d.update(table, tenant_id="others"))
    for path in (f"/projects/{run.project_id}", f"/tasks/{run.task_id}", f"/runs/{run.id}", f"/runs/{run.id}/events"):
        assert (await api("GET", path)).status == 404
    assert (await api("GET", "/runs")).json["items"] == []
