"""The queue, needs, limits and schedules over HTTP."""

from datetime import UTC, datetime, timedelta


async def test_the_queue_tells_what_waits_in_order_and_why(api, forge, who, project, run):
    assert (await api("GET", "/queue")).json["items"][0]["text"] == "no worker is connected"
    await forge.workers.hello("built-in", name="built-in")
    later = (datetime.now(UTC) + timedelta(hours=2)).isoformat()
    path = f"/projects/{project.id}/tasks"
    urgent = (await api("POST", path, {"prompt": "now", "priority": 5})).json
    timed = (await api("POST", path, {"prompt": "later", "not_before": later})).json
    needy = (await api("POST", path, {"prompt": "after that", "needs": [urgent["task"]["id"]]})).json
    queue = (await api("GET", "/queue")).json
    assert [(item["position"], item["run_id"], item["why"]) for item in queue["items"]] == [
        (1, urgent["run"]["id"], "free_worker"),
        (2, run.id, "free_worker"),
        (3, timed["run"]["id"], "not_before"),
        (4, needy["run"]["id"], "needs"),
    ]
    assert (queue["total"], queue["next"]) == (4, None)
    assert queue["totals"] == {"free_worker": 2, "not_before": 1, "needs": 1}
    first, _, third, fourth = queue["items"]
    assert (first["title"], first["project"], first["text"]) == ("now", "house", "waits for a free worker")
    assert datetime.fromisoformat(third["until"]) == datetime.fromisoformat(later)
    assert fourth["text"] == f"waits for task {urgent['task']['id']} (now)"


async def test_the_queue_comes_in_pages(api, project):
    for number in range(5):
        await api("POST", f"/projects/{project.id}/tasks", {"prompt": f"task {number}"})
    found, after = [], "0"
    while after is not None:
        page = (await api("GET", f"/queue?limit=2&after={after}")).json
        found += [item["position"] for item in page["items"]]
        after = page["next"]
    assert found == [1, 2, 3, 4, 5]
    assert (await api("GET", "/queue?limit=1000")).status == 422


async def test_what_a_task_needs_is_shown_and_changed(api, project, run):
    path = f"/projects/{project.id}/tasks"
    made = (await api("POST", path, {"prompt": "x", "needs": [run.task_id]})).json["task"]
    assert made["needs"] == [run.task_id]
    task = f"/tasks/{made['id']}"
    assert (await api("GET", task)).json == made == (await api("GET", path)).json["items"][0]
    assert (await api("PUT", f"{task}/needs", {"needs": []})).json["needs"] == []
    assert (await api("PUT", f"{task}/needs", {"needs": [run.task_id]})).json["needs"] == [run.task_id]
    circle = await api("PUT", f"/tasks/{run.task_id}/needs", {"needs": [made["id"]]})
    assert (circle.status, circle.json["field"]) == (422, "needs")
    assert f"{run.task_id} (paint the door) needs {made['id']} (x) needs {run.task_id}" in circle.json["detail"]
    missing = await api("POST", path, {"prompt": "x", "needs": ["nothing"]})
    assert (missing.status, missing.json["field"]) == (404, "needs")


async def test_a_time_without_its_zone_or_out_of_this_age_is_refused(api, project):
    path = f"/projects/{project.id}/tasks"
    for when in ("2030-01-01T00:00:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "soon", 5):
        answer = await api("POST", path, {"prompt": "x", "not_before": when})
        assert (answer.status, answer.json["field"]) == (422, "not_before"), when
    made = await api("POST", path, {"prompt": "x", "not_before": "2030-01-01T00:00:00+02:00"})
    assert made.json["task"]["not_before"] == "2029-12-31T22:00:00Z"


async def test_a_projects_labels_limit_hours_and_disk_are_changed(api, project):
    path = f"/projects/{project.id}"
    hours = {"zone": "Europe/Berlin", "days": [0, 4], "start": "22:00", "end": "06:00"}
    given = {"labels": ["gpu"], "max_runs": 2, "hours": hours, "disk_mb": 500}
    changed = (await api("PATCH", path, given)).json
    assert {name: changed[name] for name in given} == given
    assert (await api("GET", path)).json == changed
    workdays = (await api("PATCH", path, {"hours": {"zone": "UTC"}})).json["hours"]
    assert workdays == {"zone": "UTC", "days": [0, 1, 2, 3, 4], "start": "08:00", "end": "18:00"}
    free = {"labels": [], "max_runs": None, "hours": None, "disk_mb": None}
    changed = (await api("PATCH", path, free)).json
    assert {name: changed[name] for name in free} == free
    for wrong, field in (
        ({"labels": ["GPU!"]}, "labels"),
        ({"max_runs": -1}, "max_runs"),
        ({"disk_mb": 0}, "disk_mb"),
        ({"hours": {**hours, "zone": "Mars"}}, "hours.zone"),
        ({"hours": {**hours, "start": "8"}}, "hours.start"),
        ({"hours": {**hours, "days": []}}, "hours.days"),
        ({"hours": {**hours, "days": [7]}}, "hours.days.0"),
    ):
        refused = await api("PATCH", path, wrong)
        assert (refused.status, refused.json["field"]) == (422, field), wrong


async def test_limits_are_changed_one_by_one_by_admins(api, forge, who):
    assert (await api("GET", "/limits")).json == {"runs": None, "agents": {}, "providers": {}}
    await api("PATCH", "/limits", {"runs": 5, "agents": {"shell": 2, "other": 1}})
    changed = await api("PATCH", "/limits", {"agents": {"other": None}, "providers": {"p": 0}})
    assert changed.json == {"runs": 5, "agents": {"shell": 2}, "providers": {"p": 0}}
    assert (await api("PATCH", "/limits", {"runs": None})).json["runs"] is None
    assert (await api("PATCH", "/limits", {"agents": {"shell": -1}})).status == 422
    _, secret = await forge.accounts.new_token(who, "weak", ("read", "write"))
    refused = await api("PATCH", "/limits", {"runs": 1}, headers={"Authorization": f"Bearer {secret}"})
    assert refused.status == 403


async def test_a_schedule_is_made_listed_changed_and_forgotten(api, project):
    given = {"project_id": project.id, "name": "nightly", "cron": "0 3 * * *", "prompt": "update"}
    made = await api("POST", "/schedules", given)
    assert made.status == 201
    assert (made.json["zone"], made.json["enabled"], made.json["outcome"]) == ("UTC", True, "")
    path = f"/schedules/{made.json['id']}"
    assert (await api("GET", path)).json == made.json == (await api("GET", "/schedules")).json["items"][0]
    changed = (await api("PATCH", path, {"cron": "30 4 * * MON", "zone": "Europe/Berlin", "enabled": False})).json
    assert (changed["cron"], changed["zone"], changed["enabled"]) == ("30 4 * * MON", "Europe/Berlin", False)
    assert datetime.fromisoformat(changed["next_at"]).minute == 30
    assert (await api("POST", "/schedules", given)).status == 409
    for wrong, field in (({"cron": "often"}, "cron"), ({"zone": "Mars"}, "zone"), ({"name": " "}, "name")):
        refused = await api("PATCH", path, wrong)
        assert (refused.status, refused.json["field"]) == (422, field)
    assert (await api("DELETE", path)).status == 204
    assert (await api("GET", path)).status == 404
    assert (await api("POST", "/schedules", {**given, "project_id": "nothing"})).status == 404
