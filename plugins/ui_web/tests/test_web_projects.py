"""Projects with their settings, and their tasks, as pages."""

from __future__ import annotations

import re

import pytest
from web_asking import HTMX, read, send

from codeforge import AgentEvent, Kind, Limits, RunState
from codeforge.events import said
from codeforge.model import Hours


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


async def test_who_answers_agents_is_chosen_and_what_is_no_choice_is_refused(client, stage):
    project = await stage.project()
    text = await read(client, f"/projects/{project.id}/settings")
    assert 'name="permissions" value="allow" checked' in text
    given = {"name": "p", "branch": "main", "agent": "aider", "model": "", "check": "", "steps": "5", "minutes": "5"}
    path = f"/projects/{project.id}/settings"
    assert (await send(client, path, **given, version="1", permissions="ask"))[0] == 200
    assert (await stage.forge.projects.get(stage.who, project.id)).permissions == "ask"
    assert (await send(client, path, **given, version="2", permissions="maybe"))[0] == 422
