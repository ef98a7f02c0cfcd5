"""Reports that workers send through the queue: checked, stored once, and answered."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from codeforge import wire
from codeforge.errors import CodeForgeError, Fenced, Forbidden, Unavailable
from codeforge.store import Door
from codeforge.store import tables as t

if TYPE_CHECKING:
    from codeforge.forge import Forge

log = logging.getLogger(__name__)


class Reports:
    """The servers' end of the queue of reports; whichever server takes one stores it."""

    def __init__(self, forge: Forge) -> None:
        self._forge = forge

    async def take(self, message: bytes) -> None:
        """Store a report and tell its worker so, or why not.

        What cannot be stored now is not answered: its worker sends it again.
        """
        try:
            worker = wire.sender(message)
            report = wire.unseal(message, await self._forge.store.read(None, _secret, worker))
        except Unavailable:
            return
        except CodeForgeError as error:
            log.warning("a report was refused: %s", error)
            return
        answer: dict[str, Any] = {"run": report.run_id, "generation": report.generation, "number": report.number}
        try:
            await self._forge.store.read(None, _check_holder, report, worker)
            await self._forge.coordinator.report(
                report.run_id,
                report.generation,
                report.events,
                number=report.number,
                state=report.state,
                words_seen=report.words_seen,
                **report.facts,
            )
        except Unavailable:
            return
        except CodeForgeError as error:
            if isinstance(error, Fenced):
                log.warning("run %s: report %d was refused: %s", report.run_id, report.number, error)
            answer |= {"slug": error.slug, "detail": str(error)}
        try:
            if self._forge.offers.queue:
                await self._forge.offers.queue.tell(worker, answer)
        except Unavailable:
            return  # its next renewal says so, too


def _secret(door: Door, worker_id: str) -> str:
    row = door.one(t.Worker, t.Worker.id == worker_id, t.Worker.revoked_at.is_null())
    if row is None or row["token_hash"] is None:
        raise Forbidden(f"There is no worker {worker_id[:64]}, or its token is revoked.")
    return str(row["token_hash"])


def _check_holder(door: Door, report: wire.Report, worker: str) -> None:
    row = door.one(t.Run, t.Run.id == report.run_id)
    if row and row["generation"] == report.generation and row["worker"] not in (worker, None):
        raise Fenced(f"Run {report.run_id} is held by another worker.")
