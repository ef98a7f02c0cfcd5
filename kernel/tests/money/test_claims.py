"""What an agent says that it used, beside our count, and what a run will probably take."""

from paid import CHANGE, S, spend, working

from codeforge import usage
from codeforge.forge.claims import disagreement


async def test_the_agents_own_claim_stands_beside_our_count(forge, who, run):
    await spend(forge, run)
    await forge.coordinator.report(run.id, 1, [usage(60, 6, 5, 120), usage(40, 4, 0, 80)])
    found = await forge.runs.get(who, run.id)
    assert (found.claimed.calls, found.claimed.prompt_tokens, found.claimed.cost_micro) == (2, 100, 200)
    assert disagreement(found.usage, found.claimed) == ""
    await forge.coordinator.report(run.id, 1, [usage(900, 0, 0, None)])
    found = await forge.runs.get(who, run.id)
    assert found.claimed.cost_micro is None
    assert "The agent says 1,010 tokens, the gateway counted 110." in disagreement(found.usage, found.claimed)


async def test_a_forecast_needs_three_like_runs_and_then_gives_least_typical_and_most(forge, who, project):
    for number, tokens in enumerate((100, 300, 200), 1):
        found = await forge.forecast(who, project.id)
        assert (found.based_on, found.tokens, found.cost_micro) == (number - 1, None, None)
        assert "not enough history" in found.text
        run = await working(forge, who, project)
        await spend(forge, run, tokens, 10)
        report = {"state": S.REVIEW, "change": CHANGE, "worked": float(number)}
        await forge.coordinator.report(run.id, 1, **report)
    found = await forge.forecast(who, project.id)
    figures = [(r.least, r.typical, r.most) for r in (found.tokens, found.cost_micro, found.seconds)]
    assert figures == [(110, 210, 310), (200, 300, 400), (1, 2, 3)]
    assert found.based_on == 3
    assert "Probably 210 tokens (110 to 310), $0.0003 ($0.0002 to $0.0004)" in found.text
    unpriced = await working(forge, who, project)
    await spend(forge, unpriced, known=())
    await forge.coordinator.report(unpriced.id, 1, state=S.REVIEW, change=CHANGE, worked=9.0)
    assert (await forge.forecast(who, project.id)).cost_micro is None
