"""Agents: which there are, what they can do, and installing them on the server's own machine."""

from codeforge.abilities import HOW
from codeforge.forge import Forge
from codeforge.forge.agents import AgentFact
from codeforge.http import schemas
from codeforge.http.api import operation
from codeforge.http.schemas import Name
from codeforge.model import Principal


def shape(fact: AgentFact) -> schemas.Agent:
    """The agent as the API shows it."""
    able = {str(a): schemas.AgentAbility(by=by.value, how=HOW[a, by]) for a, by in fact.abilities.items()}
    found, installed = fact.health, fact.installation
    return schemas.Agent(
        name=fact.name,
        ready=fact.ready,
        size_mb=fact.size_mb,
        here=fact.here,
        version=found.version if fact.here else "",
        detail=found.detail if fact.here else "",
        fix=found.fix if fact.here else "",
        abilities=schemas.AgentAbilities(**able),
        workers=[
            schemas.AgentOnWorker(
                **{name: getattr(at.worker, name) for name in ("id", "name", "alive")},
                **{name: getattr(at, name) for name in ("ready", "version", "size_mb")},
            )
            for at in fact.workers
        ],
        installation=schemas.AgentInstallation.of(installed) if installed else None,
    )


@operation("GET", "/agents")
async def list_agents(forge: Forge, who: Principal) -> schemas.Page[schemas.Agent]:
    """List the agents that plugins offer: what they can do and by whom, and where they are installed."""
    return schemas.Page(items=[shape(fact) for fact in await forge.agents.all(who)])


@operation("GET", "/agents/{name}", errors=(404,))
async def read_agent(forge: Forge, who: Principal, name: Name) -> schemas.Agent:
    """Read one agent, and how its installation goes."""
    return shape(await forge.agents.get(who, name))


@operation("POST", "/agents/{name}/install", status=202, errors=(404, 409), scope="admin")
async def install_agent(forge: Forge, who: Principal, name: Name) -> schemas.Agent:
    """Begin to install an agent on the server's own machine; one that is under way goes on, there is no second."""
    return shape(await forge.agents.install(who, name))


@operation("POST", "/agents/{name}/stop", errors=(404,), scope="admin")
async def stop_installing_agent(forge: Forge, who: Principal, name: Name) -> schemas.Agent:
    """Stop an agent's installation; nothing half made is left. One that is over stays as it is."""
    return shape(await forge.agents.stop(who, name))


OPERATIONS = (list_agents, read_agent, install_agent, stop_installing_agent)
