"""The queue, needs, limits and schedules from the command line."""

import pytest


@pytest.fixture
def server(codeforge):
    with codeforge.up("serve") as started:  # nobody takes what waits
        yield started


@pytest.fixture
def project(codeforge, server):
    codeforge.repository()
    return codeforge("projects", "add", "repo", "--json").json


def add(codeforge, prompt, *words):
    return codeforge("tasks", "add", "repo", prompt, *words, "--json").json


def test_the_queue_is_shown_in_its_order_with_its_reasons(codeforge, project):
    assert "Nothing waits." in codeforge("queue").err
    first = add(codeforge, "write a.txt x", "--priority", "2")
    second = add(codeforge, "write b.txt x", "--needs", first["task"]["id"])
    third = add(codeforge, "write c.txt x", "--not-before", "2099-01-31T22:00+00:00")
    queue = codeforge("queue", "--json").json
    assert [(item["run_id"], item["why"]) for item in queue] == [
        (third["run"]["id"], "not_before"),
        (second["run"]["id"], "needs"),
        (first["run"]["id"], "no_worker"),
    ]
    shown = codeforge("queue").out
    assert "starts at 2099-01-31 22:00 UTC" in shown
    assert f"waits for task {first['task']['id']} (write a.txt x)" in shown
    assert "3 runs wait in all" in codeforge("queue", "--limit", "1").err
    assert "is no time" in codeforge("tasks", "add", "repo", "x", "--not-before", "soon", code=1).err
    assert "no task nothing" in codeforge("tasks", "add", "repo", "x", "--needs", "nothing", code=1).err


def test_needs_are_changed_and_a_circle_is_refused_with_its_path(codeforge, project):
    one, two = (add(codeforge, text)["task"]["id"] for text in ("one", "two"))
    assert "waits for 1 task now" in codeforge("tasks", "needs", one, two).out
    said = codeforge("tasks", "needs", two, one, code=1).err
    assert f"{two} (two) needs {one} (one) needs {two} (two)" in said
    assert codeforge("tasks", "needs", one, "--none", "--json").json["needs"] == []
    assert "Name the tasks" in codeforge("tasks", "needs", one, code=2).err


def test_a_projects_rules_are_changed_and_taken_away(codeforge, project):
    words = ("--label", "gpu", "--label", "big", "--max-runs", "2", "--hours", "22:00-06:00", "--days", "fri-sun,tue")
    changed = codeforge(
        "projects", "edit", "repo", *words, "--zone", "Europe/Berlin", "--disk-mb", "500", "--json"
    ).json
    assert (changed["labels"], changed["max_runs"], changed["disk_mb"]) == (["big", "gpu"], 2, 500)
    hours = {"zone": "Europe/Berlin", "days": [1, 4, 5, 6], "start": "22:00", "end": "06:00"}
    assert changed["hours"] == hours
    changed = codeforge("projects", "edit", "repo", "--days", "mon", "--json").json
    assert changed["hours"] == {**hours, "days": [0]}
    words = ("--label", "none", "--max-runs", "none", "--hours", "none", "--disk-mb", "none")
    free = codeforge("projects", "edit", "repo", *words, "--json").json
    assert (free["labels"], free["max_runs"], free["hours"], free["disk_mb"]) == ([], None, None, None)
    for words in (("--max-runs", "x"), ("--hours", "8"), ("--days", "someday")):
        codeforge("projects", "edit", "repo", *words, code=2)
    assert "no time zone 'Mars'" in codeforge("projects", "edit", "repo", "--zone", "Mars", code=1).err


def test_limits_are_shown_and_changed(codeforge, server):
    assert "There is no limit" in codeforge("limits").err
    changed = codeforge("limits", "--runs", "4", "--agent", "scripted=2", "--provider", "p=1", "--json").json
    assert changed == {"runs": 4, "agents": {"scripted": 2}, "providers": {"p": 1}}
    codeforge("limits", "--runs", "none", "--provider", "p=none")
    assert codeforge("limits", "--json").json == {"runs": None, "agents": {"scripted": 2}, "providers": {}}
    assert "agents: scripted 2" in codeforge("limits").out
    for words in (("--runs", "many"), ("--agent", "scripted")):
        codeforge("limits", *words, code=2)


def test_a_schedule_is_made_changed_switched_off_and_forgotten(codeforge, project):
    said = codeforge("schedules", "add", "repo", "nightly", "0 3 * * *", "write a.txt x", "--zone", "Europe/Berlin").out
    assert "nightly comes next at " in said
    assert "Europe/Berlin" in codeforge("schedules").out
    changed = codeforge("schedules", "edit", "nightly", "--cron", "30 4 * * *", "--priority", "2", "--json").json
    assert (changed["cron"], changed["priority"], changed["zone"]) == ("30 4 * * *", 2, "Europe/Berlin")
    assert "nightly is off" in codeforge("schedules", "edit", "nightly", "--off").out
    assert codeforge("schedules", "show", changed["id"], "--json").json["enabled"] is False
    assert "five fields" in codeforge("schedules", "edit", "nightly", "--cron", "often", code=1).err
    assert "Say what to change" in codeforge("schedules", "edit", "nightly", code=2).err
    assert "There is no schedule other; there is nightly." in codeforge("schedules", "show", "other", code=1).err
    codeforge("schedules", "remove", "nightly")
    assert codeforge("schedules", "list", "--json").json == []
