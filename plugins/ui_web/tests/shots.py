"""Pictures of every page, light and dark, at desktop and phone width: ``python shots.py FOLDER [NAME...]``."""

from __future__ import annotations

import importlib.util
import sys
import tempfile
from pathlib import Path

spec = importlib.util.spec_from_file_location("pages_stage", Path(__file__).with_name("conftest.py"))
assert spec and spec.loader
stand = importlib.util.module_from_spec(spec)
sys.modules["pages_stage"] = stand
spec.loader.exec_module(stand)



def main(folder: Path, names: list[str]) -> None:
    from playwright.sync_api import sync_playwright

    folder.mkdir(parents=True, exist_ok=True)
    server = stand.Server(Path(tempfile.mkdtemp()))
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path="/usr/bin/chromium", args=stand.FLAGS)
        pages = server.do(stand.everything(server.stage))
        for width in (1280, 380):
            page, wrong, close = stand.watched(browser, server.url, viewport={"width": width, "height": 900})
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
            close()
            print(*wrong, sep="\n")
        browser.close()
    server.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
