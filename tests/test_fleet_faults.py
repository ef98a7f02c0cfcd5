"""One fault at a time on a fleet: what is killed, frozen, cut off or told twice neither loses nor doubles anything.

``CODEFORGE_TEST_OUTAGE=600`` cuts the network for ten minutes instead of a few leases.
"""

import asyncio
import os
import random
import signal
import time

import pytest
from chaos import evidence, network, verdict, witness
from chaos.messages import Tamperer
from chaos.world import Size, world

from codeforge.testing import PrivatePostgres, PrivateRabbit

pytestmark = [pytest.mark.rabbitmq, pytest.mark.postgres, pytest.mark.xdist_group("fleet"), pytest.mark.timeout(240)]
SIZE = Size(servers=2, workers=2, slots=4, lease=5, hosts=False, disk=False, clock=False)
LEASE = SIZE.lease
OUTAGE = float(os.environ.get("CODEFORGE_TEST_OUTAGE", 4 * LEASE))
"""Seconds."""


@pytest.fixture(scope="module")
def rabbit():
    with PrivateRabbit() as rabbit:
        yield rabbit


@pytest.fixture(scope="module")
def postgres():
    with PrivatePostgres() as postgres:
        yield postgres


@pytest.fixture
async def made(tmp_path, rabbit, postgres):
    async with world(tmp_path / "world", SIZE, random.Random(1), rabbit=rabbit, postgres=postgres) as made:
        yield made


async def until(condition, seconds=60.0):
    """Wait for the condition; gives its value."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, "it did not come true in time"
        await asyncio.sleep(0.02)
    return value


def execution(made, run, generation=1):
    """What the agent of that generation has told, once it has told something."""
    found = [one for one in witness.read(made.witness).get(run, []) if one.generation == generation]
    return found[0] if found and found[0].wrote else None


def holder(made, run, generation=1):
    """The number of the worker that has that generation, and the worker."""
    for number, worker in enumerate(made.fleet.workers):
        if (worker.folder / "runs" / f"{run}-{generation}").exists():
            return number, worker
    raise AssertionError(f"no worker has generation {generation} of {run}")


async def prove(made, *runs, states=("review",)):
    """See the runs to their end and prove that each promise was kept."""
    shown = {}
    for run in runs:
        deadline = time.monotonic() + 90
        while (told := await made.surely("GET", f"/runs/{run}"))["state"] not in states:
            assert time.monotonic() < deadline, f"the run is {told['state']}: {told['detail']}"
            await asyncio.sleep(0.05)
        shown[run] = told
    await until(lambda: not evidence.folders(made))
    gathered = await evidence.gather(made, shown)
    gathered.stopped = set(runs)
    assert not any(verdict.judge(gathered).values()), verdict.judge(gathered)
    return gathered


def told_again(gathered):
    """The stories of runs that were executed more than once."""
    again = [run for run, executions in gathered.executions.items() if len(executions) > 1]
    return [[event.data for event in gathered.events[run] if event.kind == "state"] for run in again]


async def test_a_killed_workers_run_is_taken_up_again_within_the_lease_and_five_seconds(made):
    run = await made.start(lines=15, pause=0.2)
    await until(lambda: execution(made, run))
    _, worker = holder(made, run)
    await worker.signal(signal.SIGKILL)
    killed = time.monotonic()
    again = await until(lambda: execution(made, run, 2))
    assert again.first - killed < LEASE + 5
    await worker.start()
    await prove(made, run)


@pytest.mark.slow
async def test_a_frozen_workers_reports_are_refused_and_its_agent_ends_before_the_next_begins(made):
    run = await made.start(lines=40, pause=0.2)
    await until(lambda: execution(made, run))
    _, worker = holder(made, run)
    await worker.signal(signal.SIGSTOP)
    again = await until(lambda: execution(made, run, 2))
    assert execution(made, run).last < again.first
    await worker.signal(signal.SIGCONT)
    gathered = await prove(made, run)
    assert gathered.refused or "is not held by generation 1" in (worker.folder / "codeforge.log").read_text()
    assert len(gathered.executions[run]) == 2


async def test_a_stop_reaches_the_agent_within_a_second_through_the_other_server(made):
    latencies = []
    for _ in range(5):
        run = await made.start(lines=2000, pause=0.02, manner="brood")
        await until(lambda run=run: execution(made, run))
        asked = time.monotonic()  # its worker talks to the first server
        status, _ = await made.ask_at(made.urls[1], "POST", f"/runs/{run}/stop")
        assert status == 200
        await prove(made, run, states=("stopped",))
        latencies.append(execution(made, run).last - asked)
    print(f"stop latency: {[round(seconds, 3) for seconds in latencies]}")
    assert sorted(latencies)[3] < 1.0, latencies


@pytest.mark.slow
async def test_a_broker_that_is_away_for_a_minute_loses_nothing(made):
    runs = [await made.start(lines=30, pause=0.1) for _ in range(2)]
    for run in runs:
        await until(lambda run=run: execution(made, run))
    await asyncio.to_thread(made.rabbit.kill)
    away = time.monotonic()
    runs.append(await made.start(lines=30, pause=0.1))  # accepted although nobody can be told
    await until(lambda: time.monotonic() - away > 60, 90)
    await asyncio.to_thread(made.rabbit.start)
    gathered = await prove(made, *runs)
    assert told_again(gathered) == []


@pytest.mark.slow
async def test_a_database_that_is_killed_and_comes_back_loses_nothing(made):
    runs = [await made.start(lines=40, pause=0.1) for _ in range(3)]
    for run in runs:
        await until(lambda run=run: execution(made, run))
    await asyncio.to_thread(made.postgres.restart)
    await prove(made, *runs)


@pytest.mark.slow
async def test_a_database_that_is_away_for_longer_than_the_lease_fails_no_run(made):
    runs = [await made.start(lines=100, pause=0.1) for _ in range(3)]
    for run in runs:
        await until(lambda run=run: execution(made, run))
    await asyncio.to_thread(made.postgres.kill)
    await until(lambda: not evidence.processes(made.folder))  # every agent has ended: others might have its run soon
    await asyncio.to_thread(made.postgres.start)
    await prove(made, *runs)


@pytest.mark.slow
@pytest.mark.timeout(OUTAGE + 180)
@pytest.mark.skipif(not network.possible(), reason="network namespaces need root")
async def test_a_worker_that_was_cut_off_and_is_back_neither_loses_nor_doubles_anything(tmp_path):
    size = Size(servers=2, workers=2, slots=4, lease=LEASE, hosts=True, disk=False, clock=False)
    async with world(tmp_path / "world", size, random.Random(1)) as made:
        run = await made.start(lines=60, pause=0.2)
        await until(lambda: execution(made, run))
        number, _ = holder(made, run)
        made.network.cut(number)
        cut = time.monotonic()
        again = await until(lambda: execution(made, run, 2))
        assert execution(made, run).last < again.first
        await until(lambda: time.monotonic() - cut > OUTAGE, OUTAGE + 30)
        made.network.mend(number)
        gathered = await prove(made, run)
        assert len(gathered.executions[run]) == 2


@pytest.mark.slow
async def test_rabbitmqs_time_out_for_consumers_ends_no_run_that_lasts_longer(tmp_path, postgres):
    with PrivateRabbit(settings="consumer_timeout = 3000") as rabbit:
        (rabbit.folder / "advanced.config").write_text("[{rabbit,[{channel_tick_interval,1000}]}].\n")
        await asyncio.to_thread(rabbit.restart)
        async with world(tmp_path / "world", SIZE, random.Random(1), rabbit=rabbit, postgres=postgres) as made:
            runs = [await made.start(lines=40, pause=0.3) for _ in range(10)]  # two more than there are slots
            gathered = await prove(made, *runs)
            assert told_again(gathered) == []
            assert any("PRECONDITION_FAILED" in worker.said() for worker in made.fleet.workers)


@pytest.mark.slow
async def test_reports_that_come_twice_and_again_much_later_change_nothing(made):
    tamperer = Tamperer(made.rabbit.url, random.Random(1))
    runs = [await made.start(lines=40, pause=0.1) for _ in range(3)]
    for run in runs:
        await until(lambda run=run: execution(made, run))
    assert await asyncio.to_thread(tamperer.take, "double", 2)
    gathered = await prove(made, *runs)
    before = gathered.events
    assert await asyncio.to_thread(tamperer.replay)
    last = await made.start(lines=1, pause=0.1)  # its reports come behind the old ones
    await prove(made, last)
    assert {run: evidence.events(made)[run] for run in runs} == {run: before[run] for run in runs}
