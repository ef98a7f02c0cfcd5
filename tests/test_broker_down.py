"""RabbitMQ goes and comes back: readiness, pages and log tell it, tasks are taken all the same, nothing is lost."""

import asyncio
import logging
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from codeforge import Settings
from codeforge.testing import PrivateRabbit, StandIns, axe, new_repository, open_browser, running, watched_page

pytestmark = [pytest.mark.rabbitmq, pytest.mark.browser, pytest.mark.xdist_group("rabbitmq")]


class Watcher:
    """A browser in a thread of its own with a signed-in page, asked from asynchronous tests."""

    def __init__(self):
        self._thread = ThreadPoolExecutor(1, "browser")

    async def do(self, work, *args):
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *args)

    def open(self, url, link):
        self._browser = open_browser()
        self._watched = watched_page(self._browser.__enter__(), url)
        self.page, self.wrong = self._watched.__enter__()
        self.page.goto(f"/signin?token={link}")
        self.page.get_by_role("button", name="Sign in").click()
        self.page.wait_for_url("**/projects")

    def sees(self, text, seconds):
        self.page.locator("#trouble").get_by_text(text).wait_for(timeout=seconds * 1000)
        return axe(self.page)

    def sees_it_go(self, seconds):
        self.page.locator("#trouble p").wait_for(state="detached", timeout=seconds * 1000)

    def close(self):
        self._watched.__exit__(None, None, None)
        self._browser.__exit__(None, None, None)
        return self.wrong


async def health(api, status, seconds=15.0):
    """What /health/ready tells as soon as it has that status."""
    deadline = time.monotonic() + seconds
    while True:
        async with api.http.get(f"{api.url}/api/v1/health/ready") as answer:
            if answer.status == status:
                return {part["name"]: part["detail"] for part in (await answer.json())["parts"] if not part["ok"]}
        assert time.monotonic() < deadline, f"not {status} in time"
        await asyncio.sleep(0.05)


@pytest.mark.slow
async def test_a_broker_that_is_down_is_told_everywhere_and_tasks_are_taken_all_the_same(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    repository = new_repository(tmp_path / "repository")
    with PrivateRabbit() as rabbit:
        settings = Settings(data_dir=tmp_path / "data", port=0, broker_url=rabbit.url, ring_again=1)
        async with running(settings, extra={"stand_ins": StandIns()}) as (forge, api):
            project = await api.post("/projects", {"url": str(repository), "agent": "shell", "model": "none"})
            watcher = Watcher()
            await watcher.do(watcher.open, api.url, await forge.accounts.link())
            assert await health(api, 200) == {}

            rabbit.kill()
            sentence = f"RabbitMQ at 127.0.0.1:{rabbit.port} does not answer: runs wait; nothing is lost."
            assert await watcher.do(watcher.sees, sentence, 7) == []
            assert await health(api, 503) == {"broker": sentence}
            assert await api.get("/health/live") == {"ok": True, "version": "0.1.0"}
            run = await api.start(project, "echo b > b.txt")
            assert run["state"] == "queued"
            await api.says(run, sentence.split(":", maxsplit=1)[0])

            await asyncio.to_thread(rabbit.start)
            await watcher.do(watcher.sees_it_go, 7)
            assert await health(api, 200) == {}
            assert (await api.until(run, seconds=60))["state"] == "review"
            assert await watcher.do(watcher.close) == []
    told = [(r.getMessage(), r.facts.get("detail", "")) for r in caplog.records if r.getMessage().startswith("broker ")]
    assert told == [("broker down", sentence), ("broker up", f"RabbitMQ at 127.0.0.1:{rabbit.port}")]
    assert "guest:guest" not in caplog.text
