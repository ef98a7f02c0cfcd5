"""What agents ask leave for: kept while it waits, answered once, and nobody's after the run has left its worker."""

import paper
import pytest

from codeforge import Conflict, Invalid, Kind, NotFound, RunState, Settings
from codeforge.events import AgentEvent
from codeforge.forge import Forge
from codeforge.store import Store

CHOICES = [
    {"id": "yes", "name": "Allow once", "allows": True},
    {"id": "no", "name": "Refuse", "allows": False},
]
ASKED = AgentEvent(Kind.ASKED, {"id": "q1", "question": "May I run make?", "choices": CHOICES, "answer": None})


@pytest.fixture
async def forge(tmp_path, database_url):
    store = await Store.open(tmp_path, database_url)
    yield Forge(Settings(data_dir=tmp_path, lease=60), store, paper.offers())
    await store.close()


@pytest.fixture
async def who(forge):
    return await forge.accounts.admin()


@pytest.fixture
async def run(forge, who):
    """At work, and asking."""
    project = await forge.projects.add(who, "/paper/house", agent="shell", permissions="ask")
    await forge.tasks.submit(who, project.id, "do it")
    run = (await forge.coordinator.claim("w")).run
    await forge.coordinator.report(run.id, 1, state=RunState.WORKING)
    await forge.coordinator.report(run.id, 1, [ASKED])
    return await forge.runs.get(who, run.id)


async def test_a_question_waits_with_the_run_until_its_worker_hears_the_answer(forge, who, run):
    assert [question.text for question in run.questions] == ["May I run make?"]
    assert "answer" in forge.runs.verbs(run)
    before = await forge.coordinator.renew(run.id, 1)
    answered = await forge.runs.answer(who, run.id, "q1", "yes")
    assert answered.questions == ()
    orders = await forge.coordinator.renew(run.id, 1)
    assert orders.answers == (("q1", "yes"),)
    assert orders.known != before.known
    event = (await forge.history.read(who.tenant_id, run.id))[-1]
    assert (event.kind, event.data["name"], event.data["by"]) == (Kind.ANSWERED, "Allow once", who.user)


async def test_the_same_answer_changes_nothing_and_another_one_or_a_wrong_one_is_refused(forge, who, run):
    with pytest.raises(Invalid, match="yes, no"):
        await forge.runs.answer(who, run.id, "q1", "perhaps")
    await forge.runs.answer(who, run.id, "q1", "no")
    last = (await forge.history.read(who.tenant_id, run.id))[-1]
    await forge.runs.answer(who, run.id, "q1", "no")
    assert (await forge.history.read(who.tenant_id, run.id))[-1] == last
    with pytest.raises(Conflict, match="already"):
        await forge.runs.answer(who, run.id, "q1", "yes")
    with pytest.raises(NotFound):
        await forge.runs.answer(who, run.id, "q2", "yes")


@pytest.mark.parametrize("left", [RunState.FAILED, RunState.QUEUED])
async def test_a_run_that_left_its_worker_asks_nothing(forge, who, run, left):
    await forge.coordinator.report(run.id, 1, state=left)
    assert (await forge.runs.get(who, run.id)).questions == ()
    with pytest.raises(NotFound, match="any more"):
        await forge.runs.answer(who, run.id, "q1", "yes")
    if left == RunState.QUEUED:
        again = (await forge.coordinator.claim("w")).run
        assert (again.questions, (await forge.coordinator.renew(again.id, 2)).answers) == ((), ())


async def test_a_question_that_the_agent_gave_up_is_closed(forge, who, run):
    await forge.coordinator.report(run.id, 1, [AgentEvent(Kind.ANSWERED, {"id": "q1", "answer": None})])
    assert (await forge.runs.get(who, run.id)).questions == ()


async def test_only_so_many_questions_are_open_at_once(forge, who, run):
    many = [AgentEvent(Kind.ASKED, {**ASKED.data, "id": f"m{n}"}) for n in range(300)]
    await forge.coordinator.report(run.id, 1, many)
    assert len((await forge.runs.get(who, run.id)).questions) == 100
