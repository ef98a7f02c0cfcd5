"""The order of the queue, as a plain function of facts: who is next, and why the others wait.

A higher priority goes first. Among equals the project with the fewest runs under way does, then the one that was
served longest ago, then the older run. Nobody is taken past a limit.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from codeforge.scheduler import hours
from codeforge.scheduler.facts import Hindrance, Place, Waiting, Why, WorkerFacts, World

FREE_WORKER = Hindrance(why=Why.FREE_WORKER, text="waits for a free worker")


def pick(heads: Iterable[Waiting], world: World, worker: WorkerFacts) -> Waiting | None:
    """The run that the worker gets, of all that wait or of the first of every group; None when none may run."""
    able = (run for run in heads if hindrance(run, world, (worker,)) is None)
    return min(able, key=lambda run: turn(run, world), default=None)


def reasons(runs: Iterable[Waiting], world: World, workers: Sequence[WorkerFacts]) -> dict[str, Hindrance]:
    """For every run why it waits, by its id; one that nothing holds up waits for a free worker."""
    return {run.id: hindrance(run, world, workers) or FREE_WORKER for run in runs}


def turn(run: Waiting, world: World) -> tuple[int, int, float, str]:
    """What a run is sorted by among those that may run."""
    place = world.places[run.project_id]
    return -run.priority, world.projects[run.project_id], place.served_at, run.id


def hindrance(run: Waiting, world: World, workers: Sequence[WorkerFacts]) -> Hindrance | None:
    """What keeps every one of the workers from taking the run now; None when one of them may."""
    return own_hindrance(run, world) or group_hindrance(run, world, workers)


def own_hindrance(run: Waiting, world: World) -> Hindrance | None:
    """What holds up this run alone: tasks that it needs, or its time."""
    if run.blocked:
        tasks = "another task" if run.blocked == 1 else f"{run.blocked} other tasks"
        return Hindrance(why=Why.NEEDS, text=f"waits for {tasks}")
    if run.not_before > world.now:
        when = moment(run.not_before)
        if run.faults:
            return Hindrance(why=Why.BACK_OFF, text=f"back-off after a fault until {when}", until=run.not_before)
        return Hindrance(why=Why.NOT_BEFORE, text=f"starts at {when}", until=run.not_before)
    return None


def group_hindrance(run: Waiting, world: World, workers: Sequence[WorkerFacts]) -> Hindrance | None:
    """What holds up all runs of this project, agent and provider."""
    place = world.places[run.project_id]
    if place.hours and not hours.is_open(place.hours, world.now):
        opens = hours.opens_at(place.hours, world.now)
        until = f" until {moment(opens)}" if opens else ""
        return Hindrance(why=Why.HOURS, text=f"outside the project's hours{until}", until=opens)
    return _limit(run, place, world) or _no_worker(run, place, workers)


def _limit(run: Waiting, place: Place, world: World) -> Hindrance | None:
    caps, tenant = world.caps_of(place), place.tenant_id
    for why, what, cap, number in (
        (Why.PROJECT_LIMIT, "the project", place.max_runs, world.projects[place.id]),
        (Why.TENANT_LIMIT, "the organisation", caps.runs, world.tenants[tenant]),
        (Why.AGENT_LIMIT, f"the agent {run.agent}", caps.agents.get(run.agent), world.agents[tenant, run.agent]),
        (
            Why.PROVIDER_LIMIT,
            f"the provider {run.provider}",
            caps.providers.get(run.provider),
            world.providers[tenant, run.provider],
        ),
    ):
        if cap is not None and number >= cap:
            return Hindrance(why=why, text=f"{what} is at its limit of {cap} run{'' if cap == 1 else 's'}")
    return None


def _no_worker(run: Waiting, place: Place, workers: Sequence[WorkerFacts]) -> Hindrance | None:
    left = [worker for worker in workers if worker.tenant_id in ("", place.tenant_id)]
    if not left:
        return Hindrance(why=Why.NO_WORKER, text="no worker is connected")
    left = [worker for worker in left if place.labels <= worker.labels]
    if not left:
        names = ", ".join(sorted(place.labels))
        return Hindrance(why=Why.NO_LABEL, text=f"no worker has the label{'s' * (len(place.labels) > 1)} {names}")
    left = [worker for worker in left if not worker.agents or run.agent in worker.agents]
    if not left:
        return Hindrance(why=Why.NO_AGENT, text=f"no worker has the agent {run.agent}")
    left = [worker for worker in left if not worker.draining]
    if not left:
        return Hindrance(why=Why.DRAINING, text="every worker that could take it is draining")
    if all(worker.full for worker in left):
        return Hindrance(why=Why.NO_ROOM, text="no worker has room on its disk")
    return None


def moment(seconds: float) -> str:
    """A time in words."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC"
