"""A real server in a thread of its own, which a test can end and start anew."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from web_stage import open_stage

from codeforge import Settings
from codeforge.http import listen, make_app
from codeforge.testing.ports import free_port
from codeforge_ui_web.pages import routes


class Server:
    """A server in a thread of its own; ``do`` runs a coroutine there, ``restart`` ends it and starts it anew."""

    def __init__(self, folder: Path) -> None:
        self._settings = Settings(data_dir=folder, port=free_port())
        self.url = f"http://127.0.0.1:{self._settings.port}"
        self.start()

    def start(self) -> None:
        self._loop, ready = asyncio.new_event_loop(), threading.Event()
        self._thread = threading.Thread(target=self._main, args=(ready,), daemon=True)
        self._thread.start()
        assert ready.wait(20)

    def _main(self, ready: threading.Event) -> None:
        async def live() -> None:
            self._end = asyncio.Event()
            async with AsyncExitStack() as stack:
                self.stage = await open_stage(stack, self._settings)
                await stack.enter_async_context(listen(make_app(self.stage.forge, routes()), self._settings))
                ready.set()
                await self._end.wait()

        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(live())

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(20)
        assert not self._thread.is_alive(), "the server did not end"

    def restart(self) -> None:
        self.stop()
        self.start()
