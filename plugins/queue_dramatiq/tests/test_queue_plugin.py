"""The plugin as the kernel sees it: what it offers, how light it is, how it tells its health."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace

import pytest
from dramatiq import Message

import codeforge_queue_dramatiq as plugin
from codeforge import Settings
from codeforge.testing.ports import free_port
from codeforge_queue_dramatiq.local import LocalBroker


def health(url: str):
    return list(plugin.register_health_checks(SimpleNamespace(settings=Settings(broker_url=url))))


def test_two_queues_are_offered_told_apart_by_their_schemes():
    assert [(queue.name, queue.schemes) for queue in plugin.register_queues(Settings())] == [
        ("memory", ("memory",)),
        ("rabbitmq", ("amqp", "amqps")),
    ]


def test_importing_the_plugin_and_taking_its_offers_loads_neither_dramatiq_nor_pika():
    code = (
        "import sys, codeforge_queue_dramatiq as plugin; plugin.register_queues(None);"
        "print([name for name in ('dramatiq', 'pika', 'pydantic') if name in sys.modules])"
    )
    command = [sys.executable, "-W", "error", "-c", code]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "[]\n"


def test_health_of_the_broker_in_memory():
    (part,) = health("memory://")
    assert part.ok
    assert part.version.startswith("dramatiq 2.")


def test_health_is_silent_about_brokers_of_other_plugins():
    assert health("nats://127.0.0.1") == []


def test_health_of_a_rabbitmq_that_is_not_there():
    (part,) = health(f"amqp://guest:hunter2@127.0.0.1:{free_port()}/")
    assert not part.ok
    assert part.detail.endswith("does not answer.")
    assert part.fix == "Start it, or correct broker_url."
    assert "hunter2" not in repr(part)


def test_health_of_a_broken_address():
    (part,) = health("amqp://guest:hunter2/@127.0.0.1")
    assert not part.ok
    assert "hunter2" not in repr(part)


@pytest.mark.rabbitmq
def test_health_of_a_rabbitmq(rabbit):
    (part,) = health(rabbit.url)
    assert part.ok
    assert part.detail == f"RabbitMQ at 127.0.0.1:{rabbit.port}"


@pytest.mark.rabbitmq
def test_health_of_a_rabbitmq_that_refuses_the_password(rabbit):
    (part,) = health(rabbit.url.replace("guest:guest", "guest:hunter2"))
    assert not part.ok
    assert "refused the user or the password" in part.detail
    assert "hunter2" not in repr(part)


def test_rings_that_nobody_takes_are_bounded_and_the_oldest_go():
    broker = LocalBroker(limit=3)
    broker.declare_queue("q")
    for n in range(5):
        broker.enqueue(Message(queue_name="q", actor_name="a", args=(n,), kwargs={}, options={}))
    consumer = broker.consume("q", prefetch=5, timeout=1)
    assert [next(consumer).args for _ in range(3)] == [(2,), (3,), (4,)]
    assert next(consumer) is None
