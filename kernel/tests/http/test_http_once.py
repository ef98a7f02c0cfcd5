"""A POST with an Idempotency-Key is done once, however often it is sent."""

import asyncio

import pytest

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


async def test_a_key_whose_server_died_is_not_used_for_a_second_try(api, forge, project, monkeypatch):
    """Whether the work was done is not known: saying so is better than doing it twice."""

    async def killed(*args, **options):
        raise RuntimeError("killed")

    path, body = f"/projects/{project.id}/tasks", {"prompt": "paint"}
    with monkeypatch.context() as patch:
        patch.setattr(forge.tasks, "submit", killed)
        assert (await api("POST", path, body, headers=KEY)).status == 500
    assert (await api("POST", path, body, headers=KEY)).status == 409


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
