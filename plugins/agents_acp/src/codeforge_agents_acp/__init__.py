"""Any agent that speaks the Agent Client Protocol, by its command line."""

from collections.abc import Iterable

from codeforge import AgentBackend, Settings, hookimpl
from codeforge_agents_acp.backend import AcpAgent
from codeforge_agents_acp.known import KNOWN, PACKAGES, with_known
from codeforge_agents_acp.settings import AcpSettings, Agent, read

__all__ = ["AcpAgent", "AcpSettings", "Agent", "register_agents"]


@hookimpl
def register_agents(settings: Settings) -> Iterable[AgentBackend]:
    table = read(settings.plugins.get("agents_acp", {}))
    home = settings.agents_home / "acp"
    for name, package in PACKAGES.items():
        if name not in table.agents:
            yield AcpAgent(name, KNOWN[name], home=home, settings=table, package=package)
    for name, agent in table.agents.items():
        yield AcpAgent(name, with_known(name, agent), home=home, settings=table)
