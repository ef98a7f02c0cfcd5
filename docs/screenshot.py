"""Takes docs/images/run.png: the demo's change in review, on a real server: ``python docs/screenshot.py``."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from pathlib import Path

from playwright.async_api import async_playwright

from codeforge import RunState, Settings
from codeforge.boot import house
from codeforge.demo import stage
from codeforge.model import ENDED
from codeforge.testing import agents_dir

PICTURE = Path(__file__).parent / "images" / "run.png"
FLAGS = ["--no-sandbox", "--disable-gpu"]


async def main() -> None:
    """Stage the demo, wait until its change is in review, and look at its page."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_dir=Path(folder), agents_dir=agents_dir(), port=0)
        async with house(settings) as forge:
            who = await forge.accounts.admin()
            run = await stage(forge)
            while run.state not in ENDED:
                await asyncio.sleep(0.2)
                run = await forge.runs.get(who, run.id)
            if run.state != RunState.REVIEW:
                raise SystemExit(f"The demo's run is {run.state}: {run.detail}")
            await _take(forge.url, await forge.accounts.link(), run.id)


async def _take(url: str, link: str, run_id: str) -> None:
    async with async_playwright() as play:
        browser = await play.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = await browser.new_page(base_url=url, viewport={"width": 1200, "height": 1160})
        await page.goto(f"/signin?token={link}")
        await page.get_by_role("button", name="Sign in").click()
        await page.wait_for_url("**/projects")
        await page.goto(f"/runs/{run_id}")
        await page.get_by_text("return merged").first.wait_for()
        page.set_default_timeout(15_000)
        await page.get_by_text("Ran 4 tests").first.wait_for()
        PICTURE.parent.mkdir(exist_ok=True)
        await page.screenshot(path=PICTURE)
        await browser.close()


if __name__ == "__main__":
    asyncio.run(main())
