"""Aider as a CodeForge agent, in an environment of its own."""

from collections.abc import Iterable

from codeforge import AgentBackend, Settings, hookimpl
from codeforge_agents_aider.backend import Aider

__all__ = ["Aider", "register_agents"]


@hookimpl
def register_agents(settings: Settings) -> Iterable[AgentBackend]:
    return [Aider(home=settings.agents_home / "aider")]
