"""An agent that asks leave: the project's setting answers, or a person does while the run goes on."""

import asyncio

import pytest

SCRIPT = 'echo "asks: May I write b.txt?"; read answer; echo "heard $answer"; echo $answer > b.txt'
pytestmark = pytest.mark.every_form


async def start(api, repository, permissions):
    name = repository.parent.name
    told = {"url": str(repository), "name": name, "model": "none", "agent": "shell", "permissions": permissions}
    return await api.start(await api.post("/projects", told), SCRIPT)


async def asked(api, run):
    async with asyncio.timeout(30):
        while not (found := await api.get(f"/runs/{run['id']}"))["questions"]:
            await asyncio.sleep(0.02)
    return found


@pytest.mark.parametrize(("permissions", "heard"), [("allow", "once"), ("deny", "never")])
async def test_the_projects_setting_answers_at_once_and_that_is_told(api, repository, permissions, heard):
    run = await start(api, repository, permissions)
    assert (await api.until(run))["state"] == "review"
    await api.says(run, f"heard {heard}")
    events = (await api.get(f"/runs/{run['id']}/events"))["items"]
    [question] = [event["data"] for event in events if event["kind"] == "asked"]
    assert (question["question"], question["answer"]) == ("May I write b.txt?", heard)
    assert question["by"] == "the project's setting"


async def test_a_person_answers_while_the_agent_waits(api, repository):
    run = await start(api, repository, "ask")
    found = await asked(api, run)
    assert (found["state"], found["verbs"][0]) == ("working", "answer")
    [question] = found["questions"]
    assert [choice["name"] for choice in question["choices"]] == ["Allow once", "Refuse"]
    await api.post(f"/runs/{run['id']}/answers", {"question": question["id"], "answer": "once"})
    done = await api.until(run)
    assert (done["state"], done["questions"]) == ("review", [])
    await api.says(run, "heard once")


async def test_a_run_that_waits_for_an_answer_can_be_stopped(api, repository):
    run = await start(api, repository, "ask")
    [question] = (await asked(api, run))["questions"]
    await api.post(f"/runs/{run['id']}/stop")
    stopped = await api.until(run, "stopped")
    assert stopped["questions"] == []
    told = {"question": question["id"], "answer": "once"}
    await api.post(f"/runs/{run['id']}/answers", told, status=404)
