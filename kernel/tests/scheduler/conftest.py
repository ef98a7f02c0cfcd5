"""A forge on a real store of either kind, with repositories on paper; workers are asked for here as rows or by name."""

import time

import pytest

from codeforge import Llm, Model, RepoInfo, RunState, Scm, Settings, builtin
from codeforge.forge import Forge, Offers
from codeforge.model import Change
from codeforge.scm import Delivery
from codeforge.store import Store
from codeforge.store import tables as t
from codeforge.testing import ShellAgent


class PaperScm(Scm):
    """Repositories that exist on paper; whatever is delivered arrives."""

    name = "paper"

    def handles(self, url):
        return True

    async def inspect(self, url):
        return RepoInfo(url=url, branch="main", branches=("main",), head="0" * 40)

    async def deliver(self, project, change, **how):
        return Delivery(branch=project.branch, commit="d" * 40)

    async def forget(self, project):
        pass

    prepare = reopen = changes = diff = None


class OtherAgent(ShellAgent):
    name = "other"


class TwoModels(Llm):
    name = "two"

    async def models(self, tenant_id):
        return [Model(name="m", provider="p"), Model(name="n", provider="q")]


class World:
    """The forge with its admin, and what workers do to it."""

    def __init__(self, forge, who):
        self.forge, self.who = forge, who

    async def project(self, name="house", **settings):
        made = await self.forge.projects.add(self.who, f"/paper/{name}", agent="shell", name=name)
        return await self.forge.projects.edit(self.who, made.id, **settings) if settings else made

    async def submit(self, project, prompt="do it", **options):
        _, run = await self.forge.tasks.submit(self.who, project.id, prompt, **options)
        return run

    async def claim(self, worker="w"):
        """The id of the run that the worker gets, or None."""
        claimed = await self.forge.coordinator.claim(worker)
        return claimed and claimed.run.id

    async def run(self, run_id):
        return await self.forge.runs.get(self.who, run_id)

    async def report(self, run_id, *states, **facts):
        """Move a run through states, the last with facts."""
        generation = (await self.run(run_id)).generation
        for state in states[:-1]:
            await self.forge.coordinator.report(run_id, generation, state=state)
        await self.forge.coordinator.report(run_id, generation, state=states[-1], **facts)

    async def review(self, run_id):
        """Work on a claimed run until its change waits for review."""
        change = Change(base="b" * 40, head="c" * 40, files=1, added=1, deleted=0)
        await self.report(run_id, RunState.WORKING, RunState.REVIEW, change=change)

    async def accept(self, run_id):
        await self.review(run_id)
        await self.forge.reviews.give(self.who, run_id, "accept")

    async def line(self, **page):
        return await self.forge.line.read(self.who, **page)

    async def why(self):
        """Why each run waits, in words, by its id."""
        return {item.run_id: item.text for item in (await self.line()).items}

    async def worker(self, name, **facts):
        """Register a worker that has just given word."""
        facts = {"labels": [], "agents": [], "draining": False, "tenant_id": "", "seen_at": time.time(), **facts}
        rest = {"host": "h", "version": "1", "slots": 1, "load": 0.0, "disk": {}, "created_at": time.time()}
        await self.change(lambda door: door.insert(t.Worker, id=name, name=name, **rest, **facts))

    async def change(self, work):
        """Change the database behind everybody's back."""
        return await self.forge.store.run(None, work)


@pytest.fixture
async def world(tmp_path, database_url):
    offers = Offers(
        agents={"shell": ShellAgent(), "other": OtherAgent()},
        scms={"paper": PaperScm()},
        llms={"two": TwoModels()},
        choose_scm=lambda url: "paper",
        choose_agent=builtin.choose_agent,
        choose_model=builtin.choose_model,
        rank_run=lambda task, project: builtin.rank_run(task),
    )
    store = await Store.open(tmp_path, database_url)
    forge = Forge(Settings(data_dir=tmp_path, lease=60, max_retries=2), store, offers)
    await forge.workers.hello("built-in", name="built-in")
    yield World(forge, await forge.accounts.admin())
    await store.close()
