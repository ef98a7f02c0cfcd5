"""Pages as a browser gets them, without one."""

from __future__ import annotations

import asyncio
import re
from html import escape

import pytest
from web_asking import HTMX, read, send

from codeforge import AgentEvent, Health, Kind, Limits, RunState
from codeforge.events import said
from codeforge.model import Hours
from codeforge.store import tables as t
from codeforge_ui_web.pages import workers
from codeforge_ui_web.words import when

NASTY = "<img src=x onerror=alert(1)>"
PAGES = [
    "/projects",
    "/queue",
    "/queue/schedules",
    "/models",
    "/models/aliases",
    "/models/prices",
    "/costs",
    "/costs/budgets",
    "/plugins",
    "/tokens",
    "/workers",
    "/api",
]
# --------------------------------------------------------------------------------------------------
# Coming in
# --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", PAGES)
async def test_every_page_says_what_to_do_when_there_is_nothing_yet(client, path):
    text = await read(client, path)
    assert "<h1>" in text
    assert "style=" not in text
    assert re.findall(r"<script(?![^>]*src=)", text) == []


@pytest.mark.parametrize("path", [*PAGES, "/", "/runs/x?y=1"])
async def test_a_stranger_is_sent_to_sign_in_and_back(stranger, path):
    answer = await stranger.get(path, allow_redirects=False)
    assert answer.status == 303
    assert answer.headers["Location"].startswith("/signin?next=/")


async def test_a_link_is_not_spent_by_looking_at_it(stage, stranger):
    link = await stage.forge.accounts.link()
    for _ in range(2):
        text = await read(stranger, f"/signin?token={link}&next=/models")
        assert "Sign in to CodeForge" in text
    answer = await stranger.post("/signin", data={"token": link, "next": "/models"}, allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (303, "/models")


async def test_without_a_link_the_page_says_how_to_get_one(stranger):
    assert "codeforge link" in await read(stranger, "/signin")


async def test_a_spent_link_is_answered_by_a_page_with_one_sentence(stranger):
    answer = await stranger.post("/signin", data={"token": "cflink_wrong"})
    assert answer.status == 401
    assert "get a new one with `codeforge link`" in await answer.text()


async def test_signing_out_ends_the_session(client):
    status, headers, _ = await send(client, "/signout", {})
    assert (status, headers["Location"]) == (303, "/signin")
    assert (await client.get("/projects", allow_redirects=False)).status == 303


async def test_files_are_served_to_strangers_and_kept_by_browsers(stranger):
    text = await read(stranger, "/signin")
    for path in re.findall(r'"(/static/app[^"]+)"', text):
        answer = await stranger.get(path)
        assert "immutable" in answer.headers["Cache-Control"]
    assert (await stranger.get("/favicon.ico")).content_type == "image/svg+xml"
    assert (await stranger.get("/static/..%2f__init__.py")).status == 404
    assert (await stranger.get("/static/none.js")).status == 404


async def test_what_is_not_there_is_a_page_or_within_a_page_a_sentence(client):
    answer = await client.get("/runs/nothing")
    assert answer.status == 404
    assert "<h1>There is nothing here</h1>" in await answer.text()
    piece = await client.get("/runs/nothing", headers=HTMX)
    assert (await piece.text()).strip() == '<p class="wrong">There is no run nothing.</p>'


async def test_a_form_without_the_sessions_token_changes_nothing(client, stage):
    answer = await client.post("/projects", data={"url": "/repos/stats"}, headers=HTMX)
    assert answer.status == 403
    assert await stage.forge.projects.list(stage.who) == []


# --------------------------------------------------------------------------------------------------
# Projects and tasks
# --------------------------------------------------------------------------------------------------


async def test_a_project_is_looked_at_while_its_path_is_typed(client):
    status, _, text = await send(client, "/projects/look", url="/repos/dirty")
    assert status == 200
    assert "Changes go to <strong>main</strong>" in text
    assert "1 uncommitted file" in text
    assert "is no Git repository" in (await send(client, "/projects/look", url="/nowhere"))[2]
    assert (await send(client, "/projects/look", url=" "))[2] == ""


async def test_a_project_is_added_by_path(client, stage):
    status, headers, _ = await send(client, "/projects", url="/repos/stats", check="pytest -q")
    [project] = await stage.forge.projects.list(stage.who)
    assert (status, headers["HX-Redirect"]) == (200, f"/projects/{project.id}")
    assert "pytest -q" in await read(client, f"/projects/{project.id}")


async def test_a_path_that_is_no_repository_is_refused_in_place(client, stage):
    status, _, text = await send(client, "/projects", url="/nowhere")
    assert status == 422
    assert text.startswith('<p class="wrong">/nowhere is no Git repository')
    assert await stage.forge.projects.list(stage.who) == []


async def test_projects_show_what_is_under_way_and_what_waits(client, stage):
    project = await stage.project()
    await stage.review(await stage.task(project))
    await stage.task(project)
    text = await read(client, "/projects")
    assert "1 under way" in text
    assert "1 to review" in text
    assert "Repository answers: main is at a1b2c3d4e5" in await read(client, f"/projects/{project.id}/health")


async def test_settings_are_saved_with_limits_in_peoples_units(client, stage):
    project = await stage.project()
    given = {"name": "new", "branch": "next", "agent": "aider", "model": "", "check": "", "steps": "7", "minutes": "2"}
    status, *_ = await send(client, f"/projects/{project.id}/settings", **given, version="1")
    saved = await stage.forge.projects.get(stage.who, project.id)
    assert status == 200
    assert (saved.name, saved.limits) == ("new", Limits(steps=7, seconds=120))
    status, _, text = await send(client, f"/projects/{project.id}/settings", **given, version="1")
    assert status == 412
    assert "Somebody else changed this project meanwhile" in text


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("steps", "many", "The step limit must be a whole number"),
        ("minutes", "0", "The time limit is a number"),
        ("agent", "nobody", "There is no agent nobody"),
    ],
)
async def test_settings_that_cannot_be_are_refused_in_place(client, stage, field, value, said):
    project = await stage.project()
    given = {
        "name": "n",
        "branch": "main",
        "agent": "aider",
        "steps": "7",
        "minutes": "2",
        "version": "1",
        field: value,
    }
    status, _, text = await send(client, f"/projects/{project.id}/settings", **given)
    assert status in (404, 422)
    assert said in text
    assert (await stage.forge.projects.get(stage.who, project.id)).version == 1


async def test_saving_settings_as_they_are_changes_no_limit(client, stage):
    limits = Limits(steps=7, seconds=100, cost_micro=1)
    project = await stage.project(limits=limits)
    text = await read(client, f"/projects/{project.id}/settings")
    shown = dict(re.findall(r'name="(\w+)"[^>]* value="([^"]*)"', text))
    assert (await send(client, f"/projects/{project.id}/settings", **shown, agent="aider"))[0] == 200
    assert (await stage.forge.projects.get(stage.who, project.id)).limits == limits


async def test_when_and_where_a_projects_runs_start_is_set_and_taken_away(client, stage):
    project = await stage.project()
    path = f"/projects/{project.id}/settings"
    given = {"name": "n", "branch": "main", "agent": "aider", "steps": "7", "minutes": "2", "version": "1"}
    rules = {"labels": "gpu, big", "max_runs": "0", "start": "22:00", "end": "06:00", "zone": "Europe/Berlin"}
    assert (await send(client, path, **given, **rules, day=["4", "0"]))[0] == 200
    saved = await stage.forge.projects.get(stage.who, project.id)
    assert (saved.labels, saved.max_runs) == (("big", "gpu"), 0)
    assert saved.hours == Hours(zone="Europe/Berlin", days=(0, 4), start="22:00", end="06:00")
    text = await read(client, path)
    for shown in ('value="big, gpu"', 'value="22:00"', 'value="Europe/Berlin"', 'value="4" checked'):
        assert shown in text
    for wrong, words in (
        ({"max_runs": "some"}, "whole number, or empty"),
        ({"end": ""}, "a start and an end"),
        ({"zone": "Mars"}, "no time zone"),
        ({"labels": "gpu!"}, "is no label"),
    ):
        status, _, text = await send(client, path, **{**given, **rules, **wrong, "version": "2"}, day="1")
        assert (status, words in text) == (422, True), wrong
    free = {"labels": "", "max_runs": "", "start": "", "end": "", "zone": ""}
    assert (await send(client, path, **{**given, **free, "version": "2"}))[0] == 200
    saved = await stage.forge.projects.get(stage.who, project.id)
    assert (saved.labels, saved.max_runs, saved.hours) == ((), None, None)


async def test_a_disk_budget_is_set_kept_and_taken_away(client, stage):
    project = await stage.project()
    text = await read(client, f"/projects/{project.id}/settings")
    shown = {"agent": "aider", **dict(re.findall(r'name="(\w+)"[^>]* value="([^"]*)"', text))}

    async def save(**given):
        version = (await stage.forge.projects.get(stage.who, project.id)).version
        status, _, text = await send(
            client, f"/projects/{project.id}/settings", **{**shown, "version": str(version), **given}
        )
        return status, text, (await stage.forge.projects.get(stage.who, project.id)).disk_mb

    assert (await save(disk_mb="5000"))[::2] == (200, 5000)
    status, text, kept = await save(disk_mb="a lot")
    assert (status, kept) == (422, 5000)
    assert "The disk budget must be a whole number above zero." in text
    del shown["disk_mb"]
    assert (await save())[::2] == (200, 5000)
    assert (await save(disk_mb=""))[::2] == (200, None)


async def test_the_settings_page_tells_what_the_project_takes_on_disk(client, stage, tmp_path):
    project = await stage.project()
    folder = tmp_path / "runs" / "r1-1"
    folder.mkdir(parents=True)
    (folder / "project").write_text(project.id)
    (folder / "big").write_bytes(b"x" * 3 * 2**20)
    assert "<dt>Workspaces</dt><dd>3.0 MB</dd>" in await read(client, f"/projects/{project.id}/settings")


async def test_what_is_down_stands_on_every_page_and_in_the_strip_that_asks_for_itself(stranger, stage, monkeypatch):
    monkeypatch.setattr("codeforge.forge.parts.FRESH", -1.0)

    class Broker:
        ok = False

        async def health(self):
            return Health(name="broker", ok=self.ok, detail=f"RabbitMQ at {NASTY} does not answer")

    stage.forge.offers.queue = Broker()
    told = f'<p role="alert">RabbitMQ at {escape(NASTY)} does not answer: runs wait; nothing is lost.</p>'
    assert told in await read(stranger, "/trouble")
    assert told in await read(stranger, "/signin")
    Broker.ok = True
    assert "alert" not in await read(stranger, "/trouble")
    assert told not in await read(stranger, "/signin")


async def test_a_removed_project_is_gone(client, stage):
    project = await stage.project()
    assert (await send(client, f"/projects/{project.id}/remove"))[1]["HX-Redirect"] == "/projects"
    assert await stage.forge.projects.list(stage.who) == []


async def test_a_task_is_started_and_leads_to_its_run(client, stage):
    project = await stage.project()
    text = await read(client, f"/projects/{project.id}")
    assert "no model is called" in text
    status, headers, _ = await send(
        client, f"/projects/{project.id}/tasks", prompt="fix\r\nit", agent="", model="replay/fix-mean"
    )
    [run] = await stage.forge.runs.list(stage.who)
    assert (status, headers["HX-Redirect"]) == (200, f"/runs/{run.id}")
    assert (run.prompt, run.model) == ("fix\nit", "replay/fix-mean")
    assert "Scripted demo model" in await read(client, f"/runs/{run.id}")


async def test_an_empty_prompt_is_refused_in_place(client, stage):
    project = await stage.project()
    status, _, text = await send(client, f"/projects/{project.id}/tasks", prompt="  ")
    assert (status, "the prompt is empty" in text) == (422, True)


async def test_older_tasks_are_on_the_next_page(client, stage):
    project = await stage.project()
    for n in range(31):
        await stage.forge.tasks.submit(stage.who, project.id, f"task {n}", start=False)
    text = await read(client, f"/projects/{project.id}")
    assert ("task 30" in text, ">task 0<" in text) == (True, False)
    older = re.search(r'href="(\?before=\w+)"', text)[1]
    assert ">task 0<" in await read(client, f"/projects/{project.id}{older}")


# --------------------------------------------------------------------------------------------------
# The rest of the house
# --------------------------------------------------------------------------------------------------


async def test_models_show_window_price_and_note(client):
    text = await read(client, "/models")
    for piece in ("400,000", "$0.25", "$2.00", "unknown", "nothing, scripted", "no model is called"):
        assert piece in text


async def test_a_broken_plugin_is_listed_with_its_reason(client):
    text = await read(client, "/plugins")
    assert "ImportError: no module named slack." in text
    assert "Not ready" in await read(client, "/plugins/agents/openhands")
    assert "0.86.2" in await read(client, "/plugins/agents/aider")


async def test_a_token_is_shown_once_and_revoked(client, stage):
    status, headers, text = await send(client, "/tokens", name="ci", scope="read", days="30")
    secret = re.search(r"cftok_[\w-]+", text)[0]
    assert (status, headers["Cache-Control"]) == (200, "no-store")
    assert (await stage.forge.accounts.by_token(secret)).scopes == {"read"}
    assert secret not in await read(client, "/tokens")
    [token] = await stage.forge.accounts.tokens(stage.who)
    await send(client, f"/tokens/{token['id']}/revoke")
    assert await stage.forge.accounts.tokens(stage.who) == []


async def test_a_token_without_a_name_is_refused_in_place(client):
    status, _, text = await send(client, "/tokens", name=" ", scope="read")
    assert (status, "Give the token a name" in text) == (422, True)


async def known_worker(stage, name="build-1", **facts):
    """A worker that has said hello."""
    worker, _ = await stage.forge.workers.add(stage.who, name)
    facts = {"host": "lab", "version": "0.1.0", "agents": ["aider"], "slots": 2} | facts
    return await stage.forge.workers.hello(worker.id, **facts)


async def test_a_worker_is_registered_and_its_token_shown_once(client, stage):
    status, headers, text = await send(client, "/workers", name="build-1", labels="gpu, linux gpu")
    secret = re.search(r"cfwrk_[\w-]+", text)[0]
    assert (status, headers["Cache-Control"]) == (200, "no-store")
    assert f"CODEFORGE_TOKEN={secret} CODEFORGE_BROKER_URL=amqp://… codeforge worker --server http://" in text
    [worker] = await stage.forge.workers.list(stage.who)
    assert (worker.name, worker.labels) == ("build-1", ("gpu", "linux"))
    assert (await stage.forge.accounts.by_token(secret)).user_id == worker.id
    text = await read(client, "/workers")
    assert "Never started" in text
    assert secret not in text


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"name": " "}, "A worker&#39;s name is of letters"),
        ({"name": "a b"}, "A worker&#39;s name is of letters"),
        ({"name": NASTY}, "A worker&#39;s name is of letters"),
        ({"name": "twice"}, "There is a worker named twice already"),
        ({"name": "x", "labels": "gpu <b>"}, "&#39;&lt;b&gt;&#39; is no label"),
    ],
)
async def test_a_worker_that_cannot_be_is_refused_in_place(client, stage, given, said):
    await stage.forge.workers.add(stage.who, "twice")
    status, _, text = await send(client, "/workers", **given)
    assert status in (409, 422)
    assert said in text
    assert len(await stage.forge.workers.list(stage.who)) == 1


async def test_a_worker_is_drained_takes_again_and_is_revoked(client, stage):
    worker = await known_worker(stage)
    assert ">Ready<" in await read(client, "/workers")
    await send(client, f"/workers/{worker.id}/drain")
    assert ">Draining<" in await read(client, "/workers")
    await send(client, f"/workers/{worker.id}/take")
    assert ">Ready<" in await read(client, "/workers")
    assert (await send(client, f"/workers/{worker.id}/revoke"))[1]["HX-Redirect"] == "/workers"
    assert await stage.forge.workers.list(stage.who) == []
    status, _, text = await send(client, f"/workers/{worker.id}/drain")
    assert (status, "There is no worker" in text) == (404, True)


async def test_a_worker_within_a_server_cannot_be_revoked(client, stage):
    await stage.forge.workers.hello("local-1", name="here-1", host="here", version="0.1.0", agents=[], slots=1)
    text = await read(client, "/workers")
    assert "part of a server" in text
    assert "no agent" in text
    assert "/workers/local-1/revoke" not in text
    status, _, text = await send(client, "/workers/local-1/revoke")
    assert (status, "is part of a server and has no token" in text) == (409, True)


async def test_a_worker_is_listed_with_the_runs_it_holds_and_named_on_their_pages(client, stage):
    worker = await known_worker(stage, host=NASTY)
    run = await stage.task(await stage.project(), f"mend {NASTY}")
    assert "build-1" not in await read(client, f"/runs/{run.id}")
    assert await stage.forge.coordinator.claim(worker.id)
    text = await read(client, "/workers")
    assert f'<a href="/runs/{run.id}">mend &lt;img' in text
    assert "1 of 2 slots taken" in text
    assert "<img src=x" not in text
    assert "<dt>Worker</dt><dd>build-1</dd>" in await read(client, f"/runs/{run.id}/now")


async def test_a_worker_that_gives_no_word_is_gone(client, stage):
    worker = await known_worker(stage)
    await stage.forge.store.run(None, lambda door: door.update(t.Worker, t.Worker.id == worker.id, seen_at=1e9))
    text = await read(client, "/workers")
    assert '>Gone</span><span>since <cf-time at="2001' in text


async def test_the_workers_are_sent_again_though_no_run_changes(client, stage, monkeypatch):
    monkeypatch.setattr(workers, "EVERY", 0.05)
    async with client.get("/workers/live", headers=HTMX) as answer:
        assert b"No worker yet" in await answer.content.readuntil(b"\n\n")
        await known_worker(stage)
        async with asyncio.timeout(20):
            while b"Ready" not in await answer.content.readuntil(b"\n\n"):
                pass


async def test_who_may_not_administer_registers_and_ends_no_worker(stage, stranger):
    _, token = await stage.forge.accounts.new_token(stage.who, "scripts", ("read", "write"))
    worker = await known_worker(stage)
    for path in (
        "/workers",
        f"/workers/{worker.id}/drain",
        f"/workers/{worker.id}/take",
        f"/workers/{worker.id}/revoke",
    ):
        answer = await stranger.post(path, data={"name": "x"}, headers={"Authorization": f"Bearer {token}"})
        assert answer.status == 403
    [known] = await stage.forge.workers.list(stage.who)
    assert (known.name, known.draining) == ("build-1", False)


async def test_the_api_page_shows_every_operation_and_shape(client):
    document = await (await client.get("/api/v1/openapi.json")).json()
    text = await read(client, "/api")
    for path in document["paths"]:
        assert f'<code class="path">{path}</code>' in text
    for name in document["components"]["schemas"]:
        assert f'id="shape-{name}"' in text


async def test_lists_are_sent_again_when_a_state_changes(client, stage):
    project = await stage.project()
    async with client.get(f"/projects/{project.id}/live", headers=HTMX) as answer:
        assert answer.content_type == "text/event-stream"
        assert b"No task yet" in await answer.content.readuntil(b"\n\n")
        run = await stage.task(project)
        assert b"Queued" in await answer.content.readuntil(b"\n\n")
        await stage.working(run)
        assert b"Working" in await answer.content.readuntil(b"\n\n")


async def test_lines_of_a_log_do_not_send_lists_again(client, stage):
    run = await stage.working(await stage.task(await stage.project()))
    async with client.get("/projects/live", headers=HTMX) as answer:
        await answer.content.readuntil(b"\n\n")
        await stage.say(run, *[said(f"line {n}") for n in range(50)])
        await stage.forge.coordinator.report(run.id, 1, [AgentEvent(Kind.LOG, {"text": "x"})], state=RunState.STOPPED)
        await answer.content.readuntil(b"\n\n")
        assert not answer.content.read_nowait()


async def test_a_project_without_a_model_says_which_one_it_will_be(client, stage):
    project = await stage.project(model="")
    assert "First available: openai/gpt-5-mini" in await read(client, f"/projects/{project.id}")


async def test_numbers_of_thousands_of_digits_are_refused_in_place(client, stage):
    project = await stage.project()
    status, _, text = await send(client, f"/projects/{project.id}/settings", version="1", steps="9" * 5000, minutes="1")
    assert (status, "must be a whole number" in text) == (422, True)


def test_a_time_beyond_all_calendars_has_words():
    assert when(1e20) == "in an age or two"


# --------------------------------------------------------------------------------------------------
# The queue and schedules
# --------------------------------------------------------------------------------------------------


async def test_the_queue_shows_what_waits_in_order_and_why(client, stage):
    await stage.hello()
    project = await stage.project()
    first = await stage.task(project, f"Do it first {NASTY}", priority=3)
    second = await stage.task(project, "Do it later", needs=[first.task_id])
    text = await read(client, "/queue")
    assert "2 runs waiting" in text
    assert text.index(f"/runs/{first.id}") < text.index(f"/runs/{second.id}")
    assert "waits for a free worker" in text
    assert f"waits for task {first.task_id} (Do it first" in text
    assert "priority 3" in text
    assert NASTY not in text


async def test_a_run_that_waits_says_why_and_its_task_what_it_needs(client, stage):
    await stage.hello()
    project = await stage.project()
    first = await stage.task(project, "Do it first")
    second = await stage.task(project, "Do it later", needs=[first.task_id])
    assert f"Waits for task {first.task_id} (Do it first)." in await read(client, f"/runs/{second.id}")
    task = await read(client, f"/tasks/{second.task_id}")
    assert f'href="/tasks/{first.task_id}">Do it first' in task
    assert "Not accepted yet" in task
    await stage.review(first)
    assert "See the queue" not in await read(client, f"/runs/{first.id}")
    await stage.forge.reviews.give(stage.who, first.id, "accept")
    assert "Waits for a free worker." in await read(client, f"/runs/{second.id}")
    assert "Not accepted yet" not in await read(client, f"/tasks/{second.task_id}")


async def test_a_long_queue_has_pages(client, stage):
    project = await stage.project()
    for number in range(52):
        await stage.task(project, f"task {number}")
    text = await read(client, "/queue")
    assert "52 runs waiting" in text
    assert text.count("<li ") == 50
    assert 'href="?after=50"' in text
    text = await read(client, "/queue?after=50")
    assert (text.count("<li "), "Further back" in text, 'start="51"' in text) == (2, False, True)
    assert "To the front of the queue" in await read(client, "/queue?after=52")
    assert "52 runs waiting" in await read(client, "/queue?after=nonsense")


async def test_a_schedule_is_made_switched_and_removed(client, stage):
    project = await stage.project()
    given = {"project": project.id, "name": "nightly", "cron": "0 3 * * *", "zone": "Europe/Berlin", "prompt": "Update"}
    status, _, text = await send(client, "/queue/schedules", **{**given, "cron": "often"})
    assert status == 422
    assert "five fields" in text
    status, headers, _ = await send(client, "/queue/schedules", **given)
    assert (status, headers["HX-Redirect"]) == (200, "/queue/schedules")
    [schedule] = await stage.forge.schedules.list(stage.who)
    text = await read(client, "/queue/schedules")
    assert "nightly" in text
    assert "Switch off" in text
    await send(client, f"/queue/schedules/{schedule.id}/switch", on="no")
    assert "Switch on" in await read(client, "/queue/schedules")
    await send(client, f"/queue/schedules/{schedule.id}/remove")
    assert "No schedule yet" in await read(client, "/queue/schedules")
