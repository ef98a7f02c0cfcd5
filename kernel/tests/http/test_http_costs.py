"""The report of costs, as JSON and as a table for spreadsheets."""

import csv
import io

import pytest


@pytest.fixture
def call(forge, who):
    async def record(cost, **values):
        given = {"provider": "p", "model": "p/m", "status": 200, "streamed": False, "milliseconds": 5}
        given |= {"counted": "reported", "prompt_tokens": 10, "completion_tokens": 4, "cost_micro": cost}
        await forge.calls.record(who.tenant_id, **{**given, **values})

    return record


async def test_costs_are_read_by_model_with_the_unpriced_apart(api, call):
    await call(1_234_567)
    await call(None, model="p/new")
    report = (await api("GET", "/costs?by=model")).json
    assert [(c["name"], c["cost_micro"], c["unpriced"]) for c in report["items"]] == [
        ("p/m", 1_234_567, 0),
        ("p/new", None, 1),
    ]
    assert (report["by"], report["total"]["calls"], report["total"]["cost_micro"]) == ("model", 2, 1_234_567)
    today = (await api("GET", "/costs")).json
    assert [(len(c["key"]), c["calls"]) for c in today["items"]] == [(10, 2)]


async def test_costs_come_as_a_table_in_which_no_name_is_a_formula(api, forge, who, call):
    for name in ("=HYPERLINK(1)", "+1", "@SUM", "-2", "\t=1+1", 'plain, with "quotes"'):
        await call(None if name == "+1" else 50, model=name)
    answers = [
        await api("GET", "/costs?by=model&format=csv"),
        await api("GET", "/costs?by=model", headers={"Accept": "text/csv"}),
    ]
    assert answers[0].text == answers[1].text
    assert answers[0].headers["Content-Type"].startswith("text/csv")
    assert 'filename="costs-by-model.csv"' in answers[0].headers["Content-Disposition"]
    heading, *lines = csv.reader(io.StringIO(answers[0].text))
    assert heading[:3] == ["model", "name", "calls"]
    cells = {line[1]: line for line in lines}
    assert cells.keys() == {"'=HYPERLINK(1)", "'+1", "'@SUM", "'-2", "'\t=1+1", 'plain, with "quotes"'}
    assert cells["'@SUM"][-2:] == ["0.000050", "0"]
    assert cells["'+1"][-2:] == ["", "1"]


@pytest.mark.parametrize("query", ["by=colour", "since=yesterday", "format=xml", "since=2026-02-02&until=2026-02-01"])
async def test_what_cannot_be_reported_is_refused(api, query):
    assert (await api("GET", f"/costs?{query}")).status == 422
