"""The whole queue in a row: in the order in which runs would be taken as things are now, each with why it waits."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable, Sequence

from codeforge.scheduler.facts import Group, Hindrance, Waiting, Why, WorkerFacts, World
from codeforge.scheduler.order import FREE_WORKER, group_hindrance, own_hindrance

_SOON = (Why.FREE_WORKER,), (Why.PROJECT_LIMIT, Why.TENANT_LIMIT, Why.AGENT_LIMIT, Why.PROVIDER_LIMIT)
_TIMED = (Why.BACK_OFF, Why.NOT_BEFORE, Why.HOURS)
TIERS = (*_SOON, _TIMED, (Why.NEEDS,), (Why.DRAINING, Why.NO_WORKER, Why.NO_LABEL, Why.NO_AGENT, Why.NO_ROOM))
"""Which reasons to wait pass sooner than others: a run ends at some time, a time comes, a person must do something."""
_TIER = {why: number for number, whys in enumerate(TIERS) for why in whys}


def line(runs: Iterable[Waiting], world: World, workers: Sequence[WorkerFacts]) -> list[tuple[Waiting, Hindrance]]:
    """Every run with what holds it up. Those of one tier stand as they would be taken if none of them ended."""
    of_group: dict[Group, Hindrance | None] = {}
    tiers: dict[int, list[tuple[Waiting, Hindrance]]] = defaultdict(list)
    for run in runs:
        if run.group not in of_group:
            of_group[run.group] = group_hindrance(run, world, workers)
        held = own_hindrance(run, world) or of_group[run.group] or FREE_WORKER
        tiers[_TIER[held.why]].append((run, held))
    found: list[tuple[Waiting, Hindrance]] = []
    taken = dict(world.projects)
    for number in sorted(tiers):
        if TIERS[number] is _TIMED:
            found += sorted(tiers[number], key=lambda pair: (pair[1].until or 0, -pair[0].priority, pair[0].id))
        else:
            found += _by_turns(tiers[number], world, taken)
    return found


def _by_turns(
    pairs: list[tuple[Waiting, Hindrance]], world: World, taken: dict[str, int]
) -> list[tuple[Waiting, Hindrance]]:
    """What repeated picks would give; ``taken`` counts each project's runs and goes on counting."""
    levels: dict[int, dict[str, list[tuple[Waiting, Hindrance]]]] = defaultdict(lambda: defaultdict(list))
    for pair in sorted(pairs, key=lambda pair: pair[0].id, reverse=True):
        levels[pair[0].priority][pair[0].project_id].append(pair)
    served = {project_id: (0, place.served_at) for project_id, place in world.places.items()}
    found: list[tuple[Waiting, Hindrance]] = []
    for priority in sorted(levels, reverse=True):
        waiting = levels[priority]
        heap = [(taken.get(p, 0), served[p], rest[-1][0].id, p) for p, rest in waiting.items()]
        heapq.heapify(heap)
        while heap:
            number, _, _, project_id = heapq.heappop(heap)
            found.append(waiting[project_id].pop())
            taken[project_id], served[project_id] = number + 1, (1, float(len(found)))
            if rest := waiting[project_id]:
                heapq.heappush(heap, (number + 1, served[project_id], rest[-1][0].id, project_id))
    return found
