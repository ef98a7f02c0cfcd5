"""One private RabbitMQ node for a session of tests, and queues that are closed after each."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import pytest
from pika import BlockingConnection, URLParameters

from codeforge import Answer, Ears
from codeforge.testing.rabbitmq import PrivateRabbit
from codeforge_queue_dramatiq.queues import QUEUE, REPORTS, DramatiqQueue, MemoryQueue, RabbitQueue

Opener = Callable[..., Awaitable[DramatiqQueue]]


class Heard(list[str]):
    """An answer that writes down the run ids; ``gate``, when set to an event, holds each answer until it is set."""

    gate: asyncio.Event | None = None

    async def __call__(self, run_id: str) -> None:
        self.append(run_id)
        if self.gate:
            await self.gate.wait()


async def until(true: Callable[[], object], seconds: float = 30) -> None:
    """Wait for a condition, with a deadline."""
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.01)


async def settled(rabbit: PrivateRabbit) -> None:
    """Return once the node has on its disk which queues it has: Erlang keeps its log to itself for up to two seconds.

    A queue made later is looked for there, by a name that nothing else has.
    """
    name = f"settled-{secrets.token_hex(8)}"
    connection = BlockingConnection(URLParameters(rabbit.url))
    channel = connection.channel()
    channel.queue_declare(name, durable=True)
    files = list((rabbit.folder / "mnesia").glob("*/*.LOG"))
    await until(lambda: any(name.encode() in file.read_bytes() for file in files))
    channel.queue_delete(name)
    connection.close()


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture(name="until")
def _until() -> Callable[..., Awaitable[None]]:
    return until


@pytest.fixture(name="settled")
def _settled() -> Callable[..., Awaitable[None]]:
    return settled


@pytest.fixture(scope="session")
def node() -> Iterator[PrivateRabbit]:
    with PrivateRabbit() as rabbit:
        yield rabbit


@pytest.fixture
def rabbit(node: PrivateRabbit) -> PrivateRabbit:
    """The node, up and without rings of an earlier test."""
    if not node.running:
        node.start()
    connection = BlockingConnection(URLParameters(node.url))
    for name in (QUEUE, REPORTS):
        connection.channel().queue_delete(name)
    connection.close()
    return node


@pytest.fixture(params=["memory", pytest.param("rabbitmq", marks=pytest.mark.rabbitmq)])
def url(request: pytest.FixtureRequest) -> str:
    """The address of each kind of broker in turn."""
    return "memory://" if request.param == "memory" else request.getfixturevalue("rabbit").url


@pytest.fixture
async def opened() -> AsyncIterator[Opener]:
    """Opens queues of the kind that the URL asks for; they are closed at the end."""
    queues: list[DramatiqQueue] = []

    async def open_(url: str, answer: Answer | None = None) -> DramatiqQueue:
        queue = MemoryQueue() if url.startswith("memory") else RabbitQueue()
        queues.append(queue)
        await queue.open(url, Ears(ring=answer))
        return queue

    yield open_
    for queue in queues:
        await queue.close()
