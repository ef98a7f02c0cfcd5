"""Pictures of every page, light and dark, at desktop and phone width: ``python shots.py FOLDER [NAME...]``."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright
from web_scenes import everything
from web_server import FLAGS, Server, watched


def main(folder: Path, names: list[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    server = Server(Path(tempfile.mkdtemp()))
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        pages = server.do(everything(server.stage))
        for width in (1280, 380):
            page, wrong, close = watched(browser, server.url, viewport={"width": width, "height": 900})
            page.goto(f"/signin?token={server.do(server.stage.forge.accounts.link())}")
            page.screenshot(path=folder / f"signin-link-{width}.png")
            page.get_by_role("button", name="Sign in").click()
            for name, path in pages.items():
                if names and name not in names:
                    continue
                page.goto(path)
                page.wait_for_timeout(900)
                for scheme in ("light", "dark"):
                    page.emulate_media(color_scheme=scheme)
                    page.wait_for_timeout(150)
                    page.screenshot(path=folder / f"{name}-{width}-{scheme}.png", full_page=True)
                over = page.evaluate("document.documentElement.scrollWidth - innerWidth")
                if over > 0:
                    print(f"{name} at {width}: {over} px too wide")
            for name, key in (("accept", "a"), ("keys", "?")):
                page.goto(pages["run-review"])
                page.keyboard.press(key)
                page.wait_for_timeout(400)
                page.screenshot(path=folder / f"dialog-{name}-{width}.png")
            close()
            print(*wrong, sep="\n")
        browser.close()
    server.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
