"""SWE-agent as a CodeForge agent: its mini edition in an environment of its own, the full one where a user has it."""

import os
from collections.abc import Iterable
from pathlib import Path

from codeforge import AgentBackend, Settings, hookimpl
from codeforge_agents_swe.backend import MiniSwe
from codeforge_agents_swe.full import VARIABLE, FullSwe

__all__ = ["FullSwe", "MiniSwe", "register_agents"]


@hookimpl
def register_agents(settings: Settings) -> Iterable[AgentBackend]:
    agents: list[AgentBackend] = [MiniSwe(home=settings.agents_home / "swe")]
    if command := os.environ.get(VARIABLE):
        agents.append(FullSwe(command=Path(command)))
    return agents
