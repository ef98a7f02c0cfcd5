"""What only a broker of its own can do: crash, come back, refuse, and be shared."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import threading
import time
from contextlib import suppress

import psutil
import pytest
from pika import BlockingConnection, URLParameters
from pika.exceptions import ChannelClosedByBroker

from codeforge import MISSED, Ears, Invalid, Unavailable
from codeforge.testing.ports import free_port
from codeforge_queue_dramatiq.queues import QUEUE, RabbitQueue

pytestmark = pytest.mark.rabbitmq


async def test_two_listeners_share_the_rings(rabbit, opened, heard, until):
    other = type(heard)()
    heard.gate = other.gate = asyncio.Event()
    await opened(rabbit.url, heard)
    await opened(rabbit.url, other)
    ringing = await opened(rabbit.url)
    for n in range(20):
        await ringing.ring(f"run-{n}")
    await until(lambda: heard and other)
    assert len(heard) == len(other) == 1, "a busy listener must leave the rings to the others"
    heard.gate.set()
    await until(lambda: len(heard) + len(other) == 20)
    assert set(heard) | set(other) == {f"run-{n}" for n in range(20)}


async def test_rings_wait_for_a_listener_that_comes_later(rabbit, opened, heard, until):
    ringing = await opened(rabbit.url)
    await ringing.ring("run-1")
    await ringing.close()
    await opened(rabbit.url, heard)
    await until(lambda: heard == ["run-1"])


async def test_a_listener_that_closes_leaves_the_waiting_rings_to_the_others(rabbit, opened, heard, until):
    heard.gate = asyncio.Event()
    first = await opened(rabbit.url, heard)
    for n in range(5):
        await first.ring(f"run-{n}")
    await until(lambda: heard)
    await first.close()
    other = type(heard)()
    await opened(rabbit.url, other)
    await until(lambda: set(heard) | set(other) == {f"run-{n}" for n in range(5)})
    assert heard == ["run-0"]


async def test_after_a_crash_of_the_broker_the_listener_comes_back_and_hears_old_and_new_rings(
    rabbit, opened, heard, until, settled
):
    heard.gate = asyncio.Event()
    listening = await opened(rabbit.url, heard)
    await settled(rabbit)
    ringing = await opened(rabbit.url)
    for run_id in ("run-1", "run-2"):
        await ringing.ring(run_id)
    await until(lambda: heard)
    await asyncio.to_thread(rabbit.kill)

    began = time.monotonic()
    with pytest.raises(Unavailable, match="does not answer: start it"):
        await ringing.ring("run-3")
    assert time.monotonic() - began < 5

    heard.gate.set()
    await asyncio.to_thread(rabbit.start)
    await ringing.ring("run-4")
    await listening.ring("run-5")
    await until(lambda: {"run-2", "run-4", "run-5"} <= set(heard))


async def test_a_broker_that_lost_everything_gets_its_queue_again(rabbit, opened, heard, until):
    listening = await opened(rabbit.url, heard)
    connection = BlockingConnection(URLParameters(rabbit.url))
    connection.channel().queue_delete(QUEUE)
    connection.close()
    await listening.ring("run-1")
    await until(lambda: heard == ["run-1"])


async def test_a_deleted_queue_is_made_again_by_the_listener_and_no_connection_is_left_over(
    rabbit, opened, heard, until
):
    def connections() -> int:
        found = psutil.Process().net_connections("tcp")
        return sum(bool(c.raddr) and c.raddr.port == rabbit.port for c in found)

    listening = await opened(rabbit.url, heard)
    await until(lambda: connections() == 2)  # one rings, one listens
    connection = BlockingConnection(URLParameters(rabbit.url))
    connection.channel().queue_delete(QUEUE)

    def exists() -> bool:
        try:
            connection.channel().queue_declare(QUEUE, passive=True)
        except ChannelClosedByBroker:
            return False
        return True

    await until(exists)
    connection.close()
    await listening.ring("run-1")
    await until(lambda: heard == ["run-1"])
    assert connections() <= 3  # the listener's thread has had to make the queue: that is the third


async def test_a_broker_that_hangs_holds_up_neither_ring_nor_close(rabbit, opened, heard, until):
    listening = await opened(rabbit.url, heard)
    await listening.ring("run-0")
    await until(lambda: heard)
    listening.patience = 1.0
    pid = int((rabbit.folder / "pid").read_text())
    os.kill(pid, signal.SIGSTOP)
    try:
        began = time.monotonic()
        with pytest.raises(Unavailable, match="does not answer"):
            await listening.ring("run-1")
        assert time.monotonic() - began < 3
        await listening.close()
        assert time.monotonic() - began < 10
    finally:
        os.kill(pid, signal.SIGCONT)
    await until(lambda: not [thread for thread in threading.enumerate() if "queue" in thread.name])


async def test_a_ring_at_a_dead_broker_says_so_at_once(rabbit, opened):
    ringing = await opened(rabbit.url)
    await asyncio.to_thread(rabbit.stop)
    began = time.monotonic()
    with pytest.raises(Unavailable) as refused:
        await ringing.ring("run-1")
    assert (
        str(refused.value) == f"RabbitMQ at 127.0.0.1:{rabbit.port} does not answer: start it, or correct broker_url."
    )
    assert time.monotonic() - began < 3


async def test_health_tells_a_broker_that_is_down_hangs_or_has_come_back_on_one_connection(rabbit, opened):
    queue = await opened(rabbit.url)
    where = f"RabbitMQ at 127.0.0.1:{rabbit.port}"
    for _ in range(5):
        found = await queue.health()
        assert (found.name, found.ok, found.detail) == ("broker", True, where)
    await asyncio.to_thread(rabbit.kill)
    found = await queue.health()
    assert (found.ok, found.detail) == (False, f"{where} does not answer")
    await asyncio.to_thread(rabbit.start)
    assert (await queue.health()).ok  # the dead connection was let go
    await queue.ring("r1")
    pid = int((rabbit.folder / "pid").read_text())
    os.kill(pid, signal.SIGSTOP)
    try:
        async with asyncio.timeout(20):
            while (found := await asyncio.wait_for(queue.health(), 4)).ok:  # answers of before it stopped may come yet
                await asyncio.sleep(0.1)
        assert found.detail == f"{where} does not answer"
    finally:
        os.kill(pid, signal.SIGCONT)
    async with asyncio.timeout(40):
        while not (await queue.health()).ok:
            await asyncio.sleep(0.1)
    await queue.close()
    assert not (await queue.health()).ok


async def test_open_tells_a_wrong_password_without_showing_it(rabbit, opened, caplog):
    caplog.set_level(logging.DEBUG)
    with pytest.raises(Unavailable, match="refused the user or the password") as refused:
        await opened(rabbit.url.replace("guest:guest", "guest:hunter2"))
    assert "hunter2" not in f"{refused.value!r} {caplog.text}"


async def test_open_tells_an_unknown_virtual_host(rabbit, opened):
    with pytest.raises(Unavailable, match="no such virtual host"):
        await opened(f"{rabbit.url}elsewhere")


async def test_open_tells_a_queue_that_somebody_else_made(rabbit, opened):
    connection = BlockingConnection(URLParameters(rabbit.url))
    connection.channel().queue_declare(QUEUE, durable=False)
    connection.close()
    with pytest.raises(Unavailable, match="delete it there"):
        await opened(rabbit.url)


async def test_a_message_that_is_no_ring_does_not_end_the_listening(rabbit, opened, heard, until):
    listening = await opened(rabbit.url, heard)
    connection = BlockingConnection(URLParameters(rabbit.url))
    connection.channel().basic_publish("", QUEUE, b"not json")
    connection.close()
    await listening.ring("run-1")
    await until(lambda: heard == ["run-1"])


async def test_only_one_queue_is_made_and_it_is_durable_and_bounded(rabbit, opened, heard, until):
    listening = await opened(rabbit.url, heard)
    await listening.ring("run-1")
    await until(lambda: heard)
    connection = BlockingConnection(URLParameters(rabbit.url))
    for name in (f"{QUEUE}.DQ", f"{QUEUE}.XQ"):
        with pytest.raises(Exception, match="NOT_FOUND"):
            connection.channel().queue_declare(name, passive=True)
    connection.channel().queue_declare(
        QUEUE, durable=True, arguments={"x-queue-type": "classic", "x-max-length": 10_000}
    )
    connection.close()


async def test_open_tells_a_port_that_does_not_speak_amqp(opened):
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", port := free_port())
    async with server:
        with pytest.raises(Unavailable, match=f"127.0.0.1:{port}"):
            await opened(f"amqp://guest:guest@127.0.0.1:{port}/")


@pytest.mark.parametrize(
    "url",
    [
        "amqp://guest:hunter2/x@127.0.0.1:5672/",
        "amqp://guest:12/hunter2@127.0.0.1:5672/",
        "amqp://guest:hunter2#x@127.0.0.1:5672/",
        "amqp://hunter2@127.0.0.1:5672/",
        "amqp://guest:guest@127.0.0.1:hunter2/",
        "amqp://guest:guest@[127.0.0.1:5672/hunter2",
        "amqp://guest:guest@127.0.0.1:5672/?hunter2=1",
        "amqp://guest:guest@127.0.0.1:5672/?heartbeat=hunter2",
    ],
)
async def test_a_url_that_is_badly_written_is_refused_without_repeating_any_of_it(url, opened, caplog):
    with pytest.raises(Invalid, match="broker_url is not the address") as refused:
        await opened(url)
    assert refused.value.field == "broker_url"
    assert "hunter2" not in f"{refused.value!r} {caplog.text}"


async def test_reports_outlive_a_crash_of_the_broker_and_reach_one_server_each(rabbit, until, settled):
    taken: list[bytes] = []

    async def take(report: bytes) -> None:
        taken.append(report)

    sender = RabbitQueue()
    await sender.open(rabbit.url, Ears(news=lambda news: None, address="worker-1"))
    await settled(rabbit)
    await asyncio.gather(*(sender.report(f"report {n}".encode()) for n in range(40)))
    await sender.close()
    await asyncio.to_thread(rabbit.restart)
    servers = [RabbitQueue(), RabbitQueue()]
    for server in servers:
        await server.open(rabbit.url, Ears(report=take, news=lambda news: None))
    await until(lambda: len(taken) >= 40)
    assert sorted(taken) == sorted(f"report {n}".encode() for n in range(40))
    for server in servers:
        await server.close()


async def test_news_reach_all_who_listen_at_their_address_and_nobody_else_also_after_a_crash(rabbit, until):
    queues, heard = [RabbitQueue() for _ in range(3)], [[], [], []]
    for queue, own, address in zip(queues, heard, ("servers", "servers", "worker-1"), strict=True):
        await queue.open(rabbit.url, Ears(news=own.append, address=address))

    async def told(address: str, news: dict[str, str], *listeners: list[dict[str, str]]) -> None:
        async with asyncio.timeout(30):
            while any(news not in listener for listener in listeners):
                with suppress(Unavailable):
                    await queues[0].tell(address, news)
                await asyncio.sleep(0.05)

    await told("servers", {"run": "1"}, heard[0], heard[1])
    await told("worker-1", {"run": "2"}, heard[2])
    await asyncio.to_thread(rabbit.restart)
    await told("servers", {"run": "3"}, heard[0], heard[1])
    assert [heard[n].count(MISSED) for n in (0, 1)] == [2, 2]  # once for each time that they connected
    assert {"run": "2"} not in heard[0] + heard[1]
    assert {"run": "1"} not in heard[2]
    for queue in queues:
        await queue.close()
