"""What every queue promises, on memory and on a real RabbitMQ."""

from __future__ import annotations

import asyncio
import logging
import time

import pytest

from codeforge import Ears, Unavailable


async def test_a_ring_reaches_the_answer_on_the_event_loop(url, opened, until):
    loops = []

    async def answer(run_id: str) -> None:
        loops.append((run_id, asyncio.get_running_loop()))

    queue = await opened(url, answer)
    await queue.ring("run-1")
    await until(lambda: loops)
    assert loops == [("run-1", asyncio.get_running_loop())]


async def test_many_rings_are_answered_in_order(url, opened, heard, until):
    queue = await opened(url, heard)
    ids = [f"run-{n}" for n in range(200)]
    for run_id in ids:
        await queue.ring(run_id)
    await until(lambda: len(heard) == len(ids))
    assert heard == ids


async def test_rings_from_many_tasks_at_once_all_arrive(url, opened, heard, until):
    queue = await opened(url, heard)
    await asyncio.gather(*(queue.ring(f"run-{n}") for n in range(50)))
    await until(lambda: len(heard) == 50)
    assert set(heard) == {f"run-{n}" for n in range(50)}


async def test_an_answer_that_waits_holds_the_next_ring_back(url, opened, heard, until):
    heard.gate = asyncio.Event()
    queue = await opened(url, heard)
    for n in range(5):
        await queue.ring(f"run-{n}")
    await until(lambda: heard)
    await asyncio.sleep(0.5)  # time in which a second answer would begin
    assert heard == ["run-0"]
    heard.gate.set()
    await until(lambda: len(heard) == 5)


async def test_an_answer_that_fails_is_told_in_one_line_and_the_next_ring_is_answered(
    url, opened, heard, until, caplog
):
    async def answer(run_id: str) -> None:
        await heard(run_id)
        if run_id == "bad":
            raise ValueError("several\nlines of\ntrouble")

    queue = await opened(url, answer)
    await queue.ring("bad")
    await queue.ring("good")
    await until(lambda: heard == ["bad", "good"])
    errors = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert [record.getMessage() for record in errors] == ["bad was not answered: ValueError: several lines of trouble"]
    assert errors[0].exc_info is None


async def test_an_answer_that_is_cancelled_by_itself_does_not_end_the_listening(url, opened, heard, until, caplog):
    async def answer(run_id: str) -> None:
        await heard(run_id)
        if run_id == "bad":
            raise asyncio.CancelledError

    queue = await opened(url, answer)
    await queue.ring("bad")
    await queue.ring("good")
    await until(lambda: heard == ["bad", "good"])
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


async def test_close_lets_a_short_answer_end(url, opened, until):
    began, ended = asyncio.Event(), asyncio.Event()

    async def answer(run_id: str) -> None:
        began.set()
        await asyncio.sleep(0.5)
        ended.set()

    queue = await opened(url, answer)
    await queue.ring("run-1")
    await began.wait()
    await queue.close()
    assert ended.is_set()


async def test_close_cancels_an_answer_that_waits_for_ever_and_takes_no_further_ring(url, opened, heard, until):
    cancelled = asyncio.Event()

    async def answer(run_id: str) -> None:
        heard.append(run_id)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    queue = await opened(url, answer)
    await queue.ring("run-1")
    await queue.ring("run-2")
    await until(lambda: heard)
    began = time.monotonic()
    await queue.close()
    assert cancelled.is_set()
    assert time.monotonic() - began < 8
    assert heard == ["run-1"]


async def test_a_ring_that_nobody_is_free_for_is_given_up_in_the_end(url, opened, heard, until):
    async def answer(run_id: str) -> None:
        heard.append(run_id)
        if run_id == "run-1":
            await asyncio.Event().wait()

    queue = await opened(url, None)
    await queue.close()
    queue.hold = 0.2
    await queue.open(url, Ears(ring=answer))
    await queue.ring("run-1")
    await queue.ring("run-2")
    await until(lambda: heard == ["run-1", "run-2"])


async def test_a_closed_queue_refuses_to_ring_and_may_be_closed_again_and_opened_anew(url, opened, heard, until):
    queue = await opened(url, heard)
    await queue.close()
    await queue.close()
    with pytest.raises(Unavailable, match="is closed"):
        await queue.ring("run-1")
    await queue.open(url, Ears(ring=heard))
    await queue.ring("run-2")
    await until(lambda: heard == ["run-2"])


async def test_a_queue_that_only_rings_hears_nothing(url, opened, heard):
    queue = await opened(url)
    await queue.ring("run-1")
    assert not heard


async def test_the_event_loop_stays_free_while_the_queue_works(url, opened, heard, until):
    queue = await opened(url, heard)
    longest, last, done = 0.0, time.monotonic(), False

    async def watch() -> None:
        nonlocal longest, last
        while not done:
            await asyncio.sleep(0.01)
            now = time.monotonic()
            longest, last = max(longest, now - last), now

    watching = asyncio.create_task(watch())
    for n in range(20):
        await queue.ring(f"run-{n}")
    await until(lambda: len(heard) == 20)
    await queue.close()
    done = True
    await watching
    assert longest < 1


async def test_opening_makes_no_broker_global(url, opened):
    import dramatiq.broker

    await opened(url)
    assert dramatiq.broker.global_broker is None
