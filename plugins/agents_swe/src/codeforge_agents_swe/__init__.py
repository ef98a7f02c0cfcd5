"""SWE-agent as a CodeForge agent: its mini edition in an environment of its own."""

from collections.abc import Iterable

from codeforge import AgentBackend, Settings, hookimpl
from codeforge_agents_swe.backend import MiniSwe

__all__ = ["MiniSwe", "register_agents"]


@hookimpl
def register_agents(settings: Settings) -> Iterable[AgentBackend]:
    return [MiniSwe(home=settings.agents_home / "swe")]
