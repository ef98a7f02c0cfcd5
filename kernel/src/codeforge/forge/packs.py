"""Commits on their way between servers and workers: kept in the database, so that every server has them."""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from codeforge.errors import Conflict, Fenced, Invalid
from codeforge.events import Kind
from codeforge.forge import rows
from codeforge.model import HELD, Project, Run
from codeforge.scm import Scm
from codeforge.store import Door
from codeforge.store import tables as t

if TYPE_CHECKING:
    from codeforge.forge import Forge

PART = 1 << 20
"""Bytes of one row."""
COMMIT = re.compile(r"[0-9a-f]{40,64}")


class Packs:
    """A server's mirrors are made of the origins and of these; a run that was executed beside a server has none."""

    def __init__(self, forge: Forge) -> None:
        self._forge = forge
        self._here: set[tuple[str, str, str]] = set()
        self._alone = asyncio.Lock()

    async def give(
        self, run: Run, project: Project, into: Path, *, base: str | None, start: str | None, have: Sequence[str]
    ) -> tuple[str, bool]:
        """Write to ``into`` what a worker's mirror needs for a run; gives the base, and whether there is a file.

        ``base`` None is the tip of the project's branch now. Raises what `Scm.refresh` raises.
        """
        scm = self._forge.projects.scm(project.scm)
        base = base or await scm.refresh(project, lambda text: None)
        refs = {f"refs/codeforge/base/{base}": base}
        if start:
            await self.fill(run, project)
            refs[f"refs/codeforge/base/{start}"] = start
        try:
            return base, await scm.pack(project, into, refs, have)
        except Conflict:  # the base was found by another server, and this one has not looked at the origin since
            await scm.refresh(project, lambda text: None)
            return base, await scm.pack(project, into, refs, have)

    async def check(self, run: Run, ref: str, head: str, worker: str) -> None:
        """Whether ``worker`` may bring this work of a run: what it did itself, or found where nobody's is kept yet.

        Raises `Invalid` for what is no name of the run's work, and `Fenced`.
        """
        name = re.fullmatch(rf"refs/codeforge/runs/{run.id}/(\d{{1,9}})", ref)
        if not name or not COMMIT.fullmatch(head):
            raise Invalid(f"{ref[:200]!r} is no name for the work of run {run.id}, or its commit is none.", field="ref")
        generation = int(name[1])

        def allowed(door: Door) -> bool:
            if worker == _claimer(door, run.id, generation):
                return True
            held = generation >= run.generation and run.state in HELD
            kept = door.one(t.Pack, t.Pack.run_id == run.id, t.Pack.ref == ref, t.Pack.part == 0)
            return not held and (kept is None or kept["head"] == head)

        if not await self._forge.store.read(run.tenant_id, allowed):
            raise Fenced(f"Run {run.id}, generation {generation}, is another worker's.")

    async def take(self, run: Run, project: Project, pack: Path, *, ref: str, head: str, nth: int) -> None:
        """Keep the work of a run that a worker sends, its ``nth`` as ``ref``. What it sent before is replaced; what
        comes late, after a later one, is not needed any more.
        """

        def work(door: Door) -> None:
            if door.one(t.Pack, t.Pack.run_id == run.id, t.Pack.ref == ref, t.Pack.nth > nth):
                return
            door.delete(t.Pack, t.Pack.run_id == run.id, t.Pack.ref == ref)
            row = {
                "project_id": project.id,
                "run_id": run.id,
                "ref": ref,
                "head": head,
                "nth": nth,
                "created_at": door.now(),
            }
            for number, data in enumerate(_parts(pack)):
                door.insert(t.Pack, **row, part=number, data=data)

        await self._forge.store.run(run.tenant_id, work)

    async def fill(self, run: Run, project: Project) -> None:
        """Bring the work of a run, and of those that it follows, into this server's mirror."""
        if run.follows:
            await self.fill(await self._forge.store.read(run.tenant_id, _run, run.follows), project)
        sent = await self._forge.store.read(run.tenant_id, _sent, run.id)
        for ref, head in sent:
            async with self._alone:
                if (run.id, ref, head) not in self._here:
                    await self._unpack(run, project, ref)
                    self._here.add((run.id, ref, head))

    async def _unpack(self, run: Run, project: Project, ref: str) -> None:
        scm = self._forge.projects.scm(project.scm)
        with tempfile.TemporaryDirectory(prefix="pack-", dir=self._forge.settings.data_dir) as folder:
            pack = Path(folder) / "pack"
            with pack.open("wb") as file:
                part = 0
                while data := await self._forge.store.read(run.tenant_id, _data, run.id, ref, part):
                    file.write(data)
                    part += 1
            await _taken_in(scm, project, pack)


async def _taken_in(scm: Scm, project: Project, pack: Path) -> None:
    try:
        await scm.unpack(project, pack)
    except Conflict:  # this server has not looked at the origin since the run began
        await scm.refresh(project, lambda text: None)
        await scm.unpack(project, pack)


def _run(door: Door, run_id: str) -> Run:
    from codeforge.forge import runs

    return runs.find(door, run_id)


def _claimer(door: Door, run_id: str, generation: int) -> str | None:
    """Who made the so many-th claim of a run, as its history tells."""
    told = door.query(t.Event, t.Event.run_id == run_id, t.Event.kind == Kind.STATE).order_by(t.Event.seq)
    claims = [event.data["worker"] for event in map(rows.event, door.rows(told)) if "worker" in event.data]
    return claims[generation - 1] if 0 < generation <= len(claims) else None


def _sent(door: Door, run_id: str) -> list[tuple[str, str]]:
    first = door.query(t.Pack, t.Pack.run_id == run_id, t.Pack.part == 0).select(t.Pack.ref, t.Pack.head)
    return [(row["ref"], row["head"]) for row in door.rows(first.order_by(t.Pack.id))]


def _data(door: Door, run_id: str, ref: str, part: int) -> bytes:
    row = door.one(t.Pack, t.Pack.run_id == run_id, t.Pack.ref == ref, t.Pack.part == part)
    return bytes(row["data"]) if row else b""


def _parts(pack: Path) -> Iterator[bytes]:
    with pack.open("rb") as file:
        while data := file.read(PART):
            yield data
