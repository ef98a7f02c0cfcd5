"""Two servers and two workers, a process each, on PostgreSQL and RabbitMQ: one CodeForge for everybody."""

import asyncio
import json
import os
import re
import signal
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from codeforge import __version__
from codeforge.testing import Api, Fleet, Spawned, fleet, free_port, git

pytestmark = [
    pytest.mark.rabbitmq,
    pytest.mark.postgres,
    pytest.mark.xdist_group("services"),
    pytest.mark.timeout(240),
]
KEY = "sk-canary-of-a-provider-0123456789"


@dataclass
class Two:
    """A fleet of two servers, ``a`` and ``b`` their clients, and of two workers, the second with the label gpu."""

    fleet: Fleet
    a: Api
    b: Api
    database_url: str
    broker_url: str

    @property
    def workers(self) -> list[Spawned]:
        return self.fleet.workers


@asynccontextmanager
async def two_of_each(folder, urls, lease="4"):
    """The processes; four starts are seconds."""
    async with fleet(folder, lease=lease, ring_again="1", **urls) as made:
        for _ in range(2):
            await made.add_server(free_port())
        async with made.api() as api:
            await made.add_worker(api, slots="2")
            await made.add_worker(api, "gpu", slots="2")
        yield made


@asynccontextmanager
async def clients(made, urls):
    async with made.api(0) as a, made.api(1) as b:
        yield Two(made, a, b, **urls)


@pytest.fixture(scope="session")
def urls(postgres, rabbit_node):
    return {"database_url": postgres.new_database(), "broker_url": rabbit_node.new_vhost()}


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared(tmp_path_factory, urls):
    """The fleet of the tests that end none of its processes."""
    async with two_of_each(tmp_path_factory.mktemp("two"), urls) as made:
        yield made


@pytest.fixture
async def two(shared, urls):
    async with clients(shared, urls) as two:
        yield two
        for worker in (await two.a.get("/workers"))["items"]:  # as the next test expects them
            await two.a.call("PATCH", f"/workers/{worker['id']}", {"draining": False})


@pytest.fixture
async def doomed(request, tmp_path, postgres, rabbit):
    """A fleet for one test, which ends what it likes; its lease may be given."""
    urls = {"database_url": postgres.new_database(), "broker_url": rabbit.new_vhost()}
    made = two_of_each(tmp_path / "fleet", urls, getattr(request, "param", "4"))
    async with made as processes, clients(processes, urls) as two:
        yield two


@pytest.fixture
async def project(request, repository):
    two = request.getfixturevalue("doomed" if "doomed" in request.fixturenames else "two")
    return await two.a.post("/projects", {"url": str(repository), "name": repository.parent.name, "model": "none"})


async def holder(two, run):
    """The worker that holds the run, as (its process, what is known of it)."""
    async with asyncio.timeout(30):
        while True:
            for known in (await two.b.get("/workers"))["items"]:
                if run["id"] in known["runs"]:
                    return two.workers[int(known["name"].rpartition("-")[2])], known
            await asyncio.sleep(0.05)


def gated(gate, script=""):
    return f"echo up; {script} until [ -e {gate} ]; do sleep 0.05; done; echo b > b.txt"


async def test_a_client_of_one_server_sees_at_once_what_a_worker_reports_to_another(two, project):
    """Each line is the moment at which it was written; two clients, one a server, see it less than a second later."""
    run = await two.a.start(project, "for n in 1 2 3 4 5 6; do date +%s.%N; sleep 0.25; done; echo b > b.txt")

    async def late(api):
        late, seqs = [], []
        async with api.http.ws_connect(f"{api.url}/api/v1/stream?run={run['id']}&after=0") as socket:
            async for message in socket:
                for event in json.loads(message.data):
                    seqs.append(event["seq"])
                    if re.fullmatch(r"\d+\.\d+", text := str(event["data"].get("text"))):
                        late.append(time.time() - float(text))
                    if event["data"].get("state") in ("review", "failed"):
                        return late, seqs
        raise AssertionError("the server ended the stream")

    (seen_a, seqs_a), (seen_b, seqs_b) = await asyncio.wait_for(asyncio.gather(late(two.a), late(two.b)), 60)
    assert len(seen_a) == len(seen_b) == 6
    assert seqs_a == seqs_b == list(range(1, len(seqs_a) + 1))
    assert max(*seen_a, *seen_b) < 1.0


async def test_every_verb_works_through_either_server(two, project, tmp_path):
    gate = tmp_path / "gate"
    run = await two.a.start(project, gated(gate))
    await two.b.says(run, "up")
    await two.b.post(f"/runs/{run['id']}/messages", {"text": "echo c >> b.txt"})
    await two.b.post(f"/runs/{run['id']}/pause")
    assert (await two.a.until(run, "paused"))["state"] == "paused"
    gate.touch()
    await two.a.post(f"/runs/{run['id']}/resume")
    run = await two.b.until(run)
    assert run["state"] == "review", await story(two.b, run)
    assert run["change"]["files"] == 1
    stopped = await two.b.start(project, "echo up; sleep 100")
    await two.a.says(stopped, "up")
    began = time.monotonic()
    await two.a.post(f"/runs/{stopped['id']}/stop")
    assert (await two.b.until(stopped))["state"] == "stopped"
    assert time.monotonic() - began < 5
    again = await two.a.post(f"/runs/{stopped['id']}/restart")
    await two.b.says(again, "up")
    await two.b.post(f"/runs/{again['id']}/stop")
    assert (await two.a.until(again))["state"] == "stopped"


async def test_a_change_is_read_and_accepted_at_either_server(two, project, repository):
    """Whichever server took the worker's commits, both show the diff, and each can deliver."""
    for number, (api, other) in enumerate(((two.a, two.b), (two.b, two.a))):
        run = await api.until(await other.start(project, f"echo {number} > new-{number}.txt"))
        for either in (api, other):
            assert f"+{number}" in (await either.get(f"/runs/{run['id']}/diff"))["diff"]
        accepted = await api.post(f"/runs/{run['id']}/review", {"verdict": "accept", "strategy": "squash"})
        assert git(repository, "rev-parse", "main") == accepted["delivered"]
        assert (await other.get(f"/runs/{run['id']}"))["state"] == "accepted"
    run = await two.a.until(await two.a.start(project, "echo x > x.txt"))
    back = await two.b.post(f"/runs/{run['id']}/review", {"verdict": "send_back", "comment": "echo y >> x.txt"})
    assert (await two.a.until(back))["change"]["added"] == 2


async def test_a_worker_that_is_drained_finishes_and_takes_no_more(two, project, tmp_path):
    gate = tmp_path / "gate"
    run = await two.a.start(project, gated(gate))
    await two.a.says(run, "up")
    process, known = await holder(two, run)
    assert (await two.b.call("PATCH", f"/workers/{known['id']}", {"draining": True}))["draining"] is True
    several = [await two.a.start(project, f"echo {n} > n.txt") for n in range(4)]
    several = [await two.b.until(one) for one in several]
    assert {await worker_of(two.a, one) for one in several} & {known["id"]} == set()
    assert process.running
    gate.touch()
    assert (await two.a.until(run))["state"] == "review"
    assert await claims(two.a, run) == [known["id"]], await story(two.a, run)
    await two.a.call("PATCH", f"/workers/{known['id']}", {"draining": False})
    others = [worker for worker in (await two.a.get("/workers"))["items"] if worker["id"] != known["id"]]
    for other in others:
        await two.a.call("PATCH", f"/workers/{other['id']}", {"draining": True})
    last = await two.b.until(await two.a.start(project, "echo last > n.txt"))
    assert (last["state"], await worker_of(two.a, last)) == ("review", known["id"])
    for other in others:
        await two.a.call("PATCH", f"/workers/{other['id']}", {"draining": False})


@pytest.mark.slow
async def test_sigterm_lets_a_worker_finish_what_it_has_and_take_no_more(doomed, project, tmp_path):
    gate = tmp_path / "gate"
    run = await doomed.a.start(project, gated(gate))
    await doomed.a.says(run, "up")
    process, known = await holder(doomed, run)
    await process.signal(signal.SIGTERM)
    async with asyncio.timeout(20):
        while "Finishing 1 run" not in process.said():
            await asyncio.sleep(0.05)
    several = [await doomed.b.start(project, f"echo {n} > n.txt") for n in range(3)]
    several = [await doomed.a.until(one) for one in several]
    assert {await worker_of(doomed.b, one) for one in several} & {known["id"]} == set()
    assert process.running
    gate.touch()
    run = await doomed.b.until(run)
    assert (run["state"], await claims(doomed.a, run)) == ("review", [known["id"]])
    assert await asyncio.wait_for(process.process.wait(), 30) == 0


async def test_a_second_sigterm_hands_the_run_back_and_it_goes_on_elsewhere_from_its_work(doomed, project, tmp_path):
    gate = tmp_path / "gate"
    script = (
        f"echo up; [ -e so-far.txt ] && echo found it; echo mine > so-far.txt; until [ -e {gate} ]; do sleep 0.05; done"
    )
    run = await doomed.a.start(project, script)
    await doomed.a.says(run, "up")
    process, known = await holder(doomed, run)
    await process.signal(signal.SIGTERM)
    async with asyncio.timeout(20):
        while "Finishing 1 run" not in process.said():
            await asyncio.sleep(0.05)
    await process.signal(signal.SIGTERM)
    assert await asyncio.wait_for(process.process.wait(), 30) == 0
    await doomed.b.says(run, "found it")
    gate.touch()
    run = await doomed.b.until(run)
    assert run["state"] == "review"
    [first, second] = await claims(doomed.b, run)
    assert (first, second != first) == (known["id"], True)
    assert "+mine" in (await doomed.b.get(f"/runs/{run['id']}/diff"))["diff"]


async def test_a_project_that_asks_for_a_label_gets_only_workers_that_have_it(two, repository):
    project = await two.a.post("/projects", {"url": str(repository), "name": "labelled", "model": "none"})
    await two.b.call("PATCH", f"/projects/{project['id']}", {"labels": ["gpu"]})
    runs = [await two.b.start(project, f"echo {n} > n.txt") for n in range(4)]
    runs = [await two.a.until(run) for run in runs]
    [gpu] = [known["id"] for known in (await two.a.get("/workers"))["items"] if "gpu" in known["labels"]]
    assert {(run["state"], await worker_of(two.a, run)) for run in runs} == {("review", gpu)}
    await two.a.call("PATCH", f"/workers/{gpu}", {"draining": True})
    waits = await two.a.start(project, "echo late > n.txt")
    plain = await two.b.post("/projects", {"url": str(repository), "name": "plain", "model": "none"})
    assert (await two.b.until(await two.b.start(plain, "echo p > n.txt")))["state"] == "review"
    assert (await two.a.get(f"/runs/{waits['id']}"))["state"] == "queued"
    await two.b.call("PATCH", f"/workers/{gpu}", {"draining": False})
    assert (await two.a.until(waits))["state"] == "review"


async def test_a_run_goes_on_through_a_server_that_never_looked_at_its_repository(doomed, project, tmp_path):
    gate = tmp_path / "gate"
    run = await doomed.a.start(project, gated(gate))
    await doomed.a.says(run, "up")
    await doomed.a.post(f"/runs/{run['id']}/pause")
    await doomed.a.until(run, "paused")
    await doomed.fleet.servers[0].signal(signal.SIGKILL)
    gate.touch()
    await doomed.b.post(f"/runs/{run['id']}/resume")
    run = await doomed.b.until(run)
    assert run["state"] == "review", await story(doomed.b, run)
    assert "+b" in (await doomed.b.get(f"/runs/{run['id']}/diff"))["diff"]


@pytest.mark.slow
async def test_a_run_outlives_the_server_that_its_worker_spoke_to(doomed, project, tmp_path):
    gate = tmp_path / "gate"
    run = await doomed.b.start(project, gated(gate, "for n in $(seq 40); do echo line $n; sleep 0.1; done;"))
    await doomed.b.says(run, "line 3'")
    await doomed.fleet.servers[0].signal(signal.SIGKILL)
    await doomed.b.says(run, "line 40")
    gate.touch()
    run = await doomed.b.until(run)
    assert (run["state"], len(await claims(doomed.b, run))) == ("review", 1)
    events = (await doomed.b.get(f"/runs/{run['id']}/events?limit=1000"))["items"]
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    said = [event["data"]["text"] for event in events if str(event["data"].get("text")).startswith("line ")]
    assert said == [f"line {n}" for n in range(1, 41)]
    assert "+b" in (await doomed.b.get(f"/runs/{run['id']}/diff"))["diff"]
    assert (await doomed.b.post(f"/runs/{run['id']}/review", {"verdict": "accept"}))["state"] == "accepted"


@pytest.mark.slow
async def test_a_revoked_worker_is_refused_and_its_run_goes_to_another(doomed, project, tmp_path):
    """It says what it likes, through the queue and over HTTP: nothing of it is stored, and its agent ends."""
    gate, mark = tmp_path / "gate", f"28{os.getpid()}"
    run = await doomed.a.start(project, f"echo up; setsid sleep {mark} & {gated(gate)}")
    await doomed.a.says(run, "up")
    process, known = await holder(doomed, run)
    await doomed.b.call("DELETE", f"/workers/{known['id']}")
    gone = time.monotonic()
    async with asyncio.timeout(30):
        while len(await claims(doomed.a, run)) == 1:
            await asyncio.sleep(0.1)
    assert time.monotonic() - gone < 4 + 5 + 4  # the lease, the time to take it up, and a busy machine
    gate.touch()
    run = await doomed.a.until(run)
    assert run["state"] == "review"
    [first, second] = await claims(doomed.b, run)
    assert (first, second != first) == (known["id"], True)
    assert [line for line in Path("/proc").glob("[0-9]*/cmdline") if mark in read(line)] == []
    headers = {"Authorization": f"Bearer {token_of(process)}", "X-CodeForge-Version": __version__}
    for path, body in (("/beat", {}), ("/claim", {}), (f"/runs/{run['id']}/renew", {"generation": 2})):
        async with doomed.a.http.post(f"{doomed.a.url}/api/worker/v1{path}", json=body, headers=headers) as answer:
            assert answer.status == 401


async def test_a_worker_holds_no_password_and_no_key_and_its_token_is_told_to_nobody(two, project, tmp_path):
    """In a worker's environment, folder and log there is neither; its token is in no event, answer or log."""
    await two.a.call("PUT", "/providers/openai?test=false", {"kind": "openai", "key": KEY})
    gate = tmp_path / "gate"
    run = await two.a.start(project, f"env; cat /proc/$PPID/environ | tr '\\0' '\\n'; {gated(gate)}")
    await two.a.says(run, "up")
    password = re.search(r"://[^:]+:([^@]+)@", two.database_url)[1]
    secrets = [password, KEY, (two.fleet.folder / "secret.key").read_text().strip()]
    for worker in two.workers:
        shown = "\n".join(f"{name}={value}" for name, value in environ(worker).items())
        kept = "".join(file.read_bytes().decode("latin-1") for file in worker.folder.rglob("*") if file.is_file())
        for secret in secrets:
            assert secret not in shown
            assert secret not in kept
        assert token_of(worker) not in kept
    gate.touch()
    run = await two.b.until(run)
    told = json.dumps(await events_of(two.b, run)) + json.dumps(await two.b.get("/workers"))
    logs = "".join(file.read_text() for server in two.fleet.servers for file in server.folder.glob("*.log*"))
    for worker in two.workers:
        assert token_of(worker) not in told + logs
    for secret in secrets:
        assert secret not in told


async def claims(api, run):
    """The workers that took the run, in order."""
    return [event["data"]["worker"] for event in await events_of(api, run) if "worker" in event["data"]]


async def story(api, run):
    """What became of a run, for whoever reads that a test failed."""
    return "\n".join(f"{event['time']} {event['kind']} {event['data']}" for event in await events_of(api, run))


async def worker_of(api, run):
    """Who took the run last."""
    return (await claims(api, run))[-1]


def read(path):
    try:
        return path.read_text()
    except OSError:
        return ""


async def events_of(api, run):
    return (await api.get(f"/runs/{run['id']}/events?limit=1000"))["items"]


def environ(spawned):
    """A process's environment as everybody of its user can read it."""
    raw = Path(f"/proc/{spawned.process.pid}/environ").read_bytes().decode().split("\0")
    return dict(pair.split("=", 1) for pair in raw if "=" in pair)


def token_of(spawned):
    """The token that the process was given."""
    return spawned._env["CODEFORGE_TOKEN"]


@pytest.mark.slow
@pytest.mark.parametrize("doomed", ["15"], indirect=True)
async def test_servers_and_workers_are_replaced_one_by_one_while_runs_go_on_and_none_of_them_notices(doomed, project):
    two = doomed
    script = "for n in 1 2 3 4 5 6 7 8; do echo $n; echo $n >> b.txt; sleep 0.5; done"
    runs = [await two.a.start(project, script) for _ in range(8)]
    for server in two.fleet.servers:
        await server.signal(signal.SIGTERM)
        assert await asyncio.wait_for(server.process.wait(), 60) == 0
        await server.start()
        await server.ready()
    for worker in two.workers:
        await worker.signal(signal.SIGTERM)  # it finishes what it has
        assert await asyncio.wait_for(worker.process.wait(), 60) == 0
        await worker.start()
        await two.fleet.worker_ready(worker, times=2)
    for run in runs:
        ended = await two.b.until(run, seconds=60)
        events = (await two.a.get(f"/runs/{run['id']}/events"))["items"]
        assert (ended["state"], ended["change"]["added"]) == ("review", 8), events
        states = [event["data"]["state"] for event in events if event["kind"] == "state"]
        assert states == ["queued", "preparing", "working", "checking", "review"], events
