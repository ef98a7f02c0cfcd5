"""A real server in a thread, and a browser's page of which everything that goes wrong is known."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from web_stage import open_stage

from codeforge import Settings
from codeforge.http import listen, make_app
from codeforge.testing.ports import free_port
from codeforge_ui_web.pages import routes

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


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


WATCH = """window.__csp = []; document.addEventListener('securitypolicyviolation',
  e => window.__csp.push(`${e.violatedDirective} ${e.blockedURI} ${e.sourceFile}:${e.lineNumber} ${e.sample}`));"""


def watched(browser: Any, url: str, **options: Any) -> tuple[Any, list[str], Callable[[], None]]:
    """A page, what went wrong on it (violations, errors of scripts, outside requests), and how to close it."""
    context = browser.new_context(base_url=url, **{"viewport": {"width": 1280, "height": 900}, **options})
    page, wrong = context.new_page(), list[str]()
    ours = (url, url.replace("http", "ws"), "data:")
    page.on("pageerror", lambda error: wrong.append(f"script error: {error}"))
    page.on("console", lambda said: wrong.append(f"console: {said.text}") if said.type == "error" else None)
    page.on("request", lambda sent: None if sent.url.startswith(ours) else wrong.append(f"outside: {sent.url}"))
    page.on("dialog", lambda dialog: dialog.accept())
    page.add_init_script(WATCH)
    page.set_default_timeout(15_000)

    def close() -> None:
        wrong.extend(f"CSP: {violation}" for violation in page.evaluate("window.__csp ?? []"))
        context.close()

    return page, wrong, close
