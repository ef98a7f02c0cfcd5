"""The order of the queue, over facts alone: limits hold, priorities win, nobody starves, and reasons are true."""

from collections import Counter
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from codeforge.model import Hours
from codeforge.scheduler import Caps, Place, Waiting, Why, WorkerFacts, World, hindrance, line, pick, reasons

NOW = 1_800_000_000.0
PROJECTS, AGENTS, PROVIDERS, LABELS, TENANTS = ("p1", "p2", "p3"), ("aider", "swe"), ("a", "b"), ("gpu", "big"), "tu"
some = st.integers(0, 4)
labels = st.frozensets(st.sampled_from(LABELS))
hours = st.sampled_from([None, None, None, Hours(zone="UTC", start="00:00", end="00:01", days=(0,))])


@st.composite
def worlds(draw):
    places = {
        name: Place(
            id=name,
            tenant_id=draw(st.sampled_from(TENANTS)),
            labels=draw(st.one_of(st.just(frozenset()), labels)),
            max_runs=draw(st.none() | some),
            hours=draw(hours),
            served_at=float(draw(some)),
        )
        for name in PROJECTS
    }
    caps = {
        tenant: Caps(
            runs=draw(st.none() | some),
            agents=draw(st.dictionaries(st.sampled_from(AGENTS), some)),
            providers=draw(st.dictionaries(st.sampled_from(PROVIDERS), some)),
        )
        for tenant in TENANTS
    }
    groups = st.tuples(st.sampled_from(PROJECTS), st.sampled_from(AGENTS), st.sampled_from(PROVIDERS))
    return World(now=NOW, places=places, caps=caps, active=draw(st.dictionaries(groups, st.integers(1, 3), max_size=4)))


@st.composite
def queues(draw, *, plain=False):
    number = draw(st.integers(0, 12))
    return [
        Waiting(
            id=f"r{n:02}",
            project_id=draw(st.sampled_from(PROJECTS)),
            agent=draw(st.sampled_from(AGENTS)),
            provider=draw(st.sampled_from(PROVIDERS)),
            priority=draw(st.integers(-1, 1)),
            not_before=0.0 if plain else draw(st.sampled_from([0.0, 0.0, NOW - 1, NOW, NOW + 60])),
            blocked=0 if plain else draw(st.sampled_from([0, 0, 0, 2])),
        )
        for n in range(number)
    ]


workers = st.builds(
    WorkerFacts,
    tenant_id=st.sampled_from(["", *TENANTS]),
    labels=labels,
    agents=st.one_of(st.just(frozenset()), st.frozensets(st.sampled_from(AGENTS))),
    draining=st.sampled_from([False, False, False, True]),
    full=st.sampled_from([False, False, False, True]),
)


@given(queues(), worlds(), workers)
def test_whoever_is_picked_is_allowed_and_nobody_allowed_has_a_higher_priority(queue, world, worker):
    chosen = pick(queue, world, worker)
    able = [run for run in queue if allowed(run, world, worker)]
    assert (chosen is None) == (not able)
    if chosen:
        assert chosen in able
        assert chosen.priority == max(run.priority for run in able)


def allowed(run, world, worker):
    """The rules once more, as plainly as they can be written."""
    place = world.places[run.project_id]
    caps, tenant = world.caps.get(place.tenant_id, Caps()), place.tenant_id
    return (
        not run.blocked
        and run.not_before <= world.now
        and place.hours is None
        and not worker.draining
        and not worker.full
        and worker.tenant_id in ("", tenant)
        and all(label in worker.labels for label in place.labels)
        and (not worker.agents or run.agent in worker.agents)
        and below(world.projects[place.id], place.max_runs)
        and below(world.tenants[tenant], caps.runs)
        and below(world.agents[tenant, run.agent], caps.agents.get(run.agent))
        and below(world.providers[tenant, run.provider], caps.providers.get(run.provider))
    )


def below(number, cap):
    return cap is None or number < cap


@given(queues(), worlds(), workers)
def test_reasons_agree_with_the_pick(queue, world, worker):
    chosen, why = pick(queue, world, worker), reasons(queue, world, [worker])
    assert why.keys() == {run.id for run in queue}
    if chosen:
        assert why[chosen.id].why == Why.FREE_WORKER
    else:
        assert all(held.why != Why.FREE_WORKER for held in why.values())
    assert all(held.text and (held.until is None or held.until > world.now) for held in why.values())


@given(queues(), worlds(), workers, st.randoms(use_true_random=False))
def test_the_order_in_which_runs_are_given_does_not_matter(queue, world, worker, random):
    shuffled = random.sample(queue, len(queue))
    assert pick(shuffled, world, worker) == pick(queue, world, worker)
    assert line(shuffled, world, [worker]) == line(queue, world, [worker])


@given(queues(), worlds(), workers)
def test_the_first_of_every_group_decide_like_all(queue, world, worker):
    ready = [run for run in queue if not run.blocked and run.not_before <= world.now]
    first = {}
    for run in sorted(ready, key=lambda run: (-run.priority, run.id)):
        first.setdefault(run.group, run)
    assert pick(first.values(), world, worker) == pick(queue, world, worker)


@given(queues(), worlds(), st.lists(workers, max_size=3))
def test_more_workers_hinder_nobody(queue, world, hands):
    for run in queue:
        alone = [hindrance(run, world, [worker]) is None for worker in hands]
        assert (hindrance(run, world, hands) is None) == any(alone)


def test_a_full_worker_and_a_draining_one_are_no_worker():
    run = Waiting(id="r", project_id="p", agent="aider", provider="a", priority=0, not_before=0.0, blocked=0)
    world = World(now=NOW, places={"p": Place(id="p", tenant_id="t")}, caps={"t": Caps()}, active={})
    found = hindrance(run, world, [WorkerFacts(full=True), WorkerFacts(draining=True)])
    assert found
    assert (found.why, found.text) == (Why.NO_ROOM, "no worker has room on its disk")


def served(queue, world, worker, *, ends=lambda active: None):
    """Who is served, claim after claim, while ``ends`` takes runs out of those that go on."""
    active, taken = Counter(), []
    places = dict(world.places)
    while chosen := pick(queue, World(now=NOW, places=places, caps=world.caps, active=active), worker):
        queue = [run for run in queue if run != chosen]
        active[chosen.group] += 1
        taken.append(chosen)
        places[chosen.project_id] = replace(places[chosen.project_id], served_at=NOW + len(taken))
        yield chosen, active, places
        ends(active)


@given(queues(), worlds(), workers)
def test_no_limit_is_ever_exceeded_by_claims(queue, world, worker):
    world = World(now=NOW, places=world.places, caps=world.caps, active={})
    for _, active, places in served(queue, world, worker):
        after = World(now=NOW, places=places, caps=world.caps, active=active)
        for place in places.values():
            caps = world.caps[place.tenant_id]
            assert place.max_runs is None or after.projects[place.id] <= place.max_runs
            assert caps.runs is None or after.tenants[place.tenant_id] <= caps.runs
            assert all(after.agents[place.tenant_id, name] <= cap for name, cap in caps.agents.items())
            assert all(after.providers[place.tenant_id, name] <= cap for name, cap in caps.providers.items())


def crowd(**numbers):
    runs = [(project, n) for project, number in numbers.items() for n in range(number)]
    return [Waiting(id=f"{n:03}{project}", project_id=project, agent="a", provider="p") for project, n in runs]


def free(**places):
    return World(
        now=NOW, places={p: Place(id=p, tenant_id="t", **facts) for p, facts in places.items()}, caps={}, active={}
    )


@given(st.integers(1, 30), st.integers(1, 30), st.booleans())
def test_between_two_claims_of_a_flooding_project_another_gets_its_turn(flood, few, ending):
    ends = (lambda active: active.clear()) if ending else (lambda active: None)
    order = "".join(
        run.project_id for run, _, _ in served(crowd(A=flood, B=few), free(A={}, B={}), WorkerFacts(), ends=ends)
    )
    waiting = order[: 2 * min(flood, few)]  # as long as both wait
    assert "AA" not in waiting
    assert "BB" not in waiting


def test_the_project_with_fewer_runs_under_way_is_first_even_when_it_was_served_last():
    world = World(
        now=NOW,
        places={"A": Place(id="A", tenant_id="t", served_at=1), "B": Place(id="B", tenant_id="t", served_at=2)},
        caps={},
        active={("A", "a", "p"): 1},
    )
    assert pick(crowd(A=3, B=3), world, WorkerFacts()).project_id == "B"


def test_a_higher_priority_is_taken_first_whatever_is_fair():
    queue = crowd(A=2, B=2)
    queue[1] = replace(queue[1], priority=1)
    world = World(now=NOW, places=free(A={}, B={}).places, caps={}, active={("A", "a", "p"): 7})
    assert pick(queue, world, WorkerFacts()) == queue[1]


@given(queues(plain=True), worlds())
def test_the_line_is_what_claim_after_claim_takes(queue, world):
    places = {name: replace(place, max_runs=None, hours=None) for name, place in world.places.items()}
    world = World(now=NOW, places=places, caps={}, active={})
    anyone = WorkerFacts(labels=frozenset(LABELS))
    taken = [run.id for run, _, _ in served(queue, world, anyone)]
    assert [run.id for run, _ in line(queue, world, [anyone])] == taken


@given(queues(), worlds(), st.lists(workers, max_size=2))
def test_the_line_holds_everybody_once_with_the_same_reasons(queue, world, hands):
    found = line(queue, world, hands)
    assert sorted(run.id for run, _ in found) == [run.id for run in queue]
    assert {run.id: held for run, held in found} == reasons(queue, world, hands)


def test_reasons_say_what_holds_a_run_up():
    run = Waiting(id="r", project_id="p", agent="aider", provider="openai")
    gpu, any_one = WorkerFacts(labels=frozenset({"gpu"})), WorkerFacts()

    def why(run=run, hands=(any_one,), caps=None, active=None, **place):
        world = World(
            now=NOW,
            places={"p": Place(id="p", tenant_id="t", **place)},
            caps={"t": caps or Caps()},
            active={("p", "aider", "openai"): active or 0},
        )
        return reasons([run], world, hands)["r"].text

    assert why() == "waits for a free worker"
    assert why(hands=()) == "no worker is connected"
    assert why(hands=[WorkerFacts(tenant_id="other")]) == "no worker is connected"
    assert why(labels=frozenset({"gpu"})) == "no worker has the label gpu"
    assert why(hands=[gpu], labels=frozenset({"gpu", "big"})) == "no worker has the labels big, gpu"
    assert why(hands=[gpu], labels=frozenset({"gpu"})) == "waits for a free worker"
    assert why(hands=[WorkerFacts(agents=frozenset({"swe"}))]) == "no worker has the agent aider"
    assert why(hands=[WorkerFacts(draining=True)]) == "every worker that could take it is draining"
    assert why(hands=[WorkerFacts(full=True)]) == "no worker has room on its disk"
    assert why(max_runs=2, active=2) == "the project is at its limit of 2 runs"
    assert why(caps=Caps(runs=1), active=1) == "the organisation is at its limit of 1 run"
    assert why(caps=Caps(agents={"aider": 3}), active=3) == "the agent aider is at its limit of 3 runs"
    assert why(caps=Caps(providers={"openai": 0})) == "the provider openai is at its limit of 0 runs"
    assert why(replace(run, blocked=1)) == "waits for another task"
    assert why(replace(run, not_before=NOW + 60)) == "starts at 2027-01-15 08:01 UTC"
    assert why(replace(run, not_before=NOW + 60, faults=1)) == "back-off after a fault until 2027-01-15 08:01 UTC"
    closed = Hours(zone="UTC", days=(0,), start="08:00", end="18:00")
    assert why(hours=closed) == "outside the project's hours until 2027-01-18 08:00 UTC"
