"""Prices, budgets and forecasts from the command line."""

import pytest


@pytest.fixture
def server(codeforge):
    with codeforge.up("serve") as started:  # nobody takes what waits
        yield started


@pytest.fixture
def project(codeforge, server):
    codeforge.repository()
    return codeforge("projects", "add", "repo", "--max-cost", "2.5", "--json").json


def test_a_price_is_said_shown_and_taken_back(codeforge, server):
    assert "nobody has said" in codeforge("prices").err
    words = ("prices", "set", "lab/big", "--input", "0.25", "--output", "$2", "--cached", "0.025")
    assert "lab/big costs $0.25 input, $2.00 output, $0.0250 cached" in codeforge(*words).out
    codeforge("prices", "set", "ollama/*", "--free")
    listed = codeforge("prices", "list", "--json").json
    assert [(p["provider"], p["model"], p["steps"][0]["input"], p["source"]) for p in listed] == [
        ("lab", "big", 250_000, "person"),
        ("ollama", "*", 0, "person"),
    ]
    codeforge("prices", "forget", "lab/big")
    assert "lab/big" not in codeforge("prices").out
    assert "lab/big" in codeforge("prices", "list", "--history").out
    assert "Nobody has said" in codeforge("prices", "forget", "lab/big", code=1).err
    assert "PROVIDER/MODEL" in codeforge("prices", "set", "big", "--free", code=1).err
    for words in (("--free", "--input", "1"), ("--input", "1"), ()):
        assert "--input and --output" in codeforge("prices", "set", "lab/big", *words, code=2).err
    assert "takes dollars" in codeforge("prices", "set", "lab/big", "--input", "x", "--output", "1", code=2).err


def test_a_budget_is_set_changed_shown_and_taken_away(codeforge, project):
    assert "no budget" in codeforge("budgets").err
    assert "The budget of all projects is $200.00 per month" in codeforge("budgets", "set", "200", "--per", "month").out
    made = codeforge("budgets", "set", "5", "--project", "repo", "--per", "day", "--json").json
    assert (made["scope"], made["scope_id"], made["limit_micro"]) == ("project", project["id"], 5_000_000)
    again = codeforge("budgets", "set", "6.5", "--project", "repo", "--per", "day", "--json").json
    assert (again["id"], again["limit_micro"]) == (made["id"], 6_500_000)
    assert "project" in codeforge("budgets").out
    codeforge("budgets", "remove", made["id"])
    assert [b["scope"] for b in codeforge("budgets", "list", "--json").json] == ["tenant"]
    assert "no budget" in codeforge("budgets", "remove", made["id"], code=1).err
    assert "no task" in codeforge("budgets", "set", "1", "--task", "nothing", code=1).err
    assert "Give one of" in codeforge("budgets", "set", "1", "--task", "x", "--run", "y", code=2).err


def test_a_runs_ceiling_is_its_budget_and_no_more_than_its_project_allows(codeforge, project):
    assert project["limits"]["cost_micro"] == 2_500_000
    run = codeforge("tasks", "add", "repo", "write a.txt x", "--max-cost", "0.5", "--json").json["run"]
    [budget] = codeforge("budgets", "list", "--run", run["id"], "--json").json
    assert (budget["scope"], budget["limit_micro"], budget["period"]) == ("run", 500_000, "total")
    other = codeforge("tasks", "add", "repo", "write b.txt x", "--json").json["run"]
    [budget] = codeforge("budgets", "list", "--run", other["id"], "--json").json
    assert budget["limit_micro"] == 2_500_000
    assert "may cost $2.50" in codeforge("tasks", "add", "repo", "x", "--max-cost", "3", code=1).err
    changed = codeforge("projects", "edit", "repo", "--max-cost", "none", "--json").json
    assert changed["limits"] == {"steps": 50, "seconds": 3600, "cost_micro": None, "rounds": 0}
    assert codeforge("budgets", "list", "--run", other["id"], "--json").json == []


def test_a_forecast_says_when_there_is_too_little_to_go_by(codeforge, project):
    assert "not enough history" in codeforge("forecast", "repo").out
    assert codeforge("forecast", "repo", "--json").json["based_on"] == 0
