"""A real browser whose pages tell of everything that goes wrong on them: for tests of pages, ours and a plugin's."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WATCH = """window.__csp = []; document.addEventListener('securitypolicyviolation',
  e => window.__csp.push(`${e.violatedDirective} ${e.blockedURI} ${e.sourceFile}:${e.lineNumber} ${e.sample}`));"""


@contextmanager
def open_browser() -> Iterator[Any]:
    """Debian's Chromium, headless, driven by playwright. Raises `RuntimeError` when it is not installed."""
    from playwright.sync_api import sync_playwright

    if not (chromium := shutil.which("chromium") or shutil.which("google-chrome")):
        raise RuntimeError("There is no chromium: sudo apt-get install chromium")
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


@contextmanager
def watched_page(browser: Any, url: str, **options: Any) -> Iterator[tuple[Any, list[str]]]:
    """A page of the server at ``url``, and what went wrong on it, complete once the block is left.

    Wrong are violations of the content security policy, errors of scripts and in the console, and requests
    to anywhere else. ``options`` are those of playwright's ``new_context``.
    """
    context = browser.new_context(base_url=url, **{"viewport": {"width": 1280, "height": 900}, **options})
    page, wrong = context.new_page(), list[str]()
    ours = (url, url.replace("http", "ws", 1), "data:")
    page.on("pageerror", lambda error: wrong.append(f"script error: {error}"))
    page.on("console", lambda said: wrong.append(f"console: {said.text}") if said.type == "error" else None)
    page.on("request", lambda sent: None if sent.url.startswith(ours) else wrong.append(f"outside: {sent.url}"))
    page.on("dialog", lambda dialog: dialog.accept())
    page.add_init_script(WATCH)
    page.set_default_timeout(15_000)
    try:
        yield page, wrong
        wrong += [f"CSP: {violation}" for violation in page.evaluate("window.__csp ?? []")]
    finally:
        context.close()


def axe(page: Any) -> list[str]:
    """What axe finds wrong with the accessibility of the page as it is now, one line each."""
    from axe_playwright_python.sync_playwright import Axe

    return [
        f"{found['id']}: {found['help']} ({', '.join(str(node['target']) for node in found['nodes'])})"
        for found in Axe().run(page).response["violations"]
    ]
