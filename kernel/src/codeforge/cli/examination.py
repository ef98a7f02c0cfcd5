"""Looks at everything that CodeForge needs on this machine, and tells of each part how it is."""

from __future__ import annotations

import asyncio
import platform
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from codeforge.cli import presence
from codeforge.disk import free_mb
from codeforge.errors import CodeForgeError
from codeforge.model import Health
from codeforge.queues import Ears
from codeforge.sandboxes import NONE

if TYPE_CHECKING:
    from codeforge.agents import AgentBackend
    from codeforge.forge import Forge
    from codeforge.plugins import Plugins
    from codeforge.settings import Settings

PATIENCE = 30.0
"""Seconds after which a part that does not answer counts as broken."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One part. Without a ``needed`` part that is not well, CodeForge works all the same."""

    health: Health
    needed: bool = True

    def row(self) -> dict[str, object]:
        """The finding for a table or JSON."""
        return {**asdict(self.health), "needed": self.needed}


def _finding(name: str, ok: bool, detail: str, fix: str = "", *, version: str = "", needed: bool = True) -> Finding:
    return Finding(health=Health(name=name, ok=ok, detail=detail, fix=fix, version=version), needed=needed)


async def examine(settings: Settings) -> AsyncIterator[Finding]:
    """Every part in turn. What stands on a part that is broken is left out."""
    from codeforge.boot import data_folder, open_forge

    yield _finding("python", True, platform.python_implementation(), version=platform.python_version())
    try:
        data_folder(settings)
    except CodeForgeError as error:
        yield _finding("data folder", False, str(error))
        return
    yield _space(settings)
    yield _port(settings)
    try:
        async with open_forge(settings) as (forge, plugins):
            yield _finding("database", True, "as set" if settings.database_url else "SQLite in the data folder")
            for part in await forge.parts.look():
                if part.name == "migrations" or (part.name == "database" and not part.ok):
                    yield Finding(health=part)
            async for finding in _inside(settings, forge, plugins):
                yield finding
    except CodeForgeError as error:
        yield _finding("database", False, str(error))


async def _inside(settings: Settings, forge: Forge, plugins: Plugins) -> AsyncIterator[Finding]:
    yield Finding(health=await forge.key_file.health())
    yield await _broker(settings, plugins)
    yield _there_is("repositories", forge.offers.scms, "Install a plugin for them, such as codeforge-scm-git.")
    for agent in forge.offers.agents.values():
        yield await _agent(agent)
    yield await _sandbox(settings, forge)
    if settings.default_agent not in forge.offers.agents:
        fix = "Install the plugin that brings it, or set default_agent to another."
        yield _finding(
            f"agent {settings.default_agent}", False, "new projects shall use it, but no plugin brings it", fix
        )
    yield await _models(forge)
    plugins.routes(forge)
    for health in await asyncio.to_thread(plugins.health, forge):
        yield Finding(health=health)
    for fact in plugins.facts():
        if not fact.broken:
            yield _finding(f"plugin {fact.name}", True, ", ".join(fact.offers), version=fact.version)
        elif fact.name in settings.disabled_plugins:
            yield _finding(f"plugin {fact.name}", False, "switched off", version=fact.version, needed=False)
        else:
            fix = f"Mend, update or uninstall {fact.distribution}; the rest works without it."
            yield _finding(f"plugin {fact.name}", False, f"broken: {fact.broken}", fix, version=fact.version)


def _space(settings: Settings) -> Finding:
    free = free_mb(settings.data_dir)
    detail = f"{settings.data_dir}, {free:,} MB free"
    fix = f"Make room: no run starts with less than {settings.min_free_mb} MB (setting min_free_mb)."
    return _finding("data folder", free >= settings.min_free_mb, detail, fix)


def _port(settings: Settings) -> Finding:
    if there := presence.found(settings.data_dir):
        return _finding("server", True, f"runs at {there.url}")
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        with closing(socket.create_server((settings.host, settings.port), family=family)):
            pass
    except OSError as error:
        detail = f"{settings.host}:{settings.port} cannot be used ({error.strerror})"
        return _finding("port", False, detail, "Stop what uses it, or set another with CODEFORGE_PORT.")
    return _finding("port", True, f"{settings.host}:{settings.port} is free")


async def _broker(settings: Settings, plugins: Plugins) -> Finding:
    scheme = urlsplit(settings.broker_url).scheme
    queues = plugins.queues(settings).values()
    queue = next((queue for queue in queues if scheme in queue.schemes), None)
    if queue is None:
        speak = ", ".join(f"{s}://" for queue in queues for s in queue.schemes) or "none"
        detail = f"no installed queue speaks {scheme}://; there is {speak}"
        return _finding("queue", False, detail, "Install a plugin for it, or set broker_url.")
    try:
        async with asyncio.timeout(PATIENCE):
            await queue.open(settings.broker_url, Ears())
        await queue.close()
    except (CodeForgeError, TimeoutError) as error:
        return _finding("queue", False, str(error) or "does not answer", "Start it, or set another broker_url.")
    return _finding("queue", True, f"{scheme}:// by {queue.name}")


async def _agent(agent: AgentBackend) -> Finding:
    """An agent that is not installed yet is no fault: its first run installs it."""
    name = f"agent {agent.name}"
    try:
        async with asyncio.timeout(PATIENCE):
            health = await agent.check()
    except Exception as error:  # whatever is wrong with a plugin is this table's news, not its end
        return _finding(name, False, f"its check failed: {error or type(error).__name__}")
    fix = health.fix or f"It is installed at its first run, or now: codeforge agents install {agent.name}"
    return _finding(name, health.ok, health.detail, fix, version=health.version, needed=False)


async def _sandbox(settings: Settings, forge: Forge) -> Finding:
    """What would confine a run that started here now."""
    from codeforge.worker.confining import choose

    try:
        async with asyncio.timeout(PATIENCE):
            sandbox, instead = await choose(forge.offers.sandboxes, settings)
            health = await sandbox.check()
    except (CodeForgeError, TimeoutError) as error:
        return _finding("sandbox", False, str(error) or "does not answer", "Runs on this machine fail until then.")
    if sandbox.name == NONE:
        detail = instead or "none, as set: agents can do what the worker's user can"
        return _finding("sandbox", False, detail, "Set sandbox to auto, and install bubblewrap.", needed=False)
    return _finding("sandbox", True, health.detail, version=health.version)


async def _models(forge: Forge) -> Finding:
    try:
        async with asyncio.timeout(PATIENCE):
            models = await forge.models.list(await forge.accounts.admin())
    except Exception as error:
        return _finding("models", False, f"could not be listed: {error or type(error).__name__}")
    names = ", ".join(m.name for m in models[:5]) + (", ..." if len(models) > 5 else "")
    fix = "Set OPENAI_API_KEY, ANTHROPIC_API_KEY or OLLAMA_HOST, or add a provider: codeforge models add."
    return _finding("models", bool(models), names or "none", fix)


def _there_is(what: str, offers: Mapping[str, object], fix: str) -> Finding:
    return _finding(what, bool(offers), ", ".join(sorted(offers)) or "no plugin for any kind", fix)
