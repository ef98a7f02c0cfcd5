"""A model is tried from the API: a real call through the gateway, written down like any other."""

import aiohttp

from codeforge.llm import Route, Way


async def tried(house, model, **body):
    _, token = await house.forge.accounts.new_token(house.who, "tests", ("read", "write"))
    headers = {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        answer = await session.post(f"{house.forge.url}/api/v1/models/try", json={"model": model, **body})
        return answer.status, await answer.json()


async def test_a_trial_shows_answer_tokens_and_cost_and_is_in_the_costs(house):
    house.scripted.script("m", ["Hello there."])
    await house.provider("m", prices={"m": {"input": 1_000_000, "output": 2_000_000}})
    await house.forge.aliases.set(house.who, "fast", "up/m")
    status, trial = await tried(house, "fast", prompt="Say hello.")
    assert (status, trial["ok"], trial["answer"], trial["detail"]) == (200, True, "Hello there.", "")
    assert trial["model"] == "up/m"
    [seen] = house.scripted.requests
    assert seen.body["messages"] == [{"role": "user", "content": "Say hello."}]
    [cost] = await house.forge.costs.by(house.who, "model")
    assert cost.calls == trial["usage"]["calls"] == 1
    assert cost.cost_micro == trial["usage"]["cost_micro"] > 0
    assert (cost.prompt_tokens, cost.completion_tokens) == (
        trial["usage"]["prompt_tokens"],
        trial["usage"]["completion_tokens"],
    )


async def test_a_trial_that_fails_says_why_and_its_key_is_good_for_nothing_more(house):
    await house.provider("gone")
    status, trial = await tried(house, "up/gone")
    assert (status, trial["ok"], trial["answer"]) == (200, False, "")
    assert trial["detail"]
    assert (await tried(house, "nothing"))[0] == 404


async def test_an_alias_of_one_project_is_tried_as_it_counts_there(house):
    house.scripted.script("n", ["Here."])
    await house.provider("n")
    route = Route(ways=(Way(model="up/n"),))
    await house.forge.aliases.set(house.who, "own", route=route, project_id=house.project_id)
    assert (await tried(house, "own"))[0] == 404
    assert (await tried(house, "own", project_id=house.project_id))[1]["answer"] == "Here."
