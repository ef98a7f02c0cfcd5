"""A house in a thread of its own: the main thread stays free for the terminal, its signals and blocking calls."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from contextlib import AsyncExitStack, suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from codeforge import __version__
from codeforge.cli import journal, presence
from codeforge.logs import tell

if TYPE_CHECKING:
    from codeforge.forge import Forge
    from codeforge.settings import Settings

T = TypeVar("T")
log = logging.getLogger(__name__)


class LocalHouse:
    """``with LocalHouse(settings) as house:`` everything runs, and ends in order when the block is left.

    With ``open_to_others`` other commands on this machine find and use it; with ``aloud`` warnings of the log are
    shown on stderr. Entering raises what `codeforge.boot.house` raises.
    """

    def __init__(self, settings: Settings, *, working: bool, open_to_others: bool, aloud: bool = False) -> None:
        self._settings, self._working, self._open, self._aloud = settings, working, open_to_others, aloud
        self._ready: Future[tuple[Forge, str]] = Future()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._live()), name="house", daemon=True)

    def __enter__(self) -> LocalHouse:
        from codeforge.boot import data_folder
        from codeforge.cli.concealing import conceal_environment

        conceal_environment()
        journal.keep(data_folder(self._settings), self._settings, aloud=self._aloud)
        self._thread.start()
        try:
            self.forge, self.token = self._ready.result()
        except KeyboardInterrupt:
            self._ready.add_done_callback(lambda ready: None if ready.exception() else self._leave())
            self._thread.join()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave()
        self._thread.join()

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the house and give its result."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def ends_within(self, seconds: float) -> bool:
        """Tell the house to end; whether it has after at most ``seconds``."""
        self._leave()
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _leave(self) -> None:
        with suppress(RuntimeError):  # it has ended already
            self._loop.call_soon_threadsafe(self._end.set)

    async def _live(self) -> None:
        from codeforge.boot import house

        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        try:
            async with AsyncExitStack() as stack:
                stack.callback(tell, log, "server stopped")
                forge = await stack.enter_async_context(house(self._settings, working=self._working))
                token = await presence.local_token(forge)
                if self._open:
                    stack.enter_context(presence.published(self._settings.data_dir, forge.url))
                self._ready.set_result((forge, token))
                tell(log, "server started", version=__version__, address=forge.url, worker=self._working)
                await self._end.wait()
                tell(log, "server stops", address=forge.url)
        except BaseException as error:
            if self._ready.done():
                log.exception("the server did not end in order")
            else:
                self._ready.set_exception(error)
