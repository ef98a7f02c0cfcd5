"""What an agent can do beside its work, and by whom: read off its class, where an overridden method is the ability."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

from codeforge import disk
from codeforge.agents import AgentBackend
from codeforge.model import Health


class Ability(StrEnum):
    """What people may want of a run's agent."""

    PAUSE = "pause"
    STEER = "steer"
    FOLLOW_UP = "follow_up"
    RESUME = "resume"


class By(StrEnum):
    """Who brings an ability about: the agent itself, CodeForge in its place, or nobody."""

    AGENT = "agent"
    CODEFORGE = "codeforge"
    NOBODY = "nobody"


Abilities = Mapping[Ability, By]
PATIENCE = 5.0
"""Seconds that an agent's check may take: pages wait for it."""

HOW: dict[tuple[Ability, By], str] = {
    (Ability.PAUSE, By.CODEFORGE): "Its process ends at once; work and conversation are kept, and it takes no slot.",
    (Ability.STEER, By.AGENT): "Told before its next step.",
    (Ability.STEER, By.CODEFORGE): "Told when its present turn ends.",
    (Ability.STEER, By.NOBODY): "It takes one turn, and nothing more can be said to it.",
    (Ability.FOLLOW_UP, By.AGENT): "In its own conversation.",
    (Ability.FOLLOW_UP, By.CODEFORGE): "Told the conversation so far.",
    (Ability.FOLLOW_UP, By.NOBODY): "It takes one turn and cannot go on from it.",
    (Ability.RESUME, By.CODEFORGE): "After a crash it begins again, from what was put by last or from scratch.",
}
"""How it comes about, in a word to people."""


def abilities(agent: AgentBackend) -> Abilities:
    """Of a back end: what its class overrides it does itself, what CodeForge does for all is CodeForge's."""
    kind = type(agent)
    one_turn = kind.remembers is None
    later = By.NOBODY if one_turn else By.CODEFORGE
    return {
        Ability.PAUSE: By.CODEFORGE,
        Ability.STEER: By.AGENT if kind.steer is not AgentBackend.steer else later,
        Ability.FOLLOW_UP: By.AGENT if not one_turn and kind.remembers is not AgentBackend.remembers else later,
        Ability.RESUME: By.CODEFORGE,
    }


def by_default() -> Abilities:
    """Of an agent of which nothing is known: it overrides nothing."""
    return dict.fromkeys(Ability, By.CODEFORGE)


def told(said: Mapping[str, str]) -> Abilities:
    """What a worker says of an agent, as far as it is understood here: others are of a newer version."""
    known = {str(ability): ability for ability in Ability}
    return {known[name]: By(by) for name, by in said.items() if name in known and (known[name], by) in HOW}


async def health(agent: AgentBackend) -> Health:
    """What its check finds; a back end that breaks breaks itself only."""
    try:
        async with asyncio.timeout(PATIENCE):
            found: object = await agent.check()  # a plugin may give anything
    except Exception as error:
        late = f"it took longer than {PATIENCE:g} s" if isinstance(error, TimeoutError) else type(error).__name__
        why = str(error) or late
    else:
        if isinstance(found, Health):
            return found
        why = f"it gave {found!r}"
    return Health(name=agent.name, ok=False, detail=f"Its check failed: {why}")


def installable(agent: AgentBackend) -> bool:
    """Whether CodeForge installs it; others are brought by people."""
    try:
        return agent.installed_in() is not None
    except Exception:
        return False


async def size_mb(agent: AgentBackend) -> int | None:
    """MB that its installation takes on the disk here; None where CodeForge has installed nothing of it."""
    try:
        folder = agent.installed_in()
        if folder is None or not folder.is_dir():
            return None
        return await asyncio.to_thread(_size_mb, folder, folder.stat().st_mtime_ns)
    except Exception:  # the back end breaks, or the folder goes meanwhile
        return None


@cache
def _size_mb(folder: Path, _: int) -> int:
    """What is installed does not change: it is counted once."""
    return round(disk.taken(folder) / 2**20)


async def described(agents: Iterable[AgentBackend]) -> dict[str, dict[str, Any]]:
    """What a worker says of its agents, by name."""
    found = {}
    for agent in agents:
        how = await health(agent)
        size = await size_mb(agent) if how.ok else None
        found[agent.name] = {"ready": how.ok, "version": how.version, "size_mb": size, "abilities": abilities(agent)}
    return found
