"""All that is known after a story, gathered once."""

from __future__ import annotations

import asyncio
import json
import subprocess
import tempfile
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from chaos import witness
from chaos.monkey import Hurt, marked
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
    """``runs`` are the accepted ones as the API shows them, ``lines`` how many each agent writes when left alone.

    ``kept`` are the lines in commits that every server has, ``shown`` the diffs of runs with a change.
    """

    lease: float
    lines: dict[str, int]
    runs: dict[str, Json]
    executions: dict[str, list[witness.Execution]]
    events: dict[str, list[Told]]
    kept: dict[str, set[str]]
    shown: dict[str, str]
    left_processes: list[str]
    left_folders: list[str]
    refused: int
    seen: list[Seen] = field(default_factory=list)
    streams: list[Stream] = field(default_factory=list)
    sses: list[Sse] = field(default_factory=list)
    hurts: list[Hurt] = field(default_factory=list)
    stopped: set[str] = field(default_factory=set)
    killed_agents: set[str] = field(default_factory=set)


async def gather(world: World, runs: dict[str, Json]) -> Evidence:
    """What is there to be seen now."""
    return Evidence(
        lease=world.size.lease,
        lines=world.lines,
        runs=runs,
        executions=witness.read(world.witness),
        events=events(world),
        kept=await asyncio.to_thread(kept, world),
        shown=await diffs(world, runs),
        left_processes=processes(world.folder),
        left_folders=folders(world),
        refused=refused(world),
    )


def folders(world: World) -> list[str]:
    """The run folders that are still on the workers' disks."""
    return [str(path) for worker in world.fleet.workers for path in (worker.folder / "runs").glob("*")]


def processes(folder: Path) -> list[str]:
    """What still works for a run of this world."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                if (mark := marked((entry / "environ").read_bytes())).startswith(str(folder)):
                    found.append(f"{entry.name} of {mark}")
    return found


def refused(world: World) -> int:
    """How many reports the servers have refused."""
    logs = [path for server in world.fleet.servers for path in server.folder.glob("codeforge.log*")]
    return sum(path.read_text(errors="replace").count("was refused") for path in logs)


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
    scratch = Path(tempfile.mkdtemp(prefix="scratch-", dir=world.folder))
    git(scratch, "clone", "-q", "--bare", str(world.repository), ".")
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
    """What servers show as the runs' changes, or why they cannot."""
    found = {}
    for run_id, run in runs.items():
        if run["change"]:
            _, answer = await world.ask("GET", f"/runs/{run_id}/diff")
            found[run_id] = answer.get("diff", f"no diff: {answer}")
    return found
