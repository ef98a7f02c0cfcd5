"""Dispatch by Dramatiq: run ids travel from servers to workers in memory or through RabbitMQ."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from codeforge import hookimpl

if TYPE_CHECKING:
    from codeforge import Forge, Health, Queue, Settings


@hookimpl
def register_queues(settings: Settings) -> Iterable[Queue]:
    from codeforge_queue_dramatiq.queues import MemoryQueue, RabbitQueue

    return [MemoryQueue(), RabbitQueue()]


@hookimpl
def register_health_checks(forge: Forge) -> Iterable[Health]:
    from codeforge_queue_dramatiq.health import check

    return check(forge.settings.broker_url)
