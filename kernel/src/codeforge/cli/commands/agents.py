"""``codeforge agents``: the agents on this very machine, no server needed."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from codeforge.cli import options
from codeforge.cli.listing import Listing
from codeforge.cli.progress import Progress, worked
from codeforge.cli.showing import Columns, Output
from codeforge.cli.words import clean, say
from codeforge.errors import Invalid, NotFound, Unavailable

if TYPE_CHECKING:
    from codeforge.agents import AgentBackend
    from codeforge.testing.contract import Result

COLUMNS: Columns = {
    "agent": "name",
    "ready": "ok",
    "version": "version",
    "size": lambda h: "" if h["size_mb"] is None else f"{h['size_mb']:,} MB",
    "by itself": lambda h: ", ".join(name.replace("_", " ") for name, can in h["abilities"].items() if can == "agent"),
    "state": lambda h: h["detail"] + (f" - {h['fix']}" if h["fix"] and not h["ok"] else ""),
}


CASES: Columns = {"case": "case", "verdict": "verdict", "seconds": "seconds", "why": "words"}


@click.group(cls=Listing)
def command() -> None:
    """The agents on this machine: check and install them."""


@command.command("list")
@options.as_json
@options.data_dir
def list_(as_json: bool, data_dir: Path | None) -> None:
    """List the agents: whether each can run here, its size on disk, and what CodeForge need not do in its place."""
    found = asyncio.run(_checked(list(_agents(data_dir).values())))
    Output(as_json=as_json).items(found, COLUMNS, none="No agent is installed: install a plugin that brings one.")


@command.command()
@click.argument("name")
@click.option("--contract", is_flag=True, help="Then put it through every case of the contract, with a scripted model.")
@options.as_json
@options.data_dir
def check(name: str, contract: bool, as_json: bool, data_dir: Path | None) -> None:
    """Tell whether the agent NAME can run here; exit code 1 when it cannot, or breaks the contract."""
    agent = _named(name, data_dir)
    [found] = asyncio.run(_checked([agent]))
    output = Output(as_json=as_json)
    if not contract or not found["ok"]:
        output.items([found], COLUMNS, none="")
    if not found["ok"]:
        raise click.exceptions.Exit(1)
    if contract:
        results = worked(partial(_examined, agent))
        output.items([asdict(result) for result in results], CASES, none="")
        if any(result.verdict == "fails" for result in results):
            raise click.exceptions.Exit(1)


@command.command()
@click.argument("name")
@options.data_dir
def install(name: str, data_dir: Path | None) -> None:
    """Install the agent NAME into an environment of its own. Ctrl-C stops; calling it again goes on."""
    agent = _named(name, data_dir)
    asyncio.run(agent.install(lambda line: say(clean(line))))
    [found] = asyncio.run(_checked([agent]))
    if not found["ok"]:
        raise Unavailable(f"{name} is installed but not ready: {found['detail']} {found['fix']}")
    size = "" if found["size_mb"] is None else f" It takes {found['size_mb']:,} MB."
    say(f"{name} {found['version']} is ready.{size}", colour="green")


def _agents(data_dir: Path | None) -> dict[str, AgentBackend]:
    from codeforge.cli.configuration import settled
    from codeforge.plugins import Plugins

    settings = settled(data_dir=data_dir)
    return Plugins(settings.disabled_plugins).agents(settings)


def _named(name: str, data_dir: Path | None) -> AgentBackend:
    agents = _agents(data_dir)
    if agent := agents.get(name):
        return agent
    raise NotFound(f"There is no agent {name}; there is {', '.join(sorted(agents)) or 'none'}.")


async def _examined(agent: AgentBackend, progress: Progress) -> list[Result]:
    """How the agent keeps the contract. Raises `Invalid` for one that nobody can script."""
    from codeforge.testing.contract import CASES, examine

    dialect = agent.dialect()
    if dialect is None:
        raise Invalid(f"The agent {agent.name} has no dialect, so that no model can be scripted for it.")
    done = count(1)
    return await examine(agent, dialect, CASES, told=lambda result: progress.tell(result.case, next(done)))


async def _checked(agents: list[AgentBackend]) -> list[dict[str, Any]]:
    return list(await asyncio.gather(*map(_found, agents)))


async def _found(agent: AgentBackend) -> dict[str, Any]:
    from codeforge.abilities import abilities, health, size_mb

    found = await health(agent)
    return {**asdict(found), "size_mb": await size_mb(agent) if found.ok else None, "abilities": abilities(agent)}
