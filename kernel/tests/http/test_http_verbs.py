"""Every verb on a run in every state: it is done, or one sentence says why not; asked twice, no more happens."""

import pytest

from codeforge import Reason, RunState
from codeforge.model import ENDED, HELD, TRANSITIONS, Change

BASE, HEAD = "a" * 40, "b" * 40
CHANGE = Change(base=BASE, head=HEAD, files=2, added=1, deleted=1)
S = RunState

WAYS = {
    "queued": (),
    "preparing": ("claim",),
    "working": ("claim", S.WORKING),
    "pausing": ("claim", S.WORKING, "pause"),
    "stopping": ("claim", S.WORKING, "stop"),
    "checking": ("claim", S.WORKING, S.CHECKING),
    "paused": ("pause",),
    "paused with work": ("claim", S.WORKING, "pause", S.PAUSED),
    "parking": ("claim", S.WORKING, "park"),
    "waiting": ("claim", S.WORKING, "park", S.WAITING),
    "review": ("claim", S.WORKING, S.CHECKING, S.REVIEW),
    "accepted": ("claim", S.WORKING, S.CHECKING, S.REVIEW, "accept"),
    "sent_back": ("claim", S.WORKING, S.CHECKING, S.REVIEW, "send_back"),
    "rejected": ("claim", S.WORKING, S.CHECKING, S.REVIEW, "reject"),
    "failed": ("claim", S.WORKING, S.FAILED),
    "failed check": ("claim", S.WORKING, S.CHECKING, S.FAILED),
    "stopped": ("stop",),
}
"""How a run gets there: by people's verbs, and by what its worker reports."""

VERBS = {
    "message": ("POST", "messages", {"text": "and be kind"}),
    "pause": ("POST", "pause", {}),
    "resume": ("POST", "resume", {}),
    "stop": ("POST", "stop", {}),
    "restart": ("POST", "restart", {}),
    "prioritise": ("PATCH", "", {"priority": 7}),
    "accept": ("POST", "review", {"verdict": "accept"}),
    "send_back": ("POST", "review", {"verdict": "send_back", "comment": "once more"}),
    "reject": ("POST", "review", {"verdict": "reject"}),
    "retry": ("POST", "retry", {}),
    "retry from the work": ("POST", "retry", {"from": "work"}),
}

UNHELD = {"queued", "paused", "paused with work", "waiting"}
AT_WORK = {"preparing", "working", "pausing", "stopping", "parking", "checking"}
ASKED = {"pausing", "stopping", "parking"}
"""A worker is at work on these, and ends that with its next renewal."""
LIVE = UNHELD | AT_WORK
OVER = set(WAYS) - LIVE
WITH_WORK = {"review", "sent_back", "rejected", "failed check"}
REFUSED = {
    "message": {"stopping", "checking", "accepted", "rejected"},
    "pause": OVER | {"stopping", "checking"},
    "resume": OVER | {"stopping"},
    "stop": set(),
    "restart": set(),
    "prioritise": OVER | AT_WORK,
    "accept": set(WAYS) - {"review", "failed check", "accepted"},
    "send_back": LIVE | {"accepted", "sent_back", "rejected"},
    "reject": LIVE | {"accepted", "sent_back"},
    "retry": LIVE,
    "retry from the work": set(WAYS) - WITH_WORK,
}
NOTHING_TO_DO = {
    "pause": {"paused", "paused with work", "pausing"},
    "resume": {"queued", "preparing", "working", "checking"},
    "stop": OVER | {"stopping"},
    "accept": {"accepted"},
    "reject": {"rejected"},
}
"""Where a verb is no use, and changes nothing."""
BECOMES = {
    "pause": dict.fromkeys(("queued", "waiting"), "paused"),
    "resume": dict.fromkeys(("paused", "paused with work", "waiting"), "queued"),
    "stop": dict.fromkeys(UNHELD, "stopped"),
}
"""The state at once; where nothing is said, the run stays as it is until its worker speaks."""


@pytest.fixture
async def run(forge, who, project, api, request):
    """A run in the state that the test is about."""
    _, run = await forge.tasks.submit(who, project.id, "paint the door")
    for step in WAYS[request.param]:
        if step == "claim":
            assert (await forge.coordinator.claim("w")).run.id == run.id
        elif step == "park":
            await forge.runs.park(run.id, "quota", None, "The provider takes no more today.")
        elif isinstance(step, S):
            facts = {"change": CHANGE} if step in (S.CHECKING, S.PAUSED) else {}
            facts |= (
                {"reason": Reason.CHECK_FAILED if "check" in request.param else Reason.QUOTA}
                if step == S.FAILED
                else {}
            )
            facts |= {"worked": 1.5} if step == S.PAUSED else {}
            await forge.coordinator.report(run.id, 1, state=step, base=BASE, **facts)
        else:
            await do(api, step, run.id)
    run = (await api("GET", f"/runs/{run.id}")).json
    assert run["state"] == request.param.split()[0] or request.param in ASKED
    return {**run, "as": request.param}


async def do(api, verb, run_id, **options):
    method, path, body = VERBS[verb]
    return await api(method, f"/runs/{run_id}/{path}".rstrip("/"), body, **options)


async def now(api, run):
    return (await api("GET", f"/runs/{run['id']}")).json


def test_every_state_is_looked_at():
    assert {name.split()[0] for name in WAYS} - ASKED == set(S)
    assert {name.split()[0] for name in OVER} == ENDED


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("run", WAYS, indirect=True)
async def test_a_verb_does_what_it_says_or_says_why_not(api, run, verb):
    state, answer = run["as"], await do(api, verb, run["id"])
    after = await now(api, run)
    before = {name: value for name, value in run.items() if name != "as"}
    if state in REFUSED[verb]:
        assert (answer.status, answer.json["type"]) == (409, "/problems/conflict")
        assert answer.json["detail"].endswith(".")
        assert len(answer.json["detail"]) < 120
        assert after == before
        return
    assert answer.status in (200, 201)
    if state in NOTHING_TO_DO.get(verb, ()):
        assert after == before
    if verb in ("pause", "resume", "stop", "prioritise"):
        assert answer.json == after
        assert after["state"] == BECOMES.get(verb, {}).get(state, run["state"])
        assert after["pausing"] == (verb == "pause" and after["state"] in HELD)
        assert after["stopping"] == ((verb == "stop" and after["state"] in HELD) or state == "stopping")
    assert after["state"] == run["state"] or S(after["state"]) in TRANSITIONS[S(run["state"])]


@pytest.mark.parametrize("run", WAYS, indirect=True)
async def test_what_is_said_to_be_possible_is_possible_and_nothing_else(run):
    for verb in VERBS.keys() - {"retry from the work"}:
        possible = run["as"] not in REFUSED[verb] | NOTHING_TO_DO.get(verb, set())
        assert (verb in run["verbs"]) == possible, verb


@pytest.mark.parametrize("verb", ["pause", "resume", "stop", "restart", "prioritise"])
@pytest.mark.parametrize("run", WAYS, indirect=True)
async def test_asked_twice_no_more_happens(api, run, verb):
    one = await do(api, verb, run["id"])
    seen = await now(api, run), await _events(api, run)
    two = await do(api, verb, run["id"])
    assert (two.status, two.json) == (one.status, one.json)
    assert (await now(api, run), await _events(api, run)) == seen


@pytest.mark.parametrize("run", ["failed check"], indirect=True)
async def test_retrying_twice_with_one_key_starts_one_run(api, run):
    key = {"Idempotency-Key": "once"}
    one, two = [await do(api, "retry from the work", run["id"], headers=key) for _ in range(2)]
    assert one.json == two.json
    assert (one.json["follows"], one.json["prompt"], one.json["number"]) == (run["id"], "paint the door", 2)


@pytest.mark.parametrize("run", ["failed check"], indirect=True)
async def test_a_retry_is_by_the_same_agent_and_model_unless_others_are_named(api, run):
    assert (await api("POST", f"/runs/{run['id']}/retry")).json["model"] == run["model"] == "small"
    other = (await api("POST", f"/runs/{run['id']}/retry", {"model": "large"})).json
    assert (other["model"], other["follows"]) == ("large", None)
    assert (await api("POST", f"/runs/{run['id']}/retry", {"model": "none"})).status == 404
    assert (await api("POST", f"/runs/{run['id']}/retry", {"from": "memory"})).status == 422


@pytest.mark.parametrize("run", ["working", "paused", "queued"], indirect=True)
async def test_a_run_that_is_restarted_stops_and_another_begins_in_its_place(api, run):
    await api("PATCH", f"/runs/{run['id']}", {"priority": 3})
    new = (await do(api, "restart", run["id"])).json
    assert (new["state"], new["number"], new["follows"], new["task_id"]) == ("queued", 2, None, run["task_id"])
    old = await now(api, run)
    assert old["stopping"] or old["state"] == "stopped"
    assert new["priority"] == old["priority"]


@pytest.mark.parametrize("run", ["paused with work"], indirect=True)
async def test_a_run_that_was_put_by_is_given_out_with_its_own_work(api, forge, run):
    await do(api, "resume", run["id"])
    claimed = await forge.coordinator.claim("w")
    assert (claimed.base, claimed.start, claimed.given, claimed.resumed) == (BASE, HEAD, None, True)
    assert (claimed.run.generation, claimed.run.worked) == (2, 1.5)
    await forge.coordinator.report(run["id"], 2, state=S.WORKING)
    await forge.coordinator.remember(run["id"], 2, b"of work that dies")
    await forge.coordinator.report(
        run["id"], 2, state=S.CHECKING, change=Change(**{**vars_of(CHANGE), "head": "c" * 40})
    )
    await forge.coordinator.reap(everything=True)
    claimed = await forge.coordinator.claim("w")
    assert (claimed.start, claimed.memory) == (HEAD, None)


@pytest.mark.parametrize("run", ["working"], indirect=True)
async def test_a_lost_run_that_is_paused_before_it_works_again_still_starts_from_scratch(api, forge, run):
    await forge.coordinator.reap(everything=True)
    assert (await forge.coordinator.claim("w")).run.generation == 2
    await do(api, "pause", run["id"])
    await forge.coordinator.report(run["id"], 2, state=S.PAUSED, change=None, worked=0.0)
    await do(api, "resume", run["id"])
    claimed = await forge.coordinator.claim("w")
    assert (claimed.base, claimed.start, claimed.resumed) == (None, None, False)


@pytest.mark.parametrize("word", [S.QUEUED, S.WAITING, S.PAUSED, S.FAILED])
@pytest.mark.parametrize("run", ["pausing", "stopping"], indirect=True)
async def test_what_people_want_counts_when_its_worker_would_leave_the_run_otherwise(api, forge, run, word):
    passing = {"reason": Reason.SCM_UNREACHABLE, "detail": "No answer."} if word == S.FAILED else {}
    await forge.coordinator.report(run["id"], 1, state=word, **passing)
    after = await now(api, run)
    assert after["state"] == {"pausing": "paused", "stopping": "stopped"}[run["as"]]
    assert not after["pausing"]
    assert not after["stopping"]


@pytest.mark.parametrize("run", ["queued"], indirect=True)
async def test_a_higher_priority_overtakes_and_the_queue_goes_on_in_its_order(api, forge, who, project, run):
    _, other = await forge.tasks.submit(who, project.id, "paint the wall")
    await api("PATCH", f"/runs/{other.id}", {"priority": 1})
    assert [(await forge.coordinator.claim("w")).run.id for _ in range(2)] == [other.id, run["id"]]


@pytest.mark.parametrize("run", ["queued"], indirect=True)
async def test_a_resumed_run_stands_where_its_priority_and_age_put_it(api, forge, who, project, run):
    _, other = await forge.tasks.submit(who, project.id, "paint the wall")
    await do(api, "pause", run["id"])
    await do(api, "resume", run["id"])
    assert [(await forge.coordinator.claim("w")).run.id for _ in range(2)] == [run["id"], other.id]


@pytest.mark.parametrize("run", ["paused"], indirect=True)
async def test_nobody_is_given_a_paused_run_and_its_key_is_gone(forge, run):
    assert await forge.coordinator.claim("w") is None
    await forge.coordinator.reap(everything=True)
    assert (await forge.store.run(None, _state, run["id"])) == "paused"


def _state(door, run_id):
    from codeforge.forge.runs import row_of

    return row_of(door, run_id)["state"]


def vars_of(change):
    return {name: getattr(change, name) for name in change.__dataclass_fields__}


async def _events(api, run):
    return (await api("GET", f"/runs/{run['id']}/events")).json["items"]
