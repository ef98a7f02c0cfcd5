"""All that is known after a story, gathered once."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chaos import witness
from chaos.monkey import Hurt
from chaos.watching import Seen, Sse, Stream
from chaos.world import Json, World

from codeforge.testing import git


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """One event as the database has it."""

    run: str
    seq: int
    offset: int
    kind: str
    data: Json


@dataclass(kw_only=True)
class Evidence:
    """``runs`` are the accepted ones as the API shows them; ``stopped`` those that somebody asked to stop."""

    lease: float
    runs: dict[str, Json]
    lines: int
    """How many lines an agent writes that is left alone."""
    executions: dict[str, list[witness.Execution]]
    events: dict[str, list[Told]]
    seen: list[Seen]
    streams: list[Stream]
    sses: list[Sse]
    hurts: list[Hurt]
    stopped: set[str]
    killed_agents: set[str]
    kept: dict[str, set[str]]
    """The lines that are in commits that every server has, by run."""
    shown: dict[str, str]
    """The diffs of the runs that have a change, by run."""
    left_processes: list[str] = field(default_factory=list)
    left_folders: list[str] = field(default_factory=list)
    refused: int = 0


def events(world: World) -> dict[str, list[Told]]:
    """Every event by run, in the order of their numbers."""
    found: dict[str, list[Told]] = {}
    statement = 'SELECT run_id, seq, "offset", kind, data FROM event ORDER BY run_id, seq'
    for run, seq, offset, kind, data in world.rows(statement):
        told = Told(run=run, seq=seq, offset=offset, kind=kind, data=json.loads(data))
        found.setdefault(run, []).append(told)
    return found


def kept(world: World) -> dict[str, set[str]]:
    """The lines in every pack that the servers have."""
    scratch = world.folder / "scratch"
    git(world.folder, "clone", "-q", "--bare", str(world.repository), str(scratch))
    found: dict[str, set[str]] = {}
    packs: dict[tuple[str, str, str], bytes] = {}
    for run, ref, head, data in world.rows("SELECT run_id, ref, head, data FROM pack ORDER BY run_id, ref, part"):
        packs[run, ref, head] = packs.get((run, ref, head), b"") + bytes(data)
    waiting = list(packs.items())
    while waiting:  # one that builds on another comes after it
        later = [pack for pack in waiting if not _unpacked(scratch, *pack, found)]
        assert len(later) < len(waiting), f"{len(later)} packs build on commits that nobody has"
        waiting = later
    return found


def _unpacked(scratch: Path, pack: tuple[str, str, str], data: bytes, found: dict[str, set[str]]) -> bool:
    run, _, head = pack
    bundle = scratch / "bundle"
    bundle.write_bytes(data)
    words = ["git", "bundle", "unbundle", str(bundle)]
    if subprocess.run(words, cwd=scratch, capture_output=True, check=False).returncode:
        return False
    show = ["git", "show", f"{head}:work.txt"]
    text = subprocess.run(show, cwd=scratch, capture_output=True, text=True, check=False).stdout
    found.setdefault(run, set()).update(text.split())
    return True


async def diffs(world: World, runs: dict[str, Json]) -> dict[str, str]:
    """What servers show as the runs' changes."""
    found = {}
    for run_id, run in runs.items():
        if run["change"]:
            answer: Any = await world.surely("GET", f"/runs/{run_id}/diff")
            found[run_id] = answer["diff"]
    return found
