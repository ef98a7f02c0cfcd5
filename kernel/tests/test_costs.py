"""Costs: every call is in one sum of each grouping, its day is that of the time zone, and unpriced is never free."""

from datetime import UTC, date, datetime

import paper
import pytest

from codeforge import Invalid, Settings, Tokens
from codeforge.forge import Forge
from codeforge.forge.costs import Cost, total
from codeforge.llm import Price
from codeforge.store import Store
from codeforge.store import tables as t


@pytest.fixture
async def forge(tmp_path, database_url):
    offers = paper.offers()
    store = await Store.open(tmp_path, database_url)
    yield Forge(Settings(data_dir=tmp_path, default_agent="shell"), store, offers)
    await store.close()


@pytest.fixture
async def who(forge):
    return await forge.accounts.admin()


@pytest.fixture
def call(forge, who):
    """Writes down one call, made at ``at`` (UTC)."""

    async def record(cost=1000, at="2026-03-02T12:00", run=None, **values):
        given = {"provider": "p", "model": "p/m", "status": 200, "streamed": False, "milliseconds": 5}
        given |= {"prompt_tokens": 10, "completion_tokens": 4, "cached_tokens": 3, "cost_micro": cost}
        given |= {"run_id": run and run.id, "project_id": run and run.project_id}
        counted = "unpriced" if cost is None else "reported"
        made = await forge.calls.record(who.tenant_id, counted=counted, **{**given, **values})
        moment = datetime.fromisoformat(at).replace(tzinfo=UTC).timestamp()
        await forge.store.run(None, lambda d: d.update(t.Call, t.Call.id == made, created_at=moment))

    return record


def figures(costs):
    return {cost.name or cost.key: (cost.calls, cost.cost_micro, cost.unpriced) for cost in costs}


async def test_a_call_under_way_is_no_cost_yet(forge, who):
    figures = {"known": (), "prompt_tokens": 10, "completion_tokens": 10}
    made = await forge.calls.open(who.tenant_id, provider="p", model="m", **figures)
    assert await forge.costs.by(who, "provider") == []
    await forge.calls.settle(who.tenant_id, made, Tokens(prompt=4), status=200, milliseconds=5)
    [cost] = await forge.costs.by(who, "provider")
    assert (cost.calls, cost.prompt_tokens, cost.unpriced) == (1, 4, 1)


async def test_an_unpriced_call_is_counted_apart_and_never_as_free(forge, who, call):
    await call(1500)
    await call(None)
    await call(None, model="p/secret", provider="q")
    by_provider = await forge.costs.by(who, "provider")
    assert figures(by_provider) == {"p": (2, 1500, 1), "q": (1, None, 1)}
    assert total(by_provider) == Cost(
        key="", name="", calls=3, prompt_tokens=30, completion_tokens=12, cached_tokens=9, cost_micro=1500, unpriced=2
    )
    assert total([by_provider[1]]).cost_micro is None
    assert total([]).cost_micro == 0


async def test_what_a_recording_answered_is_left_out(forge, who, call):
    await call(7, replayed=True)
    for grouping in ("day", "model"):
        assert await forge.costs.by(who, grouping) == []


async def test_a_call_belongs_to_the_day_of_the_time_zone_also_where_clocks_change(forge, who, call):
    # Berlin: summer time begins on 29 March 2026 at 02:00, so that day has 23 hours and ends at 22:00 UTC
    for at in ("2026-03-28T22:59:59", "2026-03-28T23:00", "2026-03-29T21:59:59", "2026-03-29T22:00"):
        await call(1, at)
    in_berlin = await forge.costs.by(who, "day", zone="Europe/Berlin")
    assert figures(in_berlin) == {"2026-03-28": (1, 1, 0), "2026-03-29": (2, 2, 0), "2026-03-30": (1, 1, 0)}
    assert figures(await forge.costs.by(who, "day")) == {"2026-03-28": (2, 2, 0), "2026-03-29": (2, 2, 0)}


async def test_days_have_no_gaps_and_both_ends_are_included(forge, who, call):
    await call(5, "2026-03-01T00:00")
    await call(6, "2026-03-03T23:59:59")
    await call(7, "2026-03-04T00:00")
    between = {"since": date(2026, 3, 1), "until": date(2026, 3, 3)}
    assert figures(await forge.costs.by(who, "day", **between)) == {
        "2026-03-01": (1, 5, 0),
        "2026-03-02": (0, 0, 0),
        "2026-03-03": (1, 6, 0),
    }
    assert figures(await forge.costs.by(who, "model", **between)) == {"p/m": (2, 11, 0)}
    assert figures(await forge.costs.by(who, "day", since=date(2026, 3, 4))) == {"2026-03-04": (1, 7, 0)}
    quiet = await forge.costs.by(who, "day", since=date(2025, 1, 1), until=date(2025, 1, 2))
    assert figures(quiet) == {"2025-01-01": (0, 0, 0), "2025-01-02": (0, 0, 0)}


async def test_calls_are_added_up_by_project_agent_and_person_and_those_of_no_run_apart(forge, who, call):
    house, shed = [await forge.projects.add(who, f"/paper/{name}", name=name) for name in ("house", "shed")]
    _, first = await forge.tasks.submit(who, house.id, "paint it")
    eve = type(who)(user_id="e", user="eve", tenant_id=who.tenant_id, scopes=who.scopes)
    _, second = await forge.tasks.submit(eve, shed.id, "paint it")
    await call(10, run=first)
    await call(20, run=second)
    await call(1)
    assert figures(await forge.costs.by(who, "project")) == {"shed": (1, 20, 0), "house": (1, 10, 0), "": (1, 1, 0)}
    assert figures(await forge.costs.by(who, "person")) == {"eve": (1, 20, 0), "admin": (1, 10, 0), "": (1, 1, 0)}
    assert figures(await forge.costs.by(who, "agent")) == {"shell": (2, 30, 0), "": (1, 1, 0)}
    assert figures(await forge.costs.by(who, "person", project_id=shed.id)) == {"eve": (1, 20, 0)}
    assert figures(await forge.costs.by(who, "day", project_id=house.id)) == {"2026-03-02": (1, 10, 0)}


async def test_each_run_knows_who_asked_for_it(forge, who):
    project = await forge.projects.add(who, "/paper/house")
    task, first = await forge.tasks.submit(who, project.id, "paint it")
    eve = type(who)(user_id="e", user="eve", tenant_id=who.tenant_id, scopes=who.scopes)
    await forge.runs.stop(who, first.id)
    made = [
        await forge.runs.start(eve, task.id),
        await forge.runs.retry(eve, first.id),
        await forge.runs.restart(eve, first.id),
        await forge.runs.message(eve, first.id, "and the window"),
    ]
    assert first.made_by == "admin"
    assert [run.made_by for run in made] == ["eve"] * 4
    schedule = await forge.schedules.add(eve, project.id, "sweep", name="weekly", cron="0 6 * * MON")
    await forge.store.run(None, lambda d: d.update(t.Schedule, t.Schedule.id == schedule.id, next_at=1.0))
    await forge.schedules.tick()
    [swept] = [run for run in await forge.runs.list(who) if run.prompt == "sweep"]
    assert swept.made_by == "eve"


async def test_another_tenants_calls_are_in_no_sum(forge, who, call):
    await call(5)
    stranger = type(who)(user_id="s", user="s", tenant_id="other", scopes=who.scopes)
    assert await forge.costs.by(stranger, "model") == []


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"grouping": "colour"}, "not by colour"),
        ({"grouping": "day", "zone": "Mars"}, "no time zone 'Mars'"),
        ({"grouping": "day", "since": date(2026, 2, 2), "until": date(2026, 2, 1)}, "is after"),
        ({"grouping": "day", "since": date(1990, 1, 1), "until": date(2026, 2, 1)}, "more than 1000 days"),
    ],
)
async def test_what_cannot_be_added_up_is_refused_in_a_sentence(forge, who, asked, said):
    with pytest.raises(Invalid, match=said):
        await forge.costs.by(who, **asked)


async def test_a_call_under_way_is_in_no_sum_before_it_is_settled(forge, who):
    given = {"provider": "p", "model": "m", "known": (Price(input=1_000_000, output=1_000_000),)}
    call = await forge.calls.open(who.tenant_id, prompt_tokens=9, completion_tokens=9, **given)
    assert await forge.costs.by(who, "model") == []
    await forge.calls.settle(who.tenant_id, call, Tokens(prompt=5, completion=1), status=200, milliseconds=1)
    assert figures(await forge.costs.by(who, "model")) == {"p/m": (1, 6, 0)}


async def test_days_are_those_of_the_servers_time_zone_where_none_is_asked_for(forge, who, call):
    forge.settings = forge.settings.model_copy(update={"time_zone": "Asia/Tokyo"})
    await call(1, "2026-03-01T20:00")
    assert figures(await forge.costs.by(who, "day")) == {"2026-03-02": (1, 1, 0)}
