"""A server, put together."""

from __future__ import annotations

import os
import platform
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from codeforge.boot import background
from codeforge.boot.folder import data_folder, only_one
from codeforge.boot.working import about, beat, describe
from codeforge.errors import Unavailable
from codeforge.forge import Forge, Offers
from codeforge.plugins import Plugins
from codeforge.queues import Ears, Queue
from codeforge.scm import Scm
from codeforge.settings import Settings
from codeforge.store import Store
from codeforge.worker import Escrowed, OwnMirrors, Room, Tidying, Worker


@asynccontextmanager
async def open_forge(
    settings: Settings, extra: Mapping[str, object] | None = None
) -> AsyncIterator[tuple[Forge, Plugins]]:
    """The forge with everything that the plugins offer, over an open database."""
    folder = data_folder(settings)
    plugins = Plugins(settings.disabled_plugins, extra)
    store = await Store.open(folder, settings.database_url)
    try:
        offers = Offers(
            agents=plugins.agents(settings), scms=plugins.scms(settings), sandboxes=plugins.sandboxes(settings)
        )
        forge = Forge(settings, store, offers)
        offers.choose_scm = lambda url: plugins.choose_scm(url, offers.scms)
        offers.choose_agent, offers.choose_model = plugins.choose_agent, plugins.choose_model
        offers.choose_target, offers.rank_run = plugins.choose_target, plugins.rank_run
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
    """A server: API, pages, gateway, scheduler and (``working``) a worker, all in one process.

    ``forge.url`` is where it listens; ``extra`` are plugin objects that are not installed. Raises `Unavailable`
    for a port or data folder that is taken.
    """
    from codeforge.http import listen, make_app

    folder = data_folder(settings)
    async with AsyncExitStack() as stack:
        stack.enter_context(only_one(folder))
        forge, plugins = await stack.enter_async_context(open_forge(settings, extra))
        await forge.accounts.admin()
        forge.agents.here = working or settings.agents_home.is_dir()
        stack.push_async_callback(forge.agents.close)
        routes = plugins.routes(forge)
        queue = forge.offers.queue = plugins.queue(settings)
        await stack.enter_async_context(plugins.alive(forge))
        forge.offers.plugins = plugins.facts()
        site = await stack.enter_async_context(listen(make_app(forge, routes), settings))
        forge.url = site.url
        if not queue.far:
            await forge.coordinator.reap(everything=True)
            await forge.calls.expire(everything=True)
        await stack.enter_async_context(background.background(background.deliveries(forge, everything=not queue.far)))
        ears = Ears(report=forge.reports.take, news=forge.store.news.hear) if queue.far else Ears()
        if working:
            worker = await stack.enter_async_context(_own_worker(forge, queue))
            ears = replace(ears, ring=worker.answer)
        else:
            tidying = Tidying(
                forge.coordinator, OwnMirrors(), forge.offers, settings, room=Room(settings), at_work=None
            )
            await stack.enter_async_context(background.background(tidying.run()))
        await stack.enter_async_context(background.opened(queue, settings.broker_url, ears))
        await stack.enter_async_context(background.background(background.reaping(forge)))
        await stack.enter_async_context(background.background(background.relay(forge)))
        await stack.enter_async_context(background.background(background.forgetting(forge)))
        await stack.enter_async_context(background.background(forge.parts.watch()))
        if queue.far:
            await stack.enter_async_context(background.background(background.spread(forge, queue)))
        if plugins.listens():
            await stack.enter_async_context(background.background(background.tell(forge, plugins)))
        yield forge


@asynccontextmanager
async def _own_worker(forge: Forge, queue: Queue) -> AsyncIterator[Worker]:
    """The worker within a server, listed beside those of other machines."""
    source = Published(forge) if queue.far else OwnMirrors()
    worker = Worker(forge.coordinator, source, forge.offers, forge.settings, id=f"local-{forge.id}")
    await forge.workers.hello(worker.id, name=f"{platform.node()}-{os.getpid()}", **about(forge.settings, forge.offers))
    await worker.recover()
    words = describe(forge.offers.agents.values(), partial(forge.workers.describe, worker.id))
    beats = beat(worker, partial(forge.workers.beat, worker.id))
    async with background.background(words), background.background(beats), worker:
        yield worker
    with suppress(Unavailable):
        await forge.workers.leave(worker.id)


class Published(OwnMirrors):
    """Work of a server's own worker for the other servers, whose mirrors are others."""

    def __init__(self, forge: Forge) -> None:
        self._forge = forge

    async def keep(self, work: Escrowed, scm: Scm) -> None:
        with tempfile.TemporaryDirectory(prefix="pack-", dir=self._forge.settings.data_dir) as folder:
            pack = Path(folder) / "pack"
            if await scm.pack(work.project, pack, {work.ref: work.head}, [work.base]):
                await self._forge.packs.take(work.run, work.project, pack, ref=work.ref, head=work.head, nth=work.nth)
