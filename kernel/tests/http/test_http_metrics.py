"""/metrics: who may read it, that Prometheus can, and that the figures are those of what happened."""

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr

from codeforge import RunState, Settings, moving
from codeforge.errors import Fenced
from codeforge.events import said
from codeforge.http import listen, make_app
from codeforge.model import Reason
from codeforge.store import Store, tables
from codeforge.testing import free_port


def figures(text):
    """Each sample's value by its name and labels."""
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found[(sample.name, *sorted(sample.labels.items()))] = sample.value
    return found


async def scraped(site, session, **headers):
    async with session.get(f"{site.url}/metrics", headers=headers) as answer:
        return answer.status, await answer.text()


@pytest.fixture
async def figures_now(site, session):
    async def now():
        status, text = await scraped(site, session)
        assert status == 200
        return figures(text)

    return now


async def test_a_run_is_counted_on_its_way_from_the_queue_to_its_end(figures_now, forge, run):
    before = await figures_now()
    assert before["codeforge_runs", ("state", "queued")] == 1
    assert before["codeforge_queue_oldest_seconds",] >= 0
    report = forge.coordinator.report
    assert (await forge.coordinator.claim("w")).run.id == run.id
    await report(run.id, 1, [said("one"), said("two")], number=1, state=RunState.WORKING)
    working = await figures_now()
    assert working["codeforge_runs", ("state", "working")] == 1
    await report(run.id, 1, [said("one"), said("two")], number=1, state=RunState.WORKING)  # told again: nothing new
    await report(run.id, 1, number=2, state=RunState.FAILED, reason=Reason.AGENT_STUCK)
    after = await figures_now()
    assert after["codeforge_runs_ended_total", ("reason", "agent_stuck"), ("state", "failed")] == 1
    assert after["codeforge_runs_claimed_total",] == 1
    assert after["codeforge_runs", ("state", "working")] == 0
    for state in ("queued", "preparing", "working"):
        assert after["codeforge_run_phase_seconds_count", ("state", state)] == 1
    # queued, preparing, two lines, working, failed
    assert after["codeforge_events_stored_total",] - before["codeforge_events_stored_total",] == 5
    assert (
        after["codeforge_store_seconds_count", ("kind", "write")]
        > before["codeforge_store_seconds_count", ("kind", "write")]
    )


async def test_what_is_rolled_back_is_not_counted(figures_now, forge, run):
    def work(door):
        moving.move(door, door.one(tables.Run), RunState.STOPPED)
        raise ValueError

    with pytest.raises(ValueError):
        await forge.store.run(None, work)
    assert ("codeforge_runs_ended_total", ("reason", ""), ("state", "stopped")) not in await figures_now()


async def test_lost_leases_and_refused_reports_are_counted(figures_now, forge, run):
    await forge.coordinator.claim("w")
    await forge.coordinator.reap(everything=True)
    with pytest.raises(Fenced):
        await forge.coordinator.report(run.id, 1, [said("late")])
    found = await figures_now()
    assert (found["codeforge_lease_losses_total",], found["codeforge_reports_refused_total",]) == (1, 1)


async def test_model_calls_are_counted_by_provider_and_the_unpriced_apart(figures_now, forge, run):
    call = {"provider": "p", "model": "p/small", "streamed": False, "milliseconds": 400, "counted": "reported"}
    await forge.calls.record(run.tenant_id, status=200, cost_micro=2_000_000, prompt_tokens=7, **call)
    await forge.calls.record(run.tenant_id, status=429, cost_micro=None, **call)
    found = await figures_now()
    assert found["codeforge_model_calls_total", ("provider", "p"), ("status", "429")] == 1
    assert found["codeforge_model_cost_dollars_total", ("provider", "p")] == 2
    assert found["codeforge_model_calls_unpriced_total", ("provider", "p")] == 1
    assert found["codeforge_model_tokens_total", ("kind", "prompt"), ("provider", "p")] == 7
    assert found["codeforge_model_call_seconds_count", ("provider", "p")] == 2


async def test_requests_are_counted_by_route_and_never_by_what_was_asked_for(figures_now, api, run):
    await api("GET", f"/runs/{run.id}")
    await api("GET", "/no-such-thing-4711")
    async with api.session.request("PROPFIND", f"{api.url}/api/v1/health") as answer:
        assert answer.status == 405
    found = await figures_now()
    labels = ("method", "GET"), ("route", "/api/v1/runs/{id}"), ("status", "200")
    assert found["codeforge_http_requests_total", *labels] == 1
    text = repr(found)
    assert run.id not in text
    assert "4711" not in text
    assert "PROPFIND" not in text


async def test_the_parts_and_the_process_are_told(figures_now):
    found = await figures_now()
    assert {found["codeforge_part_up", ("part", name)] for name in ("database", "migrations", "broker", "disk")} == {1}
    assert found["process_resident_memory_bytes",] > 2**20


async def test_two_applications_in_one_process_count_apart(figures_now, forge, tmp_path):
    other = await Store.open(tmp_path / "..", "sqlite:" + str(tmp_path / "other.db"))
    other.metrics.claims.inc(5)
    await other.close()
    assert (await figures_now())["codeforge_runs_claimed_total",] == 0


async def test_what_waiting_runs_wait_for_is_told(figures_now, forge, run):
    waiting = {key[1][1]: n for key, n in (await figures_now()).items() if key[0] == "codeforge_runs_waiting"}
    assert sum(waiting.values()) == 1
    assert set(waiting) <= {"free_worker", "no_worker"}


async def test_who_comes_through_a_proxy_is_not_on_this_machine(site, session):
    assert (await scraped(site, session))[0] == 200
    assert (await scraped(site, session, **{"X-Forwarded-For": "192.0.2.1"}))[0] == 401


async def test_once_others_may_connect_only_a_token_opens_it(forge, who, tmp_path):
    forge.settings = Settings(
        data_dir=tmp_path, port=free_port(), allow_remote=True, metrics_token=SecretStr("prometheus-4711")
    )
    tokens = {s: (await forge.accounts.new_token(who, s, (s,)))[1] for s in ("read", "write")}
    async with listen(make_app(forge), forge.settings) as site, aiohttp.ClientSession() as session:
        opened = {
            name: (await scraped(site, session, **({"Authorization": f"Bearer {secret}"} if secret else {})))[0]
            for name, secret in {**tokens, "none": "", "own": "prometheus-4711", "wrong": "prometheus-4712"}.items()
        }
        assert opened == {"none": 401, "own": 200, "wrong": 401, "read": 200, "write": 403}
        async with session.get(
            f"{site.url}/api/v1/projects", headers={"Authorization": "Bearer prometheus-4711"}
        ) as answer:
            assert answer.status == 401  # it opens nothing else
