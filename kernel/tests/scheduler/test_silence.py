"""When a lease counts as over: by what a server sees and its own steady clock, never by the database's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeforge import scheduler
from codeforge.scheduler import Silence
from codeforge.store import tables as t

LEASE = 10.0


class Watch:
    """A silence whose clock the test sets."""

    def __init__(self, world):
        self.world, self.now = world, 0.0
        self.silence = Silence(LEASE, lambda: self.now)

    async def at(self, now, step=2.0):
        """Look every ``step`` seconds until ``now``; gives the runs that are lost at the last look."""
        while self.now + step < now:
            self.now += step
            await self.world.change(self.silence.over)
        self.now = now
        return [row["id"] for row in await self.world.change(self.silence.over)]


@pytest.fixture
async def run(world):
    await world.submit(await world.project())
    return await world.run(await world.claim())


@pytest.fixture
def watch(world):
    return Watch(world)


async def test_a_lease_is_over_when_it_was_seen_unrenewed_for_its_length(run, watch):
    assert await watch.at(0) == []
    assert await watch.at(LEASE - 0.1) == []
    assert await watch.at(LEASE) == [run.id]
    assert await watch.at(LEASE + 1) == [run.id], "nobody took it meanwhile"


async def test_a_renewal_begins_a_new_one(world, run, watch):
    await watch.at(6)
    await world.change(lambda door: scheduler.renew(door, run.id, run.generation, LEASE))
    assert await watch.at(7) == []
    assert await watch.at(16.9) == []
    assert await watch.at(17) == [run.id]


@pytest.mark.parametrize("jump", [-7200, -0.001, 0.001, 7200])
async def test_a_jump_of_the_databases_clock_neither_ends_nor_keeps_it(world, run, watch, jump):
    await watch.at(2)
    until = t.Run.lease_until + jump  # as a renewal by the clock that jumped writes it
    await world.change(lambda door: door.update(t.Run, t.Run.id == run.id, lease_until=until))
    assert await watch.at(4) == []
    assert await watch.at(13.9) == []
    assert await watch.at(14) == [run.id]


async def test_it_is_known_when_the_first_may_be_over(world, run, watch):
    assert watch.silence.due() == float("inf")
    await watch.at(2)
    assert watch.silence.due() == LEASE
    await watch.at(6)
    assert watch.silence.due() == LEASE - 4


async def test_after_a_sleep_all_may_renew_first(run, watch):
    await watch.at(2)
    assert await watch.at(3600, step=3600) == []
    assert await watch.at(3600 + LEASE) == [run.id]


async def test_a_run_that_another_worker_has_by_now_begins_anew(world, run, watch):
    await watch.at(8)
    await world.forge.coordinator.reap(everything=True)
    assert await watch.at(9) == []
    assert await world.claim() == run.id
    assert await watch.at(LEASE + 2) == []


@given(asked=st.lists(st.floats(0, LEASE), min_size=1), late=st.floats(0, 3), looks=st.floats(0.1, 2))
def test_no_run_is_lost_whose_worker_may_still_be_at_work(asked, late, looks):
    """A worker asks at intervals and is heard ``late`` seconds after; a server looks now and then."""
    now, heard, end = 0.0, [], 0.0
    for pause in asked:
        end += pause
        heard.append((end + late, end))
    silence = Silence(LEASE, lambda: now)
    while now < end + late + 3 * LEASE:
        told = [at for when, at in heard if when <= now]
        if told and silence.over(Rows(len(told))):
            assert now >= told[-1] + LEASE
            return
        now += looks
    raise AssertionError("a run that nobody works on must be lost at last")


class Rows:
    """A door that shows one held run with its nth lease."""

    def __init__(self, nth):
        self.found = [{"id": "r", "generation": 1, "lease_until": nth}]

    def query(self, *_):
        return self

    def select(self, *_):
        return self

    def rows(self, _):
        return self.found

    def all(self, *_):
        return self.found
