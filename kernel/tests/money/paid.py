"""Runs at work, and model calls that are reserved and settled: what the tests of money have in common."""

from codeforge import Price, RunState, Tokens
from codeforge.model import Change

DEAR = (Price(input=1_000_000, output=10_000_000),)
"""One micro-dollar for a prompt's token, ten for an answer's."""
CHANGE = Change(base="a" * 40, head="b" * 40, files=1, added=1, deleted=0)
S = RunState


async def working(forge, who, project, **options):
    """A run that a worker works on."""
    _, run = await forge.tasks.submit(who, project.id, "do it", **options)
    claimed = await forge.coordinator.claim("w")
    assert claimed.run.id == run.id
    await forge.coordinator.report(run.id, claimed.run.generation, state=S.WORKING, base="a" * 40)
    return claimed.run


async def begin(forge, run, prompt=100, completion=10, known=DEAR, **options):
    """Reserve a call; by default it costs 200 micro-dollars at most."""
    options = {"provider": "p", "model": "m", "run_id": run.id, "project_id": run.project_id, **options}
    figures = {"prompt_tokens": prompt, "completion_tokens": completion}
    return await forge.calls.open(run.tenant_id, known=known, **figures, **options)


async def finish(forge, run, call, prompt=100, completion=10, **figures):
    used = Tokens(prompt=prompt, completion=completion, **figures)
    return await forge.calls.settle(run.tenant_id, call, used, status=200, milliseconds=5)


async def spend(forge, run, prompt=100, completion=10, **options):
    return await finish(forge, run, await begin(forge, run, prompt, completion, **options), prompt, completion)


async def state(forge, who, run):
    return (await forge.runs.get(who, run.id)).state


async def notes(forge, run):
    return [e.data["text"] for e in await forge.history.read(run.tenant_id, run.id) if e.kind == "progress"]
