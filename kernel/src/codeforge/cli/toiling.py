"""A worker in the foreground: it ends when it is told to, and says what it waits for."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import click

from codeforge import __version__
from codeforge.cli import journal
from codeforge.cli.concealing import conceal_environment
from codeforge.cli.ending import INTERRUPTED
from codeforge.cli.reach import given_token
from codeforge.cli.words import count, say
from codeforge.logs import tell

if TYPE_CHECKING:
    from codeforge.settings import Settings

log = logging.getLogger(__name__)
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def toil(settings: Settings, token_file: Path | None) -> int:
    """Work until a signal. Gives the exit code."""
    from pydantic import SecretStr

    from codeforge.boot import data_folder

    if secret := given_token(settings, token_file):
        settings = settings.model_copy(update={"token": SecretStr(secret)})
    conceal_environment()
    journal.keep(data_folder(settings), settings, aloud=True)
    return asyncio.run(Toil(settings).until_told())


class Toil:
    """The first signal lets the worker finish what it has, the second hands that back, the third ends at once."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._signals = 0
        self._drain, self._leave = asyncio.Event(), asyncio.Event()

    async def until_told(self) -> int:
        for number in SIGNALS:
            asyncio.get_running_loop().add_signal_handler(number, self._hear)
        work = asyncio.create_task(self._work())
        told = asyncio.create_task(self._drain.wait())
        await asyncio.wait({work, told}, return_when=asyncio.FIRST_COMPLETED)
        if not self._lodged and not work.done():  # it still waits for a server
            work.cancel()
        try:
            await work
        except asyncio.CancelledError:
            return INTERRUPTED
        return 0

    _lodged = False

    async def _work(self) -> None:
        from codeforge.boot import lodge

        async with lodge(self._settings, say) as lodging:
            self._lodged = True
            tell(log, "worker started", version=__version__, name=lodging.name, slots=self._settings.slots)
            click.echo(f"Worker {lodging.name} is ready for {count(self._settings.slots, 'run')} at a time.")
            await self._drain.wait()
            worker = lodging.worker
            worker.drain()
            await lodging.deafen()
            if worker.at_work:
                say(f"Finishing {count(worker.at_work, 'run')}; once more hands them back with their work so far.")
            idle, leave = asyncio.create_task(worker.idle()), asyncio.create_task(self._leave.wait())
            await asyncio.wait({idle, leave}, return_when=asyncio.FIRST_COMPLETED)
            idle.cancel()
            leave.cancel()
            say("Ending.")
        tell(log, "worker stopped")

    def _hear(self) -> None:
        self._signals += 1
        if self._signals > 2:
            os._exit(INTERRUPTED)
        (self._drain if self._signals == 1 else self._leave).set()
