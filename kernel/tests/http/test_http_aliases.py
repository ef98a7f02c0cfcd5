"""Aliases and routes by the API: what they stand for, where they count, and what they are refused for."""

import pytest

from codeforge import Model

SMALL = {"ways": [{"model": "small", "weight": 1, "first_seconds": None}]}
ALL = ["error", "timeout", "context", "budget"]


async def test_an_alias_stands_for_a_model(api):
    assert [m["name"] for m in (await api("GET", "/models")).json["items"]] == ["small", "large"]
    assert (await api("PUT", "/aliases/fast", {"target": "small"})).status == 200
    fast = {"name": "fast", "target": "small", "route": {**SMALL, "fall_back_on": ALL}, "project_id": None}
    assert (await api("GET", "/aliases")).json["items"] == [fast]
    assert [m["name"] for m in (await api("GET", "/models")).json["items"]] == ["small", "large", "fast"]
    assert (await api("PUT", "/aliases/fast", {"target": "gone"})).status == 404
    assert (await api("DELETE", "/aliases/fast")).status == 204
    assert (await api("GET", "/aliases")).json["items"] == []


async def test_an_alias_stands_for_a_route_and_tells_it(api):
    ways = [{"model": "small", "weight": 3}, {"model": "large", "weight": 0, "first_seconds": 20}]
    put = await api("PUT", "/aliases/fast", {"route": {"ways": ways, "fall_back_on": ["timeout", "error"]}})
    assert put.json["target"] == "small"
    assert put.json["route"]["fall_back_on"] == ["error", "timeout"]
    [listed] = (await api("GET", "/aliases")).json["items"]
    assert listed["route"]["ways"] == [{"first_seconds": None, **ways[0]}, ways[1]]
    [*_, fast] = (await api("GET", "/models")).json["items"]
    assert (fast["name"], fast["note"]) == ("fast", "small, then large")


async def test_a_projects_own_alias_counts_there_alone(api, project):
    await api("PUT", "/aliases/fast", {"target": "small"})
    mine = f"?project_id={project.id}"
    assert (await api("PUT", f"/aliases/fast{mine}", {"target": "large"})).json["project_id"] == project.id
    assert (await api("PUT", f"/aliases/own{mine}", {"target": "fast"})).status == 200
    assert [a["target"] for a in (await api("GET", "/aliases")).json["items"]] == ["small"]
    found = (await api("GET", f"/aliases{mine}")).json["items"]
    assert [(a["name"], a["target"], a["project_id"]) for a in found] == [
        ("fast", "large", project.id),
        ("own", "fast", project.id),
    ]
    task = {"prompt": "paint", "model": "own"}
    assert (await api("POST", f"/projects/{project.id}/tasks", task)).json["run"]["model"] == "own"
    assert (await api("DELETE", f"/aliases/fast{mine}")).status == 204
    assert [a["target"] for a in (await api("GET", f"/aliases{mine}")).json["items"]] == ["small", "fast"]
    assert (await api("PUT", "/aliases/fast?project_id=gone", {"target": "large"})).status == 404


@pytest.mark.parametrize(
    ("ways", "sentence"),
    [
        ([{"model": "gone"}], "There is no model gone; there is small, large."),
        ([{"model": "small", "weight": 0}], "A route needs at least one model with a weight of 1 or more."),
        ([{"model": "small"}, {"model": "small"}], "small stands twice in the route: give it once, with its weight."),
    ],
)
async def test_a_route_that_leads_nowhere_is_refused(api, ways, sentence):
    answer = await api("PUT", "/aliases/fast", {"route": {"ways": ways}})
    assert (answer.status, answer.json["field"], answer.json["detail"]) == (422, "route", sentence)
    assert (await api("GET", "/aliases")).json["items"] == []


async def test_either_a_target_or_a_route_is_given(api):
    for body in ({}, {"target": "small", "route": {"ways": [{"model": "large"}]}}):
        assert (await api("PUT", "/aliases/fast", body)).status == 422


async def test_a_circle_is_refused_with_its_path(api, project):
    await api("PUT", "/aliases/a", {"target": "small"})
    await api("PUT", "/aliases/b", {"target": "a"})
    await api("PUT", "/aliases/c", {"route": {"ways": [{"model": "large"}, {"model": "b", "weight": 0}]}})
    answer = await api("PUT", "/aliases/a", {"route": {"ways": [{"model": "small"}, {"model": "c"}]}})
    assert (answer.status, answer.json["detail"]) == (422, "a would stand for itself: a -> c -> b -> a.")
    assert (await api("PUT", "/aliases/a", {"target": "a"})).json["detail"] == "a would stand for itself: a -> a."
    [first, *_] = (await api("GET", "/aliases")).json["items"]
    assert first["target"] == "small"


async def test_a_circle_that_only_one_project_would_have_is_refused(api, project):
    await api("PUT", "/aliases/a", {"target": "small"})
    await api("PUT", "/aliases/b", {"target": "large"})
    assert (await api("PUT", f"/aliases/b?project_id={project.id}", {"target": "a"})).status == 200
    answer = await api("PUT", "/aliases/a", {"target": "b"})
    assert answer.json["detail"] == "a would stand for itself: a -> b -> a."


async def test_a_model_is_found_by_the_name_that_its_provider_gives_it(api, project, forge):
    async def models(tenant_id):
        names = [("p", "gpt-9"), ("q", "gpt-9"), ("q", "claude"), ("r", "x/llama-3-70b")]
        return [Model(name=f"{provider}/{name}", provider=provider) for provider, name in names]

    forge.offers.llms["two"].models = models
    assert (await api("PUT", "/aliases/smart", {"target": "claude"})).json["target"] == "q/claude"
    edited = await api("PATCH", f"/projects/{project.id}", {"model": "x/llama-3-70b"})
    assert edited.json["model"] == "r/x/llama-3-70b"
    for wrong, sentence in (
        ("gpt-9", "More than one provider has gpt-9: say p/gpt-9 or q/gpt-9."),
        ("openai/claude", "There is no model openai/claude: did you mean q/claude?"),
        ("llama-3-70B", "There is no model llama-3-70B: did you mean r/x/llama-3-70b?"),
        ("moon", "There is no model moon; there is p/gpt-9, q/gpt-9, q/claude, r/x/llama-3-70b, smart."),
    ):
        assert (await api("PUT", "/aliases/fast", {"target": wrong})).json["detail"] == sentence
