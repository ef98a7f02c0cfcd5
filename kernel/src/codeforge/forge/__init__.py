"""The forge: the one object that pages, the API, the command line and plugins talk to.

It knows no plugin: the composition root (`codeforge.boot`) hands it what the hooks offered.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from codeforge.agents import AgentBackend
from codeforge.errors import NotFound, Unavailable
from codeforge.events import AgentEvent, Kind
from codeforge.forge import forecast as _forecast
from codeforge.forge import history as _history
from codeforge.forge import runs as _runs
from codeforge.forge.accounts import Accounts
from codeforge.forge.agents import Agents
from codeforge.forge.aliases import Aliases
from codeforge.forge.allowances import Allowances
from codeforge.forge.calls import Calls
from codeforge.forge.coordinator import ForgeCoordinator
from codeforge.forge.costs import Costs
from codeforge.forge.exchanges import Exchanges
from codeforge.forge.forecast import Forecast
from codeforge.forge.history import History
from codeforge.forge.key_file import KeyFile
from codeforge.forge.keys import Keys, RunKey
from codeforge.forge.limits import TenantLimits
from codeforge.forge.line import Line
from codeforge.forge.models import Models, Providers
from codeforge.forge.packs import Packs
from codeforge.forge.parts import Parts
from codeforge.forge.prices import PriceList
from codeforge.forge.projects import Projects
from codeforge.forge.provider_health import ProviderHealths
from codeforge.forge.reports import Reports
from codeforge.forge.reviews import Reviews
from codeforge.forge.runs import Runs
from codeforge.forge.schedules import Schedules
from codeforge.forge.space import Space
from codeforge.forge.tasks import Tasks
from codeforge.forge.workers import Workers
from codeforge.ids import new_id
from codeforge.llm import Llm, ModelRequest, ModelTarget, Provider
from codeforge.model import Health, Principal, Project, Run, Task
from codeforge.queues import Queue
from codeforge.sandboxes import Sandbox
from codeforge.scm import Scm
from codeforge.settings import Settings
from codeforge.store import Door, Store
from codeforge.ui import Panel
from codeforge.vault import Vault, cleaned, redact

log = logging.getLogger(__name__)
SECRETS_SECONDS = 5.0
"""How long keys that another server was given may be unknown here."""
__all__ = ["Forge", "Offers", "PluginFact", "Provider", "RunKey"]


@dataclass(frozen=True, kw_only=True, slots=True)
class PluginFact:
    """One installed plugin: what it brings, or why it is ``broken``."""

    name: str
    distribution: str
    version: str
    offers: tuple[str, ...] = ()
    broken: str = ""


async def _nobody_objects(run: Run, task: Task, project: Project) -> None:
    return None


async def _no_panels(run: Run) -> list[Panel]:
    return []


@dataclass(kw_only=True)
class Offers:
    """What the plugins brought: offers by name, decisions and moments as functions."""

    agents: dict[str, AgentBackend] = field(default_factory=dict)
    scms: dict[str, Scm] = field(default_factory=dict)
    sandboxes: dict[str, Sandbox] = field(default_factory=dict)
    llms: dict[str, Llm] = field(default_factory=dict)
    queue: Queue | None = None
    plugins: list[PluginFact] = field(default_factory=list)
    choose_scm: Callable[[str], str | None] = lambda url: None
    choose_agent: Callable[[Task, Project], str | None] = lambda task, project: None
    choose_model: Callable[[Task, Project], str | None] = lambda task, project: None
    choose_target: Callable[[ModelRequest, Sequence[ModelTarget]], str | None] = lambda request, targets: None
    rank_run: Callable[[Task, Project], int | None] = lambda task, project: None
    before_run: Callable[[Run, Task, Project], Awaitable[None]] = _nobody_objects
    panels: Callable[[Run], Awaitable[list[Panel]]] = _no_panels
    health: Callable[[], list[Health]] = list


class Forge:
    """CodeForge's facts and verbs, by what they are about.

    ``url`` is the server's own address once it listens, ``id`` tells its life from those of other servers.
    """

    def __init__(self, settings: Settings, store: Store, offers: Offers) -> None:
        self.settings, self.store, self.offers = settings, store, offers
        self.id = new_id()
        self.metrics = store.metrics
        self.url = ""
        self.vault, self.key_file = Vault(settings.key_path), KeyFile(self)
        self.history = History(store)
        self.accounts = Accounts(self)
        self.projects = Projects(self)
        self.tasks, self.schedules = Tasks(self), Schedules(self)
        self.line, self.limits = Line(self), TenantLimits(self)
        self.runs = Runs(self)
        self.reviews = Reviews(self)
        self.models, self.providers, self.aliases = Models(self), Providers(self), Aliases(self)
        self.provider_health = ProviderHealths(store)
        self.calls, self.costs, self.keys = Calls(self), Costs(self), Keys(self)
        self.exchanges = Exchanges(self)
        self.prices, self.budgets = PriceList(self), Allowances(self)
        self.coordinator = ForgeCoordinator(self)
        self.workers, self.packs, self.reports = Workers(self), Packs(self), Reports(self)
        self._known_secrets: dict[str, tuple[float, tuple[str, ...]]] = {}
        self.agents = Agents(self)
        self.parts, self.space = Parts(self), Space(self)

    def agent(self, name: str) -> AgentBackend:
        """The agent back end of that name. Raises `NotFound` with those there are."""
        if agent := self.offers.agents.get(name):
            return agent
        there_is = ", ".join(sorted(self.offers.agents)) or "none"
        raise NotFound(f"There is no agent {name}; there is {there_is}.", field="agent")

    async def forecast(self, who: Principal, project_id: str, *, agent: str = "", model: str = "") -> Forecast:
        """What a run will probably take; agent and model are the project's where not given.

        Raises `NotFound` (project, agent, model).
        """
        project = await self.projects.get(who, project_id)
        name = self.agent(agent or project.agent).name
        chosen = (await self.models.find(who, model or project.model)).name
        return await self.store.read(who.tenant_id, _forecast.of, project.id, name, chosen)

    async def ring(self, run_id: str) -> str:
        """Tell the workers that a run is ready; gives what is wrong when they can only be told later, by the relay."""
        try:
            if self.offers.queue:
                await self.offers.queue.ring(run_id)
        except Unavailable as error:
            return str(error)
        return ""

    async def announce(self, run: Run) -> None:
        """`ring` for a new run; its history says so when the workers cannot be told yet."""
        if wrong := await self.ring(run.id):
            await self.note(run, f"{wrong} The run waits until then; nothing is lost.")

    async def note(self, run: Run, text: str, **facts: Any) -> None:
        """Add a line to a run's history, with ``facts`` for programs; secrets in either become dots."""
        said = cleaned({"text": text, **facts}, await self.secrets(run.tenant_id))

        def work(door: Door) -> None:
            _history.append(door, _runs.row_of(door, run.id), [AgentEvent(Kind.PROGRESS, said)])

        await self.store.run(run.tenant_id, work)

    async def secrets(self, tenant_id: str) -> tuple[str, ...]:
        """The tenant's providers' keys, stored or known to a source of models, for redaction."""
        since, known = self._known_secrets.get(tenant_id, (0.0, ()))
        if time.monotonic() - since < SECRETS_SECONDS:
            return known
        found: set[str] = set()
        try:
            found.update(provider.secret or "" for provider in await self.providers.list(tenant_id))
            for llm in self.offers.llms.values():
                found.update(await llm.secrets(tenant_id))
        except Exception as error:  # a run's report must not fail for it, and a key nobody can read reaches no history
            log.warning("not all keys of providers are known for redaction: %s", error)
            return tuple(found)
        known = tuple(sorted(filter(None, found), key=len, reverse=True))
        self._known_secrets[tenant_id] = time.monotonic(), known
        return known

    async def clean(self, tenant_id: str, text: str) -> str:
        """The text with dots for every secret in it that is known: for what people, agents and providers wrote."""
        return redact(text, await self.secrets(tenant_id))

    async def forget_secrets(self, tenant_id: str) -> None:
        """Read the tenant's keys again when they are needed next: they have changed."""
        self._known_secrets.pop(tenant_id, None)
