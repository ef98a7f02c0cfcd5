"""Many people steer many runs at once: whatever they ask for, no run works twice, no work is lost, no state lies."""

import asyncio
import random
import time
from itertools import pairwise
from pathlib import Path

import pytest

from codeforge.model import ENDED, TRANSITIONS, RunState
from codeforge.testing import StandIns, running
from codeforge.worker.folder import MARK

VERBS = ["pause"] * 6 + ["resume"] * 8 + ["stop", "restart", "priority", "priority"]
RUNS, PEOPLE, SECONDS = 6, 4, 6.0
SCRIPT = """folder=${{PWD%/workspace}}; folder=${{folder##*/}}; run={place}/${{folder%-*}}
trap 'rmdir $run.lock; exit' TERM
mkdir $run.lock || echo $run >> {place}/twice
echo begun >> b.txt; echo begun >> $run.begun
until [ -e {place}/gate ]; do sleep 0.03; done
rmdir $run.lock"""
"""Holds a lock that no other execution of the run may hold, and notes its beginning in the work and outside of it."""


def lines(file: Path) -> int:
    return len(file.read_text().splitlines()) if file.exists() else 0


async def steer(api, runs, dice, until):
    """What one person does: verbs on runs, as the dice fall. Runs that are made by it are added."""
    while time.monotonic() < until:
        run, verb = dice.choice(runs), dice.choice(VERBS)
        if verb == "priority":
            await ask(api, "PATCH", f"/runs/{run}", {"priority": dice.randint(0, 9)})
        else:
            made = await ask(api, "POST", f"/runs/{run}/{verb}", {})
            if verb == "restart" and made["id"] not in runs:
                runs.append(made["id"])
        await asyncio.sleep(dice.random() * 0.1)


async def ask(api, method, path, body):
    """The answer: it is done, or refused with a sentence, and never a fault."""
    async with api.http.request(method, f"{api.url}/api/v1{path}", json=body) as answer:
        assert answer.status in (200, 201, 409), await answer.text()
        return await answer.json()


async def over(api, run_id):
    """The run once it has ended; it is resumed as often as that takes."""
    while True:
        run = await api.until({"id": run_id}, *ENDED, "paused", seconds=60)
        if run["state"] in ENDED:
            return run
        await api.post(f"/runs/{run_id}/resume")


async def history(api, run_id):
    events, after = [], 0
    while after is not None:
        page = await api.get(f"/runs/{run_id}/events?after={after}&limit=1000")
        events, after = events + page["items"], page["next"]
    return events


def still_there(settings):
    """Processes that carry the mark of any run."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and f"{MARK}={settings.data_dir}".encode() in (entry / "environ").read_bytes():
                found.append(entry.name)
        except OSError:
            continue
    return found


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.parametrize("seed", [1, 2])
async def test_in_a_storm_of_verbs_no_run_works_twice_and_nothing_is_lost(settings, repository, tmp_path, seed):
    settings, dice, place = settings.model_copy(update={"slots": 3}), random.Random(seed), tmp_path / "place"
    place.mkdir()
    async with running(settings, extra={"stand_ins": StandIns()}) as (_, api):
        project = await api.post("/projects", {"url": str(repository), "model": "none"})
        runs = [(await api.start(project, SCRIPT.format(place=place)))["id"] for _ in range(RUNS)]
        until = time.monotonic() + SECONDS
        await asyncio.gather(*(steer(api, runs, random.Random(dice.random()), until) for _ in range(PEOPLE)))
        (place / "gate").touch()
        for run_id in runs:
            run, events = await over(api, run_id), await history(api, run_id)
            assert run["state"] in ("review", "stopped"), run["detail"]
            assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
            states = [RunState(event["data"]["state"]) for event in events if event["kind"] == "state"]
            assert states[0] == "queued"
            assert [(one, two) for one, two in pairwise(states) if two not in TRANSITIONS[one]] == []
            added = run["change"]["added"] if run["change"] else 0
            assert added >= lines(place / f"{run_id}.begun"), states
        assert not (place / "twice").exists()
        assert sum(lines(found) for found in place.glob("*.begun")) > RUNS, "nothing was ever resumed"
        assert still_there(settings) == []
        async with asyncio.timeout(20):
            while list((settings.data_dir / "runs").iterdir()):
                await asyncio.sleep(0.05)
