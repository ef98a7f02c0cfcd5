"""The composition root: settings and plugins in, a running house out."""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import time
from collections.abc import AsyncIterator, Coroutine, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

from codeforge import scheduler
from codeforge.errors import Invalid, NotFound, Unavailable
from codeforge.events import Event
from codeforge.forge import Forge, Offers
from codeforge.forge import runs as runs_of
from codeforge.plugins import Plugins
from codeforge.queues import Queue
from codeforge.settings import Settings
from codeforge.store import Store
from codeforge.worker import Room, Tidying, Worker

log = logging.getLogger(__name__)
TICK = 1.0
"""Seconds between two looks for runs that are lost or that no worker was told of."""


class Taken(Unavailable):
    """Another server holds the data folder."""


def data_folder(settings: Settings) -> Path:
    """The data folder, made for its owner alone. Raises `Unavailable` when it cannot be written."""
    folder = settings.data_dir
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        probe = folder / ".probe"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise Unavailable(
            f"The data folder {folder} cannot be written ({error.strerror}): "
            "mend its rights, or choose another with CODEFORGE_DATA_DIR."
        ) from error
    return folder


@contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Hold the data folder: an in-memory queue allows one server on it. Raises `Unavailable`."""
    with (folder / "server.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise Taken(
                f"Another CodeForge is running on {folder}: use that one, stop it, or choose another folder."
            ) from error
        yield


@asynccontextmanager
async def open_forge(
    settings: Settings, extra: Mapping[str, object] | None = None
) -> AsyncIterator[tuple[Forge, Plugins]]:
    """The forge with everything that the plugins offer, over an open database."""
    folder = data_folder(settings)
    plugins = Plugins(settings.disabled_plugins, extra)
    store = await Store.open(folder, settings.database_url)
    try:
        offers = Offers(agents=plugins.agents(settings), scms=plugins.scms(settings))
        forge = Forge(settings, store, offers)
        offers.choose_scm = lambda url: plugins.choose_scm(url, offers.scms)
        offers.choose_agent, offers.choose_model = plugins.choose_agent, plugins.choose_model
        offers.rank_run = plugins.rank_run
        offers.before_run, offers.panels = plugins.before_run, plugins.panels
        offers.health = lambda: plugins.health(forge)
        offers.llms = plugins.llms(forge)
        try:
            yield forge, plugins
        finally:
            for llm in offers.llms.values():
                await llm.close()
    finally:
        await store.close()


@asynccontextmanager
async def house(
    settings: Settings, *, working: bool = True, extra: Mapping[str, object] | None = None
) -> AsyncIterator[Forge]:
    """Everything in one process: API, pages, gateway, scheduler and (``working``) a worker.

    ``forge.url`` is where it listens; ``extra`` are plugin objects that are not installed. Raises `Unavailable`
    for a port or data folder that is taken.
    """
    from codeforge.http import listen, make_app

    folder = data_folder(settings)
    async with AsyncExitStack() as stack:
        stack.enter_context(only_one(folder))
        forge, plugins = await stack.enter_async_context(open_forge(settings, extra))
        await forge.accounts.admin()
        routes = plugins.routes(forge)
        queue = _queue(plugins, settings)
        await stack.enter_async_context(plugins.alive(forge))
        forge.offers.plugins = plugins.facts()
        site = await stack.enter_async_context(listen(make_app(forge, routes), settings))
        forge.url = site.url
        await forge.coordinator.reap(everything=True)
        await stack.enter_async_context(_background(forge.reviews.resume()))  # an origin may take long to answer
        if working:
            worker = Worker(forge.coordinator, forge.offers, settings, name=f"local-{os.getpid()}")
            await worker.recover()
            await stack.enter_async_context(worker)
            await queue.open(settings.broker_url, worker.answer)
        else:
            await queue.open(settings.broker_url, None)
            tidying = Tidying(forge.coordinator, forge.offers, settings, Room(settings), at_work=None)
            await stack.enter_async_context(_background(tidying.run()))
        stack.push_async_callback(queue.close)
        forge.offers.queue = queue
        await stack.enter_async_context(_background(_relay(forge)))
        await stack.enter_async_context(_background(forge.parts.watch()))
        if plugins.listens():
            await stack.enter_async_context(_background(_tell(forge, plugins)))
        yield forge


def _queue(plugins: Plugins, settings: Settings) -> Queue:
    scheme = urlsplit(settings.broker_url).scheme
    queues = plugins.queues(settings)
    for queue in queues.values():
        if scheme in queue.schemes:
            return queue
    there_is = ", ".join(f"{s}://" for queue in queues.values() for s in queue.schemes) or "none"
    raise Invalid(f"No installed queue speaks {scheme}:// (setting broker_url); there is {there_is}.")


async def _relay(forge: Forge) -> None:
    """Tell workers of ready runs again and again, and take runs from workers that gave no word."""
    lease = forge.settings.lease
    looked, patient_until = time.time(), time.monotonic()
    while True:
        if time.time() - looked > TICK + lease / 4:  # this process slept, or the machine: no worker could give word
            patient_until = time.monotonic() + lease / 2
        looked = time.time()
        try:
            if time.monotonic() >= patient_until:
                await forge.coordinator.reap()
            for run_id in await forge.store.run(None, scheduler.unrung, forge.settings.ring_again):
                await forge.ring(run_id)
        except Unavailable as error:
            log.warning("the scheduler could not look for work: %s", error)
        except Exception:
            log.exception("the scheduler could not look for work")
        await asyncio.sleep(TICK)


async def _tell(forge: Forge, plugins: Plugins) -> None:
    """Tell plugins of every event, in order, after it was stored."""
    tenant_id = (await forge.accounts.admin()).tenant_id
    last = await forge.history.last(tenant_id)
    while True:
        try:
            async for batch in forge.history.follow(tenant_id, None, last):
                for event in batch:
                    await _tell_one(forge, plugins, tenant_id, event)
                    last = event.offset
        except Exception as error:
            log.warning("plugins could not be told of events: %s", error)
            await asyncio.sleep(TICK)


async def _tell_one(forge: Forge, plugins: Plugins, tenant_id: str, event: Event) -> None:
    with suppress(NotFound):  # a run that was removed meanwhile has nobody to tell of
        run = await forge.store.run(tenant_id, runs_of.find, event.run_id)
        await plugins.on_event(run, event)


@asynccontextmanager
async def _background(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled() and (error := task.exception()):
            log.error("work in the background ended by an error of CodeForge", exc_info=error)
