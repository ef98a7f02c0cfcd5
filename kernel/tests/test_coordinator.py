"""The coordinator: one worker at a time, the current generation only, nothing lost when a worker is."""

import asyncio
import time

import paper
import pytest

from codeforge import RunState, Settings
from codeforge.errors import Conflict, DatabaseAway, Fenced, Invalid, NotFound, Unauthorized
from codeforge.events import log, said
from codeforge.forge import Forge
from codeforge.model import Principal, Reason
from codeforge.store import Store
from codeforge.store import tables as t


@pytest.fixture
async def forge(tmp_path, database_url):
    settings = Settings(data_dir=tmp_path, lease=60, max_losses=2)
    offers = paper.offers()
    store = await Store.open(tmp_path, database_url)
    yield Forge(settings, store, offers)
    await store.close()


@pytest.fixture
async def who(forge):
    return await forge.accounts.admin()


@pytest.fixture
async def project(forge, who):
    return await forge.projects.add(who, "/paper/house", agent="shell")


async def submit(forge, who, project, **options):
    _, run = await forge.tasks.submit(who, project.id, "do it", **options)
    return run


async def test_a_higher_priority_is_claimed_first_and_then_the_older(forge, who, project):
    low = await submit(forge, who, project)
    high = await submit(forge, who, project, priority=5)
    low_too = await submit(forge, who, project)
    claimed = [(await forge.coordinator.claim("w")).run.id for _ in range(3)]
    assert claimed == [high.id, *sorted([low.id, low_too.id])]
    assert await forge.coordinator.claim("w") is None


async def test_many_workers_at_once_never_get_the_same_run(forge, who, project):
    runs = {(await submit(forge, who, project)).id for _ in range(20)}
    claims = await asyncio.gather(*(forge.coordinator.claim(f"w{n}") for n in range(30)))
    assert sorted(c.run.id for c in claims if c) == sorted(runs)


async def test_a_lost_run_is_taken_up_by_the_next_generation_and_the_sleeper_is_refused(forge, who, project):
    run = await submit(forge, who, project)
    first = await forge.coordinator.claim("sleeper")
    await forge.coordinator.reap(everything=True)
    second = await forge.coordinator.claim("next")
    assert (first.run.generation, second.run.generation) == (1, 2)
    for report in (
        forge.coordinator.report(run.id, 1, [said("I am back")]),
        forge.coordinator.report(run.id, 1, state=RunState.WORKING),
        forge.coordinator.renew(run.id, 1),
        forge.coordinator.remember(run.id, 1, b"x"),
    ):
        with pytest.raises(Fenced):
            await report
    await forge.coordinator.report(run.id, 2, state=RunState.WORKING)
    texts = [event.data.get("text") for event in await forge.history.read(who.tenant_id, run.id)]
    assert "I am back" not in texts


async def test_a_run_whose_workers_keep_dying_fails_as_lost(forge, who, project):
    run = await submit(forge, who, project)
    for _ in range(3):
        await forge.store.run(None, lambda d: d.update(t.Run, t.Run.id == run.id, not_before=0))
        assert await forge.coordinator.claim("w")
        await forge.coordinator.reap(everything=True)
    after = await forge.runs.get(who, run.id)
    assert (after.state, after.reason, after.detail) == (RunState.FAILED, Reason.LOST, "Its worker died 3 times.")


async def test_a_run_does_not_fail_because_the_database_went_away_while_it_was_claimed(
    forge, who, project, monkeypatch
):
    run = await submit(forge, who, project)
    real, left = forge.store.read, 1

    async def read(*args, **options):
        nonlocal left
        if left:
            left -= 1
            raise DatabaseAway("It does not answer.")
        return await real(*args, **options)

    with monkeypatch.context() as patch:
        patch.setattr(forge.store, "read", read)
        with pytest.raises(DatabaseAway):
            await forge.coordinator.claim("w")
    assert (await forge.runs.get(who, run.id)).state == RunState.PREPARING
    await forge.coordinator.reap(everything=True)
    assert (await forge.coordinator.claim("w")).run.generation == 2


async def test_a_live_lease_is_not_reaped(forge, who, project):
    run = await submit(forge, who, project)
    await forge.coordinator.claim("w")
    await forge.coordinator.reap()
    await forge.coordinator.reap()
    assert (await forge.runs.get(who, run.id)).state == RunState.PREPARING


async def test_a_stop_reaches_a_waiting_renewal_at_once_and_ends_the_key(forge, who, project):
    run = await submit(forge, who, project)
    claimed = await forge.coordinator.claim("w")
    assert (await forge.keys.open(claimed.key)).run_id == run.id
    renewal = asyncio.create_task(forge.coordinator.renew(run.id, 1, wait=30))
    await asyncio.sleep(0)
    started = time.monotonic()
    await forge.runs.stop(who, run.id)
    assert (await renewal).want == "stop"
    assert time.monotonic() - started < 1
    with pytest.raises(Unauthorized):
        await forge.keys.open(claimed.key)


async def test_a_queued_run_stops_at_once_and_stopping_again_changes_nothing(forge, who, project):
    run = await submit(forge, who, project)
    assert (await forge.runs.stop(who, run.id)).state == RunState.STOPPED
    assert (await forge.runs.stop(who, run.id)).state == RunState.STOPPED
    assert await forge.coordinator.claim("w") is None


async def test_a_run_does_not_leave_working_with_unread_words(forge, who, project):
    run = await submit(forge, who, project)
    await forge.coordinator.claim("w")
    await forge.coordinator.report(run.id, 1, state=RunState.WORKING)
    await forge.runs.message(who, run.id, "and tests, please")
    with pytest.raises(Conflict):
        await forge.coordinator.report(run.id, 1, state=RunState.CHECKING, words_seen=0)
    assert [text for _, text in (await forge.coordinator.renew(run.id, 1)).words] == ["and tests, please"]
    await forge.coordinator.report(run.id, 1, state=RunState.CHECKING, words_seen=1)
    with pytest.raises(Conflict):
        await forge.runs.message(who, run.id, "too late")


async def test_secrets_are_redacted_in_every_event_and_detail(forge, who, project):
    await forge.providers.set(who, "openai", "openai", secret="sk-canary-0123456789")
    run = await submit(forge, who, project)
    claimed = await forge.coordinator.claim("w")
    await forge.coordinator.report(run.id, 1, [said(f"key {claimed.key} and sk-canary-0123456789")])
    await forge.coordinator.report(
        run.id, 1, state=RunState.FAILED, reason=Reason.MODEL_AUTH, detail="bad sk-canary-0123456789"
    )
    everything = repr(await forge.history.read(who.tenant_id, run.id)) + repr(await forge.runs.get(who, run.id))
    assert "canary" not in everything
    assert claimed.key not in everything


async def test_illegal_moves_are_refused(forge, who, project):
    run = await submit(forge, who, project)
    await forge.coordinator.claim("w")
    with pytest.raises(Conflict, match="cannot go from preparing to review"):
        await forge.coordinator.report(run.id, 1, state=RunState.REVIEW)
    with pytest.raises(Conflict, match="there is no change to accept"):
        await forge.reviews.give(who, run.id, "accept")


async def test_events_are_numbered_without_gaps_however_they_are_reported(forge, who, project):
    run = await submit(forge, who, project)
    await forge.coordinator.claim("w")
    await asyncio.gather(
        *(forge.coordinator.report(run.id, 1, [said(f"{n}-{i}") for i in range(10)]) for n in range(20))
    )
    events = await forge.history.read(who.tenant_id, run.id)
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert len(events) == 202


async def test_a_follower_that_comes_back_gets_exactly_what_it_missed(forge, who, project):
    run = await submit(forge, who, project)
    await forge.coordinator.claim("w")

    async def write() -> None:
        for n in range(200):
            await forge.coordinator.report(run.id, 1, [said(str(n))])

    writer, seen = asyncio.create_task(write()), []
    while len(seen) < 202:
        follower = forge.history.follow(who.tenant_id, run.id, seen[-1].seq if seen else 0)
        async for batch in follower:  # a connection that breaks after every batch
            seen += batch
            break
        await follower.aclose()
    await writer
    assert [event.seq for event in seen] == list(range(1, 203))


async def test_tenants_see_nothing_of_each_other(forge, who, project):
    run = await submit(forge, who, project)
    other = Principal(user_id="u", user="eve", tenant_id="other", scopes=frozenset({"read", "write", "admin"}))
    assert await forge.projects.list(other) == []
    assert await forge.runs.list(other) == []
    assert await forge.history.read(other.tenant_id, run.id) == []
    for attempt in (
        forge.projects.get(other, project.id),
        forge.tasks.get(other, run.task_id),
        forge.runs.get(other, run.id),
        forge.runs.stop(other, run.id),
        forge.runs.message(other, run.id, "hello"),
        forge.reviews.give(other, run.id, "reject"),
        forge.projects.remove(other, project.id),
        forge.tasks.submit(other, project.id, "mine"),
    ):
        with pytest.raises(NotFound):
            await attempt


@pytest.mark.parametrize("prompt", ["", "  \n", "x" * 1_000_000, "nul \0 inside"])
async def test_a_prompt_that_no_agent_can_be_given_is_refused_with_a_sentence(forge, who, project, prompt):
    with pytest.raises(Invalid, match="prompt") as refused:
        await forge.tasks.submit(who, project.id, prompt)
    assert refused.value.field == "prompt"
    assert await forge.tasks.list(who, project.id) == []


async def test_unknown_names_are_answered_with_those_there_are(forge, who, project):
    with pytest.raises(NotFound, match="There is no agent nobody; there is shell"):
        await forge.tasks.submit(who, project.id, "do it", agent="nobody")
    with pytest.raises(NotFound, match="There is no model gpt; there is m"):
        await forge.tasks.submit(who, project.id, "do it", model="gpt")
    with pytest.raises(NotFound, match="There is no project"):
        await forge.tasks.submit(who, "nothing", "do it")


async def test_a_runs_key_is_good_for_as_long_as_its_worker_gives_word(forge, who, project):
    run = await submit(forge, who, project)
    claimed = await forge.coordinator.claim("w")
    await forge.store.run(None, lambda d: d.update(t.RunKey, t.RunKey.run_id == run.id, expires_at=time.time() + 1))
    await forge.coordinator.renew(run.id, 1)
    row = await forge.store.run(None, lambda d: d.one(t.RunKey, t.RunKey.run_id == run.id))
    assert row["expires_at"] > time.time() + 50
    await forge.runs.stop(who, run.id)
    await forge.coordinator.renew(run.id, 1)
    with pytest.raises(Unauthorized, match="not good any more"):
        await forge.keys.open(claimed.key)


async def test_a_failure_that_a_stop_may_have_caused_is_told_as_the_stop(forge, who, project):
    run = await submit(forge, who, project)
    await forge.coordinator.claim("w")
    await forge.runs.stop(who, run.id)
    await forge.coordinator.report(run.id, 1, state=RunState.FAILED, reason=Reason.MODEL_AUTH, detail="refused")
    ended = await forge.runs.get(who, run.id)
    assert (ended.state, ended.reason) == (RunState.STOPPED, None)


async def test_a_key_that_is_set_in_mid_run_is_redacted_too(forge, who, project):
    run = await submit(forge, who, project)
    await forge.coordinator.claim("w")
    await forge.providers.set(who, "openai", "openai", secret="sk-canary-0123456789")
    await forge.coordinator.report(run.id, 1, [log({"deep": ["sk-canary-0123456789"]})])
    assert "canary" not in repr(await forge.history.read(who.tenant_id, run.id))


async def test_runs_whose_model_is_gone_fail_however_many_they_are(forge, who, project):
    for _ in range(30):
        await submit(forge, who, project)
    forge.offers.llms.clear()
    assert await forge.coordinator.claim("w") is None
    assert {run.reason for run in await forge.runs.list(who)} == {Reason.PLUGIN_MISSING}
