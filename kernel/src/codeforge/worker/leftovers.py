"""Workspaces that a dead worker left behind: their work goes into escrow before they go."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection
from pathlib import Path

from codeforge.coordination import Coordinator
from codeforge.errors import CodeForgeError
from codeforge.forge import Offers
from codeforge.logs import about, tell
from codeforge.model import HELD
from codeforge.scm import summarise
from codeforge.worker.folder import AUTHOR, RunFolder
from codeforge.worker.source import Escrowed, Source

log = logging.getLogger(__name__)
GRACE = 86_400.0
"""Seconds for which a folder stays whose run nobody knows: perhaps the database is the wrong one."""


def _none() -> set[str]:
    return set()


async def save(
    folder: Path,
    coordinator: Coordinator,
    source: Source,
    offers: Offers,
    *,
    at_work: Callable[[], Collection[str]] = _none,
    held: bool = True,
    told: set[Path] | None = None,
) -> None:
    """Escrow and remove every run folder below ``folder``; one that cannot be saved stays, with a line in the log.

    Those named by ``at_work`` are left alone; without ``held`` those, too, whose run some worker holds just so.
    ``told`` are folders whose fault is in the log already.
    """
    told = set() if told is None else told
    found = await asyncio.to_thread(lambda: sorted(folder.iterdir()) if folder.is_dir() else [])
    told.intersection_update(found)
    for path in found:
        if path.name in at_work():
            continue
        left = RunFolder(path)
        with about(run=left.run_id, generation=left.generation):
            try:
                await _save(left, coordinator, source, offers, held=held)
            except Exception as error:
                if path not in told:
                    unexpected = not isinstance(error, CodeForgeError)
                    sentence = "the workspace %s of an earlier run could not be saved; it is left as it is: %s"
                    log.warning(sentence, path, error, exc_info=unexpected)
                told.add(path)


async def _save(left: RunFolder, coordinator: Coordinator, source: Source, offers: Offers, *, held: bool) -> None:
    facts = await coordinator.describe(left.run_id)
    if facts is None and time.time() - (await asyncio.to_thread(left.path.stat)).st_mtime < GRACE:
        return
    if facts and not held and facts[0].state in HELD and str(facts[0].generation) == left.generation:
        return
    await asyncio.to_thread(left.end_processes)
    base = await asyncio.to_thread(left.base)
    there = await asyncio.to_thread(left.workspace.is_dir)
    kept = None
    if facts and base and there:
        run, project = facts
        scm = offers.scms[project.scm]
        workspace = await scm.reopen(project, left.workspace, base)
        head = await workspace.escrow(left.ref, f"What run {run.id} had done when its worker died", AUTHOR)
        if head != base:
            await source.keep(Escrowed(run=run, project=project, ref=left.ref, base=base, head=head), scm)
            kept = head
            change = summarise(base, head, await scm.changes(project, base, head))
            await coordinator.saved(run.id, left.ref, change)
        await asyncio.to_thread(left.forget_base)
        await workspace.remove()
    await asyncio.to_thread(left.remove)
    tell(log, "workspace of an earlier run removed", kept=kept)
