"""A run's events on their way: none waits for the next one."""

import asyncio
from types import SimpleNamespace

from codeforge.events import AgentEvent, Kind
from codeforge.worker.reporter import Reporter


class SlowCoordinator:
    """Takes reports, each when the test lets it."""

    def __init__(self):
        self.told, self.asked, self.free = [], asyncio.Event(), asyncio.Event()

    async def report(self, run_id, generation, events=(), **facts):
        self.asked.set()
        await self.free.wait()
        self.told += [event.data["text"] for event in events]

    def lagged(self, seconds):
        pass


async def test_what_is_said_while_a_batch_is_on_its_way_follows_it_by_itself():
    coordinator = SlowCoordinator()
    reporter = Reporter(coordinator, SimpleNamespace(id="r", generation=1), lost=asyncio.Event())
    await reporter.add(AgentEvent(Kind.SAID, {"text": "one"}))
    await coordinator.asked.wait()
    await reporter.add(AgentEvent(Kind.SAID, {"text": "two"}))
    coordinator.free.set()
    async with asyncio.timeout(5):
        while coordinator.told != ["one", "two"]:
            await asyncio.sleep(0.01)
