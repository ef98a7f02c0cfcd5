"""The agents: which there are, what they can do and by whom, where they are installed, and installing them here."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from codeforge.abilities import Abilities, abilities, by_default, health, installable, size_mb, told
from codeforge.errors import Conflict
from codeforge.forge.installing import Installation, Installing
from codeforge.model import Health, Principal, Run, Worker

if TYPE_CHECKING:
    from codeforge.agents import AgentBackend
    from codeforge.forge import Forge

FRESH = 2.0
"""Seconds for which a look at an agent is good."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AgentAt:
    """An agent on a worker; ``ready`` is None for one of an older version, which does not say."""

    worker: Worker
    ready: bool | None
    version: str
    size_mb: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class AgentFact:
    """An agent. ``ready``: a run of it can start at once somewhere; None: nobody knows.

    ``here``: the server's own machine runs agents, ``health`` and ``size_mb`` tell of it there. ``installable``:
    CodeForge installs it; others are brought by people.
    """

    name: str
    health: Health
    size_mb: int | None
    here: bool
    ready: bool | None
    installable: bool
    abilities: Abilities
    workers: tuple[AgentAt, ...]
    installation: Installation | None


class Agents:
    """``here`` says whether agents are installed on the server's own machine; the composition root knows."""

    def __init__(self, forge: Forge) -> None:
        self._forge = forge
        self._installing = Installing()
        self._looks: dict[str, tuple[float, asyncio.Task[Health]]] = {}
        self.here = False

    async def all(self, who: Principal) -> list[AgentFact]:
        """Those that plugins offer, by name."""
        workers = await self._forge.workers.list(who)
        agents = sorted(self._forge.offers.agents.items())
        return list(await asyncio.gather(*(self._fact(agent, workers) for _, agent in agents)))

    async def missing(self, who: Principal) -> dict[str, Health]:
        """Those of which no run can start at once anywhere, with what is missing."""
        workers = await self._forge.workers.list(who)
        agents = self._forge.offers.agents
        looks = await asyncio.gather(*map(self._look, agents.values()))
        return {
            agent.name: _elsewhere(agent) if found.ok else found
            for agent, found in zip(agents.values(), looks, strict=True)
            if _ready(self._places(agent.name, workers, found)) is False
        }

    async def get(self, who: Principal, name: str) -> AgentFact:
        """One. Raises `NotFound`."""
        return await self._fact(self._forge.agent(name), await self._forge.workers.list(who))

    async def abilities(self, who: Principal, run: Run) -> Abilities:
        """What the run's agent can do: as its worker says, else as the plugin here does."""
        for worker in await self._forge.workers.list(who):
            if worker.id == run.worker and (said := worker.described.get(run.agent, {}).get("abilities")):
                return {**self.by_class(run.agent), **told(said)}
        return self.by_class(run.agent)

    def by_class(self, name: str) -> Abilities:
        """What an agent can do by the plugin that is installed here; of one that is gone, what it could by default."""
        agent = self._forge.offers.agents.get(name)
        return abilities(agent) if agent else by_default()

    async def install(self, who: Principal, name: str) -> AgentFact:
        """Begin to install an agent on the server's own machine; one that is under way goes on.

        Raises `NotFound`, and `Conflict` where the server runs no agents.
        """
        agent = self._forge.agent(name)
        if not self.here:
            raise Conflict(f"This server runs no agents: run `codeforge agents install {name}` on the workers.")
        self._installing.start(agent, who.user)
        return await self.get(who, name)

    async def stop(self, who: Principal, name: str) -> AgentFact:
        """End an agent's installation, if it is under way; nothing half made is left. Raises `NotFound`."""
        await self._installing.stop(self._forge.agent(name).name)
        return await self.get(who, name)

    async def close(self) -> None:
        """End what is under way."""
        await self._installing.close()
        looks = [look for _, look in self._looks.values()]
        for look in looks:
            look.cancel()
        await asyncio.gather(*looks, return_exceptions=True)

    async def _fact(self, agent: AgentBackend, workers: list[Worker]) -> AgentFact:
        found = await self._look(agent)
        size = await size_mb(agent) if self.here and found.ok else None
        places = self._places(agent.name, workers, found, size)
        return AgentFact(
            name=agent.name,
            health=found,
            size_mb=size,
            here=self.here,
            ready=_ready(places),
            installable=installable(agent),
            abilities=abilities(agent),
            workers=places,
            installation=self._installing.last(agent.name),
        )

    def _places(self, name: str, workers: list[Worker], found: Health, size: int | None = None) -> tuple[AgentAt, ...]:
        """The workers that offer the agent, without those within servers that are gone."""
        places = []
        for worker in workers:
            if name not in worker.agents or (worker.local and not worker.alive):
                continue
            said = worker.described.get(name, {})
            if worker.id == f"local-{self._forge.id}":  # its next word may be older than an installation here
                said = {"ready": found.ok, "version": found.version, "size_mb": size}
            facts = {"version": said.get("version", ""), "size_mb": said.get("size_mb")}
            places.append(AgentAt(worker=worker, ready=said.get("ready"), **facts))
        return tuple(places)

    async def _look(self, agent: AgentBackend) -> Health:
        """Its check, which may start something: one for all who ask meanwhile and within two seconds, and none of
        before the end of an installation. Nothing is started on a server that runs no agents.
        """
        if not self.here:
            return _elsewhere(agent)
        last = self._installing.last(agent.name)
        ended = last.ended_at.timestamp() if last and last.ended_at else 0.0
        since, look = self._looks.get(agent.name, (0.0, None))
        if look is None or since < ended or (look.done() and time.time() - since > FRESH):
            look = asyncio.create_task(health(agent))
            self._looks[agent.name] = time.time(), look
        return await asyncio.shield(look)


def _ready(places: tuple[AgentAt, ...]) -> bool | None:
    known = [place.ready for place in places if place.worker.alive]
    return True if True in known else None if None in known or not known else False


def _elsewhere(agent: AgentBackend) -> Health:
    """Of an agent that would run on workers alone."""
    fix = f"codeforge agents install {agent.name}" if installable(agent) else ""
    return Health(name=agent.name, ok=False, detail="No worker has it ready.", fix=fix)
