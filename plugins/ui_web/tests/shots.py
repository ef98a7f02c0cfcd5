"""Pictures of every page, light and dark, at desktop and phone width: ``python shots.py FOLDER [NAME...]``."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from web_scenes import everything
from web_server import Server

from codeforge.testing import open_browser, watched_page


def main(folder: Path, names: list[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as data, open_browser() as browser:
        server = Server(Path(data))
        pages = server.do(everything(server.stage))
        for width in (1280, 380):
            size = {"width": width, "height": 900}
            with watched_page(browser, server.url, viewport=size) as (page, wrong):
                page.goto(f"/signin?token={server.do(server.stage.forge.accounts.link())}")
                page.screenshot(path=folder / f"signin-link-{width}.png")
                page.get_by_role("button", name="Sign in").click()
                page.wait_for_url("**/projects")
                for name, path in pages.items():
                    if not names or name in names:
                        page.goto(path)
                        page.wait_for_timeout(900)
                        shoot(page, folder / f"{name}-{width}")
                for name, key in (("accept", "a"), ("keys", "?")):
                    page.goto(pages["run-review"])
                    page.keyboard.press(key)
                    page.wait_for_timeout(400)
                    page.screenshot(path=folder / f"dialog-{name}-{width}.png")
            print(*wrong, sep="\n")
        server.stop()


def shoot(page: Any, path: Path) -> None:
    """The page as it is, light and dark."""
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.wait_for_timeout(150)
        page.screenshot(path=f"{path}-{scheme}.png", full_page=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
