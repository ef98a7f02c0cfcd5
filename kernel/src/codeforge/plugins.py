"""The plugin host: finds plugins by their entry points, keeps the broken ones apart, and calls hooks with types."""

from __future__ import annotations

import difflib
import inspect
import logging
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

import pluggy

from codeforge import __version__, builtin, hookspecs
from codeforge.errors import Invalid, Refusal, RunFailure
from codeforge.hooks import GROUP, PROJECT
from codeforge.model import Health, Project, Reason, Run, Task

if TYPE_CHECKING:
    import click
    from aiohttp import web

    from codeforge.agents import AgentBackend
    from codeforge.events import Event
    from codeforge.forge import Forge, PluginFact
    from codeforge.llm import Llm, ModelRequest, ModelTarget
    from codeforge.queues import Queue
    from codeforge.sandboxes import Sandbox
    from codeforge.scm import Scm
    from codeforge.settings import Settings
    from codeforge.ui import Panel

T = TypeVar("T")
log = logging.getLogger(__name__)


class Plugins:
    """The installed plugins of one application; a test, a server and a command each build their own.

    ``extra`` are plugin objects by name that are not installed: an embedding program's own, or a test's.
    """

    def __init__(self, disabled: tuple[str, ...] = (), extra: Mapping[str, object] | None = None) -> None:
        self._pluggy = pluggy.PluginManager(PROJECT)
        self._pluggy.add_hookspecs(hookspecs)
        self._found: dict[str, dict[str, Any]] = {}
        self._lost_guards: dict[str, str] = {}
        self._offered: dict[tuple[str, str], str] = {}
        ours = {"builtin": builtin, **(extra or {})}
        for name in ours:
            self._found[name] = {"distribution": "codeforge-kernel", "version": __version__, "offers": [], "broken": ""}
        loaded = [*ours.items(), *(found for entry in _entries() if (found := self._load(entry, disabled)))]
        for name, plugin in loaded:  # a plugin's own specifications come before anybody's implementations
            self._add_specs(name, plugin)
        for name, plugin in loaded:
            self._register(name, plugin)

    # ---- what is installed

    def facts(self) -> list[PluginFact]:
        """Every plugin found: what it brings, or why it is broken."""
        from codeforge.forge import PluginFact

        return [
            PluginFact(name=name, **{**found, "offers": tuple(found["offers"])})
            for name, found in sorted(self._found.items())
        ]

    # ---- offers

    def agents(self, settings: Settings) -> dict[str, AgentBackend]:
        return self._named("register_agents", "agent", settings=settings)

    def scms(self, settings: Settings) -> dict[str, Scm]:
        return self._named("register_scms", "repositories", settings=settings)

    def llms(self, forge: Forge) -> dict[str, Llm]:
        return self._named("register_llms", "models", forge=forge)

    def sandboxes(self, settings: Settings) -> dict[str, Sandbox]:
        return self._named("register_sandboxes", "sandbox", settings=settings)

    def queues(self, settings: Settings) -> dict[str, Queue]:
        return self._named("register_queues", "queue", settings=settings)

    def queue(self, settings: Settings) -> Queue:
        """The installed queue that speaks the scheme of ``broker_url``. Raises `Invalid`."""
        scheme = urlsplit(settings.broker_url).scheme
        queues = self.queues(settings)
        for queue in queues.values():
            if scheme in queue.schemes:
                return queue
        there_is = ", ".join(f"{s}://" for queue in queues.values() for s in queue.schemes) or "none"
        raise Invalid(f"No installed queue speaks {scheme}:// (setting broker_url); there is {there_is}.")

    def routes(self, forge: Forge) -> list[web.RouteDef]:
        return [route for _, routes in self._offers("register_routes", forge=forge) for route in routes]

    def commands(self, settings: Settings) -> dict[str, click.Command]:
        return self._named("register_commands", "command", settings=settings)

    def health(self, forge: Forge) -> list[Health]:
        """A check that fails is bad health, and no end of a plugin that may guard runs."""
        found: list[Health] = []
        for name, call in list(self._calls("register_health_checks", forge=forge))[::-1]:
            try:
                found += call()
            except Exception as error:
                log.exception("register_health_checks of plugin %s failed", name)
                found.append(Health(name=name, ok=False, detail=f"its health check failed: {_words(error)}"))
        return found

    @asynccontextmanager
    async def alive(self, forge: Forge) -> AsyncIterator[None]:
        """Within the plugins' lifespans; one that cannot be entered breaks its plugin, and the rest lives."""
        async with AsyncExitStack() as stack:
            for name, manager in self._offers("lifespan", forge=forge):
                try:
                    await stack.enter_async_context(manager)
                except Exception as error:
                    self._break(name, f"its lifespan failed: {_words(error)}")
            yield

    # ---- decisions

    def choose_scm(self, url: str, scms: dict[str, Scm]) -> str | None:
        return self._first(str, "choose_scm", url=url, scms=scms)

    def choose_agent(self, task: Task, project: Project) -> str | None:
        return self._first(str, "choose_agent", task=task, project=project)

    def choose_model(self, task: Task, project: Project) -> str | None:
        return self._first(str, "choose_model", task=task, project=project)

    def choose_target(self, request: ModelRequest, targets: Sequence[ModelTarget]) -> str | None:
        return self._first(str, "choose_target", request=request, targets=targets)

    def rank_run(self, task: Task, project: Project) -> int | None:
        return self._first(int, "rank_run", task=task, project=project)

    # ---- moments

    async def before_run(self, run: Run, task: Task, project: Project) -> None:
        """Raises `RunFailure` ("refused" with the plugin's words, or "internal" when a plugin failed).

        A guard that broke after it was found guards no run any more, so none is let through.
        """
        for name, reason in self._lost_guards.items():
            raise RunFailure(
                Reason.REFUSED,
                f"The plugin {name} guards runs, but is broken ({reason}): mend it, or name it in disabled_plugins.",
            )
        for name, call in self._calls("before_run", run=run, task=task, project=project):
            try:
                await call()
            except Refusal as refusal:
                raise RunFailure(Reason.REFUSED, f"{name} refused this run: {refusal}") from refusal
            except Exception as error:
                log.exception("before_run of plugin %s failed", name)
                raise RunFailure(
                    Reason.INTERNAL, f"The plugin {name} failed before the run: {_words(error)}"
                ) from error

    async def on_event(self, run: Run, event: Event) -> None:
        for name, call in self._calls("on_event", run=run, event=event):
            try:
                await call()
            except Exception:
                log.exception("on_event of plugin %s failed", name)

    def listens(self) -> bool:
        """Whether any plugin wants to hear of events."""
        return bool(self._pluggy.hook.on_event.get_hookimpls())

    async def panels(self, run: Run) -> list[Panel]:
        panels: list[Panel] = []
        for name, call in self._calls("ui_panels", run=run):
            try:
                panels += await call()
            except Exception:
                log.exception("ui_panels of plugin %s failed", name)
        return panels

    # ---- below: the only place that touches pluggy

    def _load(self, entry: EntryPoint, disabled: tuple[str, ...]) -> tuple[str, object] | None:
        distribution = entry.dist.name if entry.dist else "?"
        version = entry.dist.version if entry.dist else "?"
        name = entry.name
        if taken := self._found.get(name):
            name = f"{name} ({distribution})"
            reason = f"its name {entry.name} is taken by {taken['distribution']}: uninstall one of the two"
            self._found[name] = {"distribution": distribution, "version": version, "offers": [], "broken": reason}
            return None
        self._found[name] = {"distribution": distribution, "version": version, "offers": [], "broken": ""}
        if name in disabled:
            self._found[name]["broken"] = "it is switched off by the setting disabled_plugins"
            return None
        try:
            return name, entry.load()
        except (Exception, SystemExit) as error:
            self._break(name, f"it cannot be imported: {_words(error)}")
            return None

    def _add_specs(self, name: str, plugin: object) -> None:
        if specs := getattr(plugin, "register_hookspecs", None):
            try:
                self._pluggy.add_hookspecs(specs())
            except Exception as error:
                self._break(name, f"its register_hookspecs failed: {_words(error)}")

    def _register(self, name: str, plugin: object) -> None:
        if self._found[name]["broken"]:
            return
        if reason := self._fault(plugin):
            self._break(name, reason)
            return
        try:
            self._pluggy.register(plugin, name)
        except (pluggy.PluginValidationError, ValueError) as error:
            if self._pluggy.has_plugin(name):
                self._pluggy.unregister(name=name)
            self._break(name, " ".join(str(error).split()))

    def _fault(self, plugin: object) -> str:
        """What is wrong with a plugin's hooks, in words, or ""."""
        hooks = {
            options.get("specname") or name: getattr(plugin, name)
            for name in dir(plugin)
            if (options := self._pluggy.parse_hookimpl_opts(plugin, name)) is not None
        }
        if not hooks:
            return "it implements no hook: mark its functions with @hookimpl"
        for name, function in hooks.items():
            caller = getattr(self._pluggy.hook, name, None)
            if caller is None or caller.spec is None:
                known = [n for n in vars(self._pluggy.hook) if not n.startswith("_")]
                near = difflib.get_close_matches(name, known, 1)
                return f"there is no hook {name}" + (f": did you mean {near[0]}?" if near else "")
            if inspect.iscoroutinefunction(function) != inspect.iscoroutinefunction(caller.spec.function):
                right, wrong = (
                    ("async def", "def") if inspect.iscoroutinefunction(caller.spec.function) else ("def", "async def")
                )
                return f"its {name} is written with `{wrong}`, but this hook takes `{right}`"
        return ""

    def _break(self, name: str, reason: str) -> None:
        log.warning("plugin %s is broken: %s", name, reason)
        self._found[name]["broken"] = reason
        if self._pluggy.has_plugin(name):
            if any(impl.plugin_name == name for impl in self._pluggy.hook.before_run.get_hookimpls()):
                self._lost_guards[name] = reason
            self._pluggy.unregister(name=name)

    def _calls(self, hook: str, **arguments: Any) -> Iterator[tuple[str, Callable[[], Any]]]:
        """Each implementation with its plugin's name, in pluggy's order, ready to be called with what it takes."""
        for impl in reversed(getattr(self._pluggy.hook, hook).get_hookimpls()):
            own = {name: arguments[name] for name in impl.argnames}
            yield impl.plugin_name, partial(impl.function, **own)

    def _offers(self, hook: str, **arguments: Any) -> Iterator[tuple[str, Any]]:
        """What each plugin offers; one that raises is broken from then on."""
        for name, call in list(self._calls(hook, **arguments))[::-1]:
            try:
                result = call()
                yield name, list(result) if hook.startswith("register_") else result
            except Exception as error:
                self._break(name, f"its {hook} failed: {_words(error)}")

    def _named(self, hook: str, what: str, **arguments: Any) -> dict[str, Any]:
        """Offers by their names; a plugin that brings a name which is taken is broken."""
        offers: dict[str, Any] = {}
        for plugin, found in self._offers(hook, **arguments):
            for offer in found:
                if offer.name in offers:
                    self._break(plugin, f"its {what} {offer.name} is taken by {self._offered[hook, offer.name]}")
                    break
                offers[offer.name] = offer
                self._offered[hook, offer.name] = plugin
                self._found[plugin]["offers"].append(f"{what} {offer.name}")
        return offers

    def _first(self, answers: type[T], hook: str, **arguments: Any) -> T | None:
        for name, call in self._calls(hook, **arguments):
            try:
                if isinstance(answer := call(), answers):
                    return answer
            except Exception:
                log.exception("%s of plugin %s failed", hook, name)
        return None


def _entries() -> list[EntryPoint]:
    return sorted(entry_points(group=GROUP), key=lambda e: (e.name, e.dist.name if e.dist else ""))


def _words(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0][:300]
