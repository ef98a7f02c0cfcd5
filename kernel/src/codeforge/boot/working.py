"""A worker on a machine of its own, put together: it knows the broker, the servers and its token, and no more."""

from __future__ import annotations

import asyncio
import logging
import os
import platform
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from codeforge import __version__
from codeforge.abilities import described
from codeforge.agents import AgentBackend
from codeforge.boot import background
from codeforge.boot.folder import data_folder, only_one
from codeforge.errors import Invalid, NotFound, Unauthorized, Unavailable
from codeforge.forge import Offers
from codeforge.plugins import Plugins
from codeforge.queues import Ears
from codeforge.settings import Settings
from codeforge.worker import Worker

log = logging.getLogger(__name__)
BEAT = 4.0
"""Seconds between two words of a worker to its server."""
LOOK = 15.0
"""Seconds between two looks at whether agents are installed."""
AGAIN = 2.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Lodging:
    """A worker that is at work, and the name under which its servers know it."""

    worker: Worker
    name: str
    deafen: Callable[[], Awaitable[None]]
    """Hears no more rings: what comes is for others."""


def about(settings: Settings, offers: Offers) -> dict[str, Any]:
    """What a worker says of itself."""
    return {
        "host": platform.node(),
        "version": __version__,
        "agents": sorted(offers.agents),
        "slots": settings.slots,
    }


async def beat(worker: Worker, say: Callable[..., Awaitable[Any]]) -> None:
    """Give word again and again; the answer tells whether the worker is to take no more."""
    while True:
        try:
            told = await say(load=os.getloadavg()[0] / (os.cpu_count() or 1), disk=worker.room.facts())
            worker.pause(told["draining"] if isinstance(told, dict) else told.draining)
        except Unavailable as error:
            log.warning("the worker could not give word: %s", error)
        except Exception:
            log.exception("the worker could not give word")
        await asyncio.sleep(BEAT)


async def describe(agents: Iterable[AgentBackend], say: Callable[[dict[str, Any]], Awaitable[Any]]) -> None:
    """Say what the agents are and can do, now and whenever that changes: one was installed, or is gone; endless."""
    told: dict[str, Any] | None = None
    while True:
        try:
            found = await described(agents)
            if found != told:
                await say(found)
                told = found
        except NotFound:  # a server of the version before does not ask for it; the one that follows does
            told = None
        except Unavailable as error:
            log.warning("the worker could not say what its agents are: %s", error)
        except Exception:
            log.exception("the worker could not say what its agents are")
        await asyncio.sleep(LOOK)


@asynccontextmanager
async def lodge(
    settings: Settings, say: Callable[[str], None], *, extra: Mapping[str, object] | None = None
) -> AsyncIterator[Lodging]:
    """A worker for the servers at ``server_url``; leaving the block hands its runs back.

    Waits for a server that does not answer yet, which is told to ``say``. Raises `Invalid` for settings that
    cannot work, `Unauthorized` for a wrong token, `Conflict` for a server of a version that is too far away.
    """
    from codeforge.remote import Door, RemoteCoordinator, RemoteSource

    urls = tuple(filter(None, map(str.strip, settings.server_url.split(","))))
    if not urls:
        raise Invalid("A worker needs its server's address: set server_url.", field="server_url")
    if settings.token is None:
        raise Unauthorized("A worker needs a token: `codeforge workers add NAME` on the server gives one; set token.")
    token = settings.token.get_secret_value().strip()
    folder = data_folder(settings)
    async with AsyncExitStack() as stack:
        stack.enter_context(only_one(folder))
        plugins = Plugins(settings.disabled_plugins, extra)
        offers = Offers(
            agents=plugins.agents(settings),
            scms=plugins.scms(settings),
            sandboxes=plugins.sandboxes(settings),
            before_run=plugins.before_run,
        )
        queue = plugins.queue(settings)
        if not queue.far:
            raise Invalid("A worker of its own needs a broker that reaches it: set broker_url to amqp://...")
        door = Door(urls, token)
        stack.push_async_callback(door.close)
        told = await _greet(door, about(settings, offers), say)
        settings = settings.model_copy(update={"lease": told["lease"]})
        coordinator = RemoteCoordinator(door, queue, told["id"], token)
        worker = Worker(coordinator, RemoteSource(door, folder), offers, settings, id=told["id"])
        ears = Ears(ring=worker.answer, news=coordinator.hear, address=told["id"])
        await stack.enter_async_context(background.opened(queue, settings.broker_url, ears))
        await worker.recover()
        await stack.enter_async_context(worker)

        async def say_so(**facts: Any) -> Any:
            return await door.json("POST", "/beat", json=facts)

        async def say_agents(found: dict[str, Any]) -> None:
            await door.bytes("POST", "/agents", json={"agents": found})

        await stack.enter_async_context(background.background(beat(worker, say_so)))
        await stack.enter_async_context(background.background(describe(offers.agents.values(), say_agents)))
        yield Lodging(worker=worker, name=told["name"], deafen=queue.deafen)


async def _greet(door: Any, facts: dict[str, Any], say: Callable[[str], None]) -> dict[str, Any]:
    """Say hello until a server answers."""
    told = False
    while True:
        try:
            answer: dict[str, Any] = await door.json("POST", "/hello", json=facts)
        except Unavailable as error:
            if not told:
                say(f"{error} Waiting for it.")
                told = True
            await asyncio.sleep(AGAIN)
        else:
            return answer
