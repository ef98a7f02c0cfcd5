"""OpenHands as a CodeForge agent, in an environment of its own."""

from collections.abc import Iterable

from codeforge import AgentBackend, Settings, hookimpl
from codeforge_agents_openhands.backend import OpenHands

__all__ = ["OpenHands", "register_agents"]


@hookimpl
def register_agents(settings: Settings) -> Iterable[AgentBackend]:
    return [OpenHands(home=settings.agents_home / "openhands", warm=settings.warm_agents)]
