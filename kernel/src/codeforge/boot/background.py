"""What goes on behind a server: looking for lost runs, ringing, finishing deliveries, telling plugins and servers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any

from codeforge import news, scheduler
from codeforge.errors import NotFound, Unavailable
from codeforge.events import Event
from codeforge.forge import Forge, locks
from codeforge.forge import runs as runs_of
from codeforge.plugins import Plugins
from codeforge.queues import SERVERS, Ears, Queue

log = logging.getLogger(__name__)
TICK = 1.0
"""Seconds between two looks for runs that are lost or that no worker was told of, at most."""
LEAST = 0.05
"""Seconds between two looks for lost runs, at least."""
AGAIN = 2.0
"""Seconds between two attempts at what does not answer."""
TELLING = 10.0
"""Seconds for which one server has the telling of plugins to itself; it renews that much sooner."""


@asynccontextmanager
async def background(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Do ``work`` while the block lasts."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled() and (error := task.exception()):
            log.error("work in the background ended by an error of CodeForge", exc_info=error)


@asynccontextmanager
async def opened(queue: Queue, url: str, ears: Ears) -> AsyncIterator[None]:
    """The queue, open as soon as its broker answers: what needs no broker works meanwhile. Raises `Invalid`."""
    try:
        await queue.open(url, ears)
    except Unavailable as error:
        log.warning("%s Runs wait until it does.", error)
        async with background(_open(queue, url, ears)):
            yield
    else:
        yield
    finally:
        await queue.close()


async def _open(queue: Queue, url: str, ears: Ears) -> None:
    while True:
        await asyncio.sleep(AGAIN)
        with suppress(Unavailable):
            await queue.open(url, ears)
            log.warning("The broker answers now.")
            return


async def reaping(forge: Forge) -> None:
    """Take runs from workers that gave no word: apart from all else, which a broker that is away may delay."""
    while True:
        try:
            await forge.coordinator.reap()
        except Unavailable as error:
            log.warning("lost runs could not be looked for: %s", error)
        except Exception:
            log.exception("lost runs could not be looked for")
        await asyncio.sleep(min(TICK, forge.settings.lease / 4, max(LEAST, forge.coordinator.due())))


async def relay(forge: Forge) -> None:
    """Tell workers of ready runs again and again, take model calls from servers that died with them, and put runs back
    into the queue that have what they waited for.
    """
    while True:
        try:
            await forge.calls.expire()
            await forge.runs.unpark()
            await forge.schedules.tick()
            for run_id in await forge.store.run(None, scheduler.unrung, forge.settings.ring_again):
                await forge.ring(run_id)
        except Unavailable as error:
            log.warning("the scheduler could not look for work: %s", error)
        except Exception:
            log.exception("the scheduler could not look for work")
        await asyncio.sleep(TICK)


async def deliveries(forge: Forge, *, everything: bool) -> None:
    """Finish deliveries that a dead server had begun; with ``everything`` at once, because no other can be alive."""
    while True:
        try:
            await forge.reviews.resume(everything=everything)
        except Unavailable as error:
            log.warning("cut-off deliveries could not be looked for: %s", error)
        else:
            everything = False
        await asyncio.sleep(forge.settings.lease / 3)


async def forgetting(forge: Forge) -> None:
    """Forget exchanges with models once they are old."""
    while True:
        try:
            await forge.exchanges.forget_old()
        except Unavailable as error:
            log.warning("old exchanges could not be forgotten: %s", error)
        await asyncio.sleep(forge.settings.tidy_seconds)


async def spread(forge: Forge, queue: Queue) -> None:
    """Tell the other servers what has just changed."""

    async def send(message: dict[str, Any]) -> bool:
        try:
            await queue.tell(SERVERS, message)
        except Unavailable:
            return False
        return True

    await forge.store.news.spread(send)


async def tell(forge: Forge, plugins: Plugins) -> None:
    """Tell plugins of every event, in order, after it was stored: one server does, and another goes on from there."""
    tenant_id = (await forge.accounts.admin()).tenant_id
    while True:
        try:
            await _tell_in_turn(forge, plugins, tenant_id)
        except Exception as error:
            log.warning("plugins could not be told of events: %s", error)
        await asyncio.sleep(TICK)


async def _tell_in_turn(forge: Forge, plugins: Plugins, tenant_id: str) -> None:
    hold: Callable[..., Awaitable[dict[str, Any] | None]] = locks.Held(forge, "on_event", TELLING)
    if (known := await hold()) is None:
        return
    last = known["last"] if known else await forge.history.last(tenant_id)
    with forge.store.news.bell(news.events(tenant_id)) as bell:
        while await hold(last=last) is not None:
            bell.clear()
            for event in (batch := await forge.history.read(tenant_id, None, last)):
                await _tell_one(forge, plugins, tenant_id, event)
                last = event.offset
            if not batch:
                with suppress(TimeoutError):
                    async with asyncio.timeout(TELLING / 3):
                        await bell.wait()


async def _tell_one(forge: Forge, plugins: Plugins, tenant_id: str, event: Event) -> None:
    with suppress(NotFound):  # a run that was removed meanwhile has nobody to tell of
        run = await forge.store.read(tenant_id, runs_of.find, event.run_id)
        await plugins.on_event(run, event)
