"""Puts every agent through the contract and writes the table into agents.md: ``python docs/write_contract.py``.

Installs what is missing, and keeps another core busy meanwhile. Ends with 1 where a case does not hold, and writes the
table all the same.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import sys
import time
from pathlib import Path

from codeforge import AgentBackend, Settings
from codeforge.plugins import Plugins
from codeforge.testing import agents_dir
from codeforge.testing.contract import CASES, Result, examine

PAGE = Path(__file__).with_name("agents.md")
BEGIN, END = "<!-- contract -->\n", "<!-- end of contract -->\n"


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def busy() -> None:
    """What another core is kept busy with."""
    while True:
        pass


async def examined(agent: AgentBackend) -> tuple[list[Result], float]:
    """The agent's results, told on the way, and after how many seconds they were all there."""
    await agent.install(say)
    dialect, began = agent.dialect(), time.monotonic()
    assert dialect
    told = await examine(agent, dialect, CASES, told=lambda one: say(f"{agent.name}: {one.case}: {one.verdict}"))
    return told, time.monotonic() - began


def cell(result: Result) -> str:
    return {"holds": f"{result.seconds} s", "skipped": "cannot", "fails": "FAILS"}[result.verdict]


def table(results: dict[str, tuple[list[Result], float]]) -> str:
    """One row a case, one column an agent."""
    rows = [["case", *results], ["---"] * (len(results) + 1)]
    rows += [[case.name, *(cell(found[n]) for found, _ in results.values())] for n, case in enumerate(CASES)]
    rows += [["all, two at a time", *(f"{seconds:.0f} s" for _, seconds in results.values())]]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


async def main() -> int:
    agents = Plugins(()).agents(Settings(agents_dir=agents_dir()))
    chosen = [agent for name, agent in agents.items() if agent.dialect() and name in (sys.argv[1:] or agents)]
    load = multiprocessing.Process(target=busy, daemon=True)
    load.start()
    results = {agent.name: await examined(agent) for agent in chosen}
    load.terminate()
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    PAGE.write_text(before + BEGIN + table(results) + END + rest.partition(END)[2], encoding="utf-8")
    broken = [one for found, _ in results.values() for one in found if one.verdict == "fails"]
    say("\n".join(f"{one.case}: {one.words}" for one in broken))
    return bool(broken)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
