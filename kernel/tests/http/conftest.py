"""A real server on a free port over a real database; the repositories and models behind it exist on paper only."""

import json
from dataclasses import dataclass, field

import aiohttp
import pytest

from codeforge import Delivery, FileChange, Invalid, Llm, Model, RepoInfo, RunState, Scm, Settings, builtin
from codeforge.events import said
from codeforge.forge import Forge, Offers
from codeforge.http import listen, make_app
from codeforge.model import Change
from codeforge.store import Store
from codeforge.testing import ShellAgent, free_port

HEAD, BASE = "b" * 40, "a" * 40
DIFF = "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-old\n+new\n"


class PaperScm(Scm):
    """Paths that begin with /paper are repositories; ``fate`` is how the next delivery ends."""

    name = "paper"

    def __init__(self):
        self.fate = None
        self.delivered = []

    def handles(self, url):
        return url.startswith("/paper")

    async def inspect(self, url):
        if not self.handles(url):
            raise Invalid(f"{url} is no repository: give a path that begins with /paper.", field="url")
        return RepoInfo(url=url, branch="main", branches=("main", "next"), head=BASE, dirty=("notes.txt",))

    async def changes(self, project, base, head):
        return [
            FileChange(path="x", status="modified", added=1, deleted=1),
            FileChange(path="caf\udce9", status="added"),
        ]

    async def diff(self, project, base, head, path=None):
        return DIFF

    async def deliver(self, project, change, *, strategy, message, author):
        if self.fate:
            raise self.fate
        self.delivered.append((strategy, message))
        return Delivery(branch=project.branch, commit="c" * 40)

    async def forget(self, project):
        pass

    prepare = reopen = None


class TwoModels(Llm):
    name = "two"

    async def models(self, tenant_id):
        return [Model(name="small", provider="p", input_price=5), Model(name="large", provider="p")]


@dataclass
class Answer:
    status: int
    headers: object
    text: str

    @property
    def json(self):
        return json.loads(self.text)


@dataclass
class Client:
    """A program with a token (or a browser with cookies) that talks to the server."""

    url: str
    session: aiohttp.ClientSession
    headers: dict = field(default_factory=dict)

    async def __call__(self, method, path, body=None, *, headers=None, **options):
        if body is not None:
            options["json"] = body
        path = path if path.startswith(("/signin", "/signout", "/page")) else f"/api/v1{path}"
        both = {**self.headers, **(headers or {})}
        options.setdefault("allow_redirects", False)
        async with self.session.request(method, self.url + path, headers=both, **options) as answer:
            return Answer(answer.status, answer.headers, await answer.text())


@pytest.fixture
def scm():
    return PaperScm()


@pytest.fixture
async def forge(tmp_path, scm):
    offers = Offers(
        agents={"shell": ShellAgent()},
        scms={"paper": scm},
        llms={"two": TwoModels()},
        choose_scm=lambda url: "paper",
        choose_agent=builtin.choose_agent,
        choose_model=builtin.choose_model,
        rank_run=lambda task, project: builtin.rank_run(task),
    )
    settings = Settings(data_dir=tmp_path, port=free_port(), default_agent="shell")
    store = await Store.open(tmp_path)
    yield Forge(settings, store, offers)
    await store.close()


@pytest.fixture
async def who(forge):
    return await forge.accounts.admin()


@pytest.fixture
def routes():
    """What a plugin would bring; tests that need some override this."""
    return ()


@pytest.fixture
async def site(forge, routes):
    async with listen(make_app(forge, routes), forge.settings) as site:
        yield site


@pytest.fixture
async def session(site):
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        yield session


@pytest.fixture
async def token(forge, who):
    return (await forge.accounts.new_token(who, "tests", ("read", "write", "admin")))[1]


@pytest.fixture
async def stranger(site, session):
    """A browser that is not signed in."""
    return Client(site.url, session)


@pytest.fixture
async def api(site, session, token):
    return Client(site.url, session, {"Authorization": f"Bearer {token}"})


@pytest.fixture
async def project(forge, who):
    return await forge.projects.add(who, "/paper/house")


@pytest.fixture
async def run(forge, who, project):
    """A queued run."""
    return (await forge.tasks.submit(who, project.id, "paint the door"))[1]


@pytest.fixture
def say(forge):
    """Adds events to the run's history, as its worker would."""

    async def add(run, *texts):
        await forge.coordinator.report(run.id, run.generation, [said(text) for text in texts])

    return add


@pytest.fixture
async def working(forge, run):
    """A run that a worker holds."""
    claimed = await forge.coordinator.claim("w")
    await forge.coordinator.report(run.id, claimed.run.generation, state=RunState.WORKING, base=BASE)
    return claimed.run


@pytest.fixture
async def reviewed(forge, working):
    """A run whose change waits for review."""
    change = Change(base=BASE, head=HEAD, files=2, added=1, deleted=1)
    await forge.coordinator.report(working.id, working.generation, state=RunState.REVIEW, change=change)
    return working
