"""A gateway on a real server and database, scripted providers behind it, and runs that hold keys."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web
from anthropic import AsyncAnthropic
from openai import AsyncOpenAI

import codeforge_llm_litellm as plugin
from codeforge import AgentBackend, Principal, RepoInfo, Run, Scm, Settings, builtin
from codeforge.forge import Forge, Offers
from codeforge.http import listen, make_app
from codeforge.store import Store
from codeforge.testing import ScriptedModels
from codeforge_llm_litellm.gateway import Gateway

KEY = "sk-canary-0123456789abcdef"


class PaperScm(Scm):
    name = "paper"

    def handles(self, url):
        return True

    async def inspect(self, url):
        return RepoInfo(url=url, branch="main", branches=("main",), head="a" * 40)

    prepare = reopen = changes = diff = deliver = forget = None


class NoAgent(AgentBackend):
    name = "none"
    run = None


@dataclass
class Paper:
    """A run that was claimed by a worker, with the key that the worker was given."""

    run: Run
    key: str


@dataclass
class House:
    """A server with the gateway."""

    forge: Forge
    who: Principal
    gateway: Gateway
    scripted: ScriptedModels
    project_id: str
    clients: list[AsyncOpenAI | AsyncAnthropic] = field(default_factory=list)

    @property
    def url(self):
        return f"{self.forge.url}/llm/v1"

    async def provider(self, *models, name="up", kind="openai-compatible", url="", secret=KEY, **settings):
        """A stored provider, by default the scripted one."""
        settings = {"models": list(models), **settings} if models else settings
        base = self.scripted.url if url == "" else url
        return await self.forge.providers.set(self.who, name, kind, base_url=base, secret=secret, settings=settings)

    async def run(self, model) -> Paper:
        """A new run on ``model``."""
        _, run = await self.forge.tasks.submit(self.who, self.project_id, "do it", model=model)
        given = await self.forge.coordinator.claim("tester")
        assert given.run.id == run.id
        return Paper(run, given.key)

    def client(self, paper, **options):
        """OpenAI's own client, as an agent would use it."""
        options = {"api_key": paper.key, "max_retries": 0, "timeout": 30, **options}
        self.clients.append(AsyncOpenAI(base_url=self.url, **options))
        return self.clients[-1]

    def claude(self, paper, path="/llm/anthropic", **options):
        """Anthropic's own client."""
        options = {"api_key": paper.key, "max_retries": 0, "timeout": 30, **options}
        self.clients.append(AsyncAnthropic(base_url=self.forge.url + path, **options))
        return self.clients[-1]

    async def close(self):
        for client in self.clients:
            await client.close()

    async def calls(self, paper, count=1):
        """The calls of a run that are settled, once there are ``count``."""
        async with asyncio.timeout(20):
            while True:
                found = [c for c in await self.forge.calls.of_run(self.who, paper.run.id) if c["state"] == "settled"]
                if len(found) >= count:
                    break
                await asyncio.sleep(0.01)
        return found


@pytest.fixture
async def scripted():
    async with ScriptedModels() as models:
        yield models


Opened = Callable[..., Awaitable[House]]


@pytest.fixture
async def open_house(tmp_path, scripted) -> AsyncIterator[Opened]:
    """Opens a server; its environment names no provider unless it is given. A second one is of the same database."""
    async with AsyncExitStack() as stack:

        async def opened(environ: dict[str, str] | None = None, **options: Any) -> House:
            settings = Settings(**{"data_dir": tmp_path / "data", "port": 0, "find_local_models": False, **options})
            settings.data_dir.mkdir(exist_ok=True)
            store = await Store.open(settings.data_dir, settings.database_url)
            stack.push_async_callback(store.close)
            offers = Offers(agents={"none": NoAgent()}, scms={"paper": PaperScm()}, choose_scm=lambda url: "paper")
            offers.choose_agent = lambda task, project: "none"
            offers.choose_model = lambda task, project: task.model
            offers.choose_target = builtin.choose_target
            offers.rank_run = lambda task, project: 0
            forge = Forge(settings, store, offers)
            gateway = offers.llms["gateway"] = Gateway(forge, environ or {})
            await stack.enter_async_context(plugin.lifespan(forge))
            await stack.enter_async_context(listen(make_app(forge, plugin.register_routes(forge)), settings))
            who = await forge.accounts.admin()
            projects = await forge.projects.list(who) or [await forge.projects.add(who, "/paper")]
            house = House(forge, who, gateway, scripted, projects[0].id)
            stack.push_async_callback(house.close)
            return house

        yield opened


@pytest.fixture
async def house(open_house) -> House:
    return await open_house()


@asynccontextmanager
async def serving(handler: Callable[[web.Request], Awaitable[Any]]) -> AsyncIterator[str]:
    """A provider of a test's own: every request goes to ``handler``; gives the address."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@pytest.fixture(name="serving")
def _serving():
    return serving


ASKED = [{"role": "user", "content": "Say hello to the world."}]
