"""Stories: a world, work for it, a monkey, and afterwards the verdict."""

from __future__ import annotations

import asyncio
import random
import shutil
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from chaos import agents, evidence
from chaos.monkey import Monkey
from chaos.verdict import judge, take_overs
from chaos.watching import Poller, Sse, Stream
from chaos.world import Size, World, world
from codeforge.model import ENDED

CALM_SECONDS = 180.0
"""Within this time after the last fault everything has ended."""
KILLS = {"kill server": 3, "kill worker": 4, "kill agent": 4, "kill broker": 1, "kill database": 1}
FREEZES = {"freeze server": 1, "freeze worker": 3}
CUTS = {"cut network": 2}
MESSAGES = {"double messages": 2, "drop messages": 1, "keep messages": 1, "replay messages": 2}
PLACES = {"fill disk": 1, "jump clock": 1}
WEIGHTS = {
    "kills": KILLS,
    "freezes": FREEZES,
    "cuts": CUTS,
    "messages": MESSAGES,
    "disk and clock": PLACES,
    "shortly": {"kill server": 2, "kill worker": 3, "freeze worker": 2, "kill agent": 1} | MESSAGES,
    "everything": KILLS | {"kill agent": 2} | FREEZES | CUTS | MESSAGES | PLACES,
}
Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Story:
    """``faults`` faults of the kinds of ``name``, about ``pause`` seconds apart, while ``at_once`` runs are on.

    An agent writes ``lines`` lines, one each ``moment``; one in three writes three times as many, and is at work
    still when its run is taken over.
    """

    name: str
    faults: int
    seed: int
    pause: float = 2.5
    at_once: int = 50
    lines: int = 9
    moment: float = 0.8
    size: Size = field(default_factory=Size)


@dataclass(kw_only=True)
class Outcome:
    """What came of a story."""

    story: Story
    folder: Path
    hurts: Counter[str]
    runs: Counter[str]
    executions: int
    events: int
    refused: int
    messages: int
    take_overs: list[float]
    reconnects: int
    seconds: float
    wrong: dict[str, list[str]]

    @property
    def well(self) -> bool:
        return not any(self.wrong.values())

    def take_over(self) -> str:
        """p50 and maximum."""
        return f"{median(self.take_overs):.1f} / {max(self.take_overs):.1f}" if self.take_overs else "-"


class Telling:
    """One story while it is told."""

    def __init__(self, story: Story, made: World, say: Say) -> None:
        self.story, self.world, self.say = story, made, say
        self.rng = random.Random(f"{story.seed} work")
        self.accepted: list[str] = []
        self.stopped: set[str] = set()
        self.poller = Poller(made)
        self.streams = [Stream(made, 0) for _ in range(2)]
        self.sses: list[Sse] = []
        self._journal = made.folder / "journal"
        self.monkey = Monkey(made, random.Random(story.seed), self._log)
        self.closing = False
        self.followers: list[asyncio.Task[None]] = []

    def _log(self, text: str) -> None:
        with self._journal.open("a") as journal:
            journal.write(f"{time.monotonic():.3f} {text}\n")

    async def tell(self) -> evidence.Evidence:
        """Work under faults, then peace until all has ended, then the evidence."""
        watching = [self.poller.watch(), *(stream.follow() for stream in self.streams)]
        async with _background(*watching) as tasks:
            async with _background(self._submit(), self._meddle(), self._progress()):
                await self.monkey.rage(self.story.faults, self.story.pause, WEIGHTS[self.story.name])
                self.closing = True
                await self.monkey.rest()
            self.say(f"the monkey rests; waiting for {await self._live()} runs")
            await self._calm()
            runs = {run_id: await self.poller.look(run_id) for run_id in self.accepted}
            await self._caught_up()
            gathered = await evidence.gather(self.world, runs)
            gathered.seen, gathered.streams, gathered.sses = self.poller.seen, self.streams, self.sses
            gathered.hurts, gathered.stopped = self.monkey.hurts, self.stopped
            gathered.killed_agents = self.monkey.killed_agents
            for task in tasks:
                if task.done():
                    task.result()
        return gathered

    async def _submit(self) -> None:
        number = 0
        while not self.closing:
            if len(self.accepted) - self._over() < self.story.at_once:
                number += 1
                manner, key = self.rng.choice(agents.MANNERS), f"{self.story.seed}-{number}"
                lines, pause = self.story.lines * self.rng.choice((1, 1, 3)), self.story.moment
                run_id = await self.world.start(lines=lines, pause=pause, manner=manner, key=key)
                self.accepted.append(run_id)
                if number % 8 == 1:
                    self.sses.append(Sse(self.world, run_id))
                    self.followers.append(asyncio.create_task(self.sses[-1].follow()))
            else:
                await asyncio.sleep(0.1)

    def _over(self) -> int:
        return len({seen.run for seen in self.poller.seen if seen.state in ENDED})

    async def _live(self) -> int:
        return len(self.accepted) - self._over()

    async def _meddle(self) -> None:
        """Stop, pause and resume runs at random, through any server."""
        while True:
            await asyncio.sleep(self.rng.uniform(0.5, 2))
            live = [run_id for run_id in self.accepted if not self.poller.over(run_id)]
            if live:
                run_id, verb = self.rng.choice(live), self.rng.choice(("stop", "pause", "pause", "resume", "resume"))
                if verb == "stop":
                    self.stopped.add(run_id)
                await self.world.ask("POST", f"/runs/{run_id}/{verb}")

    async def _progress(self) -> None:
        while True:
            await asyncio.sleep(2)
            hurts = len(self.monkey.hurts)
            runs = f"{len(self.accepted)} runs, {await self._live()} of them live"
            self.say(f"{hurts} of {self.story.faults} faults; {runs}")

    async def _calm(self) -> None:
        """Wait until every run has ended and no workspace is left; who was paused goes on."""
        deadline = time.monotonic() + CALM_SECONDS
        while time.monotonic() < deadline:
            for run_id in [run_id for run_id in self.accepted if not self.poller.over(run_id)]:
                run = await self.poller.look(run_id)
                if run["state"] == "paused" or run["pausing"]:
                    await self.world.ask("POST", f"/runs/{run_id}/resume")
            if not await self._live() and not evidence.folders(self.world):
                return
            await asyncio.sleep(0.5)

    async def _caught_up(self) -> None:
        """Followers have a moment to hear the last words: without a new connection, were it not broken."""
        [[last]] = self.world.rows('SELECT max("offset") FROM event')
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline and any(stream.last < last for stream in self.streams):
            await asyncio.sleep(0.1)
        await asyncio.sleep(1)


async def tell(story: Story, folder: Path, say: Say = lambda text: None) -> Outcome:
    """Tell a story in the new ``folder``; logs stay there when something was wrong."""
    began = time.monotonic()
    async with world(folder, story.size, random.Random(f"{story.seed} world")) as made:
        say("the world is up")
        telling = Telling(story, made, say)
        try:
            gathered = await telling.tell()
        finally:
            await telling.monkey.leave()
            for follower in telling.followers:
                follower.cancel()
            if made.disk:
                shutil.copytree(made.disk.folder, folder / "small-disk", dirs_exist_ok=True, symlinks=True)
    outcome = Outcome(
        story=story,
        folder=folder,
        hurts=Counter(hurt.kind for hurt in gathered.hurts),
        runs=Counter(run["state"] for run in gathered.runs.values()),
        executions=sum(map(len, gathered.executions.values())),
        events=sum(map(len, gathered.events.values())),
        refused=gathered.refused,
        messages=sum(telling.monkey.messages.values()),
        take_overs=take_overs(gathered),
        reconnects=sum(one.connections - 1 for one in [*gathered.streams, *gathered.sses]),
        seconds=time.monotonic() - began,
        wrong=judge(gathered),
    )
    if outcome.well:
        shutil.rmtree(folder, ignore_errors=True)
    return outcome


@asynccontextmanager
async def _background(*work: object) -> AsyncIterator[list[asyncio.Task[None]]]:
    tasks = [asyncio.create_task(one) for one in work]  # type: ignore[arg-type]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task
