"""Workspaces that a dead worker left behind: their work goes into escrow before they go."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from codeforge.coordination import Coordinator
from codeforge.forge import Offers
from codeforge.scm import summarise
from codeforge.worker.folder import AUTHOR, RunFolder
from codeforge.worker.source import Escrowed, Source

log = logging.getLogger(__name__)


async def save(folder: Path, coordinator: Coordinator, source: Source, offers: Offers) -> None:
    """Escrow and remove every run folder below ``folder``; one that cannot be saved stays, with a line in the log."""
    found = await asyncio.to_thread(lambda: sorted(folder.iterdir()) if folder.is_dir() else [])
    for path in found:
        try:
            await _save(RunFolder(path), coordinator, source, offers)
        except Exception:
            log.exception("the workspace %s of an earlier run could not be saved; it is left as it is", path)


async def _save(left: RunFolder, coordinator: Coordinator, source: Source, offers: Offers) -> None:
    await asyncio.to_thread(left.end_processes)
    facts = await coordinator.describe(left.run_id)
    base = await asyncio.to_thread(left.base)
    there = await asyncio.to_thread(left.workspace.is_dir)
    if facts and base and there:
        run, project = facts
        scm = offers.scms[project.scm]
        workspace = await scm.reopen(project, left.workspace, base)
        head = await workspace.escrow(left.ref, f"What run {run.id} had done when its worker died", AUTHOR)
        if head != base:
            await source.keep(Escrowed(run=run, project=project, ref=left.ref, base=base, head=head), scm)
            change = summarise(base, head, await scm.changes(project, base, head))
            await coordinator.saved(run.id, left.ref, change)
        await asyncio.to_thread(left.forget_base)
        await workspace.remove()
    await asyncio.to_thread(left.remove)
