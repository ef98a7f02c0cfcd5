"""A POST with an Idempotency-Key is done once, however often it is sent."""

import asyncio
from contextlib import contextmanager

import pytest

from codeforge.http.api import Operation

KEY = {"Idempotency-Key": "k-1"}


async def test_the_same_request_gets_the_same_answer_and_is_done_once(api, project):
    path, body = f"/projects/{project.id}/tasks", {"prompt": "paint"}
    first = await api("POST", path, body, headers=KEY)
    second = await api("POST", path, body, headers=KEY)
    assert (second.status, second.json, second.headers["Content-Type"]) == (201, first.json, "application/json")
    assert len((await api("GET", "/runs")).json["items"]) == 1


async def test_many_at_once_are_done_once(api, project):
    path, body = f"/projects/{project.id}/tasks", {"prompt": "paint"}
    answers = await asyncio.gather(*(api("POST", path, body, headers=KEY) for _ in range(20)))
    assert {a.status for a in answers} <= {201, 409}
    assert len({a.text for a in answers if a.status == 201}) == 1
    assert len((await api("GET", "/runs")).json["items"]) == 1


async def test_another_request_with_the_same_key_is_refused(api, project):
    path = f"/projects/{project.id}/tasks"
    await api("POST", path, {"prompt": "paint"}, headers=KEY)
    other = await api("POST", path, {"prompt": "sand"}, headers=KEY)
    assert (other.status, other.json["field"]) == (422, "Idempotency-Key")


async def test_what_was_refused_may_be_sent_again_mended(api, project):
    path = f"/projects/{project.id}/tasks"
    assert (await api("POST", path, {"prompt": ""}, headers=KEY)).status == 422
    assert (await api("POST", path, {"prompt": "paint"}, headers=KEY)).status == 201


@pytest.fixture
def dies(forge, monkeypatch):
    """Have the server die where it calls a method of the forge's tasks or of the forge itself; gives an end to that."""

    @contextmanager
    def at(owner, name):
        async def killed(*args, **options):
            raise RuntimeError("killed")

        with monkeypatch.context() as patch:
            patch.setattr(owner, name, killed)
            yield

    return at


async def test_what_a_server_had_not_done_when_it_died_is_done_by_the_next_that_is_asked(
    api, forge, project, dies, monkeypatch
):
    path, body = f"/projects/{project.id}/tasks", {"prompt": "paint"}
    with dies(forge.tasks, "submit"):
        assert (await api("POST", path, body, headers=KEY)).status == 500
    assert (await api("POST", path, body, headers=KEY)).status == 409, "it may be at work yet"
    monkeypatch.setattr("codeforge.http.once.PATIENCE", 0)
    first = await api("POST", path, body, headers=KEY)
    assert (first.status, (await api("POST", path, body, headers=KEY)).json) == (201, first.json)
    assert len((await api("GET", "/runs")).json["items"]) == 1


async def test_what_a_server_had_done_when_it_died_is_answered_for_by_the_next(api, forge, project, dies):
    path, body = f"/projects/{project.id}/tasks", {"prompt": "paint"}
    with dies(forge, "announce"):  # the task is committed, and nobody was told
        assert (await api("POST", path, body, headers=KEY)).status == 500
    told = await api("POST", path, body, headers=KEY)
    [run] = (await api("GET", "/runs")).json["items"]
    assert (told.status, told.json["run"]["id"], told.json["task"]["id"]) == (201, run["id"], run["task_id"])
    assert (await api("POST", path, body, headers=KEY)).json == told.json


async def test_a_server_that_wakes_after_another_has_done_its_work_does_it_no_second_time(
    api, forge, project, monkeypatch
):
    path, body = f"/projects/{project.id}/tasks", {"prompt": "paint"}
    real, asleep, wake = forge.tasks.submit, asyncio.Event(), asyncio.Event()

    async def slowly(*args, **options):
        asleep.set()
        await wake.wait()
        return await real(*args, **options)

    with monkeypatch.context() as patch:
        patch.setattr(forge.tasks, "submit", slowly)
        sleeper = asyncio.create_task(api("POST", path, body, headers=KEY))
        await asleep.wait()
    monkeypatch.setattr("codeforge.http.once.PATIENCE", 0)
    done = await api("POST", path, body, headers=KEY)
    wake.set()
    assert (done.status, (await sleeper).status) == (201, 409)
    assert len((await api("GET", "/runs")).json["items"]) == 1
    assert (await api("POST", path, body, headers=KEY)).json == done.json


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/schedules", {"name": "n", "cron": "0 3 * * *", "prompt": "paint"}),
        ("/tasks/{task}/runs", {}),
        ("/runs/{run}/messages", {"text": "and blue"}),
    ],
)
async def test_each_kind_of_work_is_answered_for(api, forge, project, monkeypatch, path, body):
    made = (await api("POST", f"/projects/{project.id}/tasks", {"prompt": "paint"})).json
    path = path.format(task=made["task"]["id"], run=made["run"]["id"])
    body = {**body, "project_id": project.id} if path == "/schedules" else body

    def killed(*args):
        raise RuntimeError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(Operation, "write", killed)
        assert (await api("POST", path, body, headers=KEY)).status == 500
    told = await api("POST", path, body, headers=KEY)
    assert told.status == 201
    assert (
        told.json["id"]
        == (await api("GET", f"/{'schedules' if path == '/schedules' else 'runs'}/{told.json['id']}")).json["id"]
    )


async def test_a_day_later_the_key_is_forgotten(api, project, monkeypatch):
    path, body = f"/projects/{project.id}/tasks", {"prompt": "paint"}
    await api("POST", path, body, headers=KEY)
    monkeypatch.setattr("codeforge.http.once.KEPT", -1.0)
    assert (await api("POST", path, body, headers=KEY)).status == 201
    assert len((await api("GET", "/runs")).json["items"]) == 2


@pytest.mark.parametrize("key", ["x" * 256, "with space", "ünï"])
async def test_a_key_that_is_none_is_refused(api, project, key):
    answer = await api("POST", f"/projects/{project.id}/tasks", {"prompt": "x"}, headers={"Idempotency-Key": key})
    assert answer.status == 422
