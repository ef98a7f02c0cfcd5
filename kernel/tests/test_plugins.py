"""The plugin host: what is found is told apart from what is broken, and a broken one hurts itself only."""

import asyncio
import importlib
import sys
import textwrap

import pytest

from codeforge import Refusal, RunFailure, hookimpl
from codeforge.plugins import Plugins
from codeforge.settings import Settings


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Fake installed distributions: install("name", source, entry="point")."""
    monkeypatch.syspath_prepend(tmp_path)

    def make(module: str, source: str, *, entry: str = "", version: str = "1.2") -> None:
        monkeypatch.delitem(sys.modules, module, raising=False)
        importlib.invalidate_caches()
        (tmp_path / f"{module}.py").write_text(textwrap.dedent(source))
        info = tmp_path / f"{module}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(f"[codeforge]\n{entry or module} = {module}\n")

    return make


def facts(plugins: Plugins) -> dict:
    return {fact.name: fact for fact in plugins.facts()}


GOOD = """
from codeforge import AgentBackend, hookimpl
class Echo(AgentBackend):
    name = "NAME"
    async def run(self, job):
        yield None
@hookimpl
def register_agents():
    return [Echo()]
"""


def test_a_good_plugin_is_listed_with_its_version_and_what_it_brings(install, tmp_path):
    install("stranger_echo", GOOD.replace("NAME", "echo"))
    plugins = Plugins()
    assert "echo" in plugins.agents(Settings(data_dir=tmp_path))
    fact = facts(plugins)["stranger_echo"]
    assert (fact.version, fact.broken, fact.offers) == ("1.2", "", ("agent echo",))


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("raise RuntimeError('no licence')", "it cannot be imported: RuntimeError: no licence"),
        ("import sys; sys.exit(3)", "it cannot be imported: SystemExit: 3"),
        ("import nowhere", "it cannot be imported: ModuleNotFoundError: No module named 'nowhere'"),
        ("x = 1", "it implements no hook: mark its functions with @hookimpl"),
        (
            "from codeforge import hookimpl\n@hookimpl\ndef register_agnets(): return []",
            "there is no hook register_agnets: did you mean register_agents?",
        ),
        (
            "from codeforge import hookimpl\n@hookimpl\nasync def register_agents(): return []",
            "its register_agents is written with `async def`, but this hook takes `def`",
        ),
        (
            "from codeforge import hookimpl\n@hookimpl\ndef on_event(run): pass",
            "its on_event is written with `def`, but this hook takes `async def`",
        ),
    ],
)
def test_a_broken_plugin_is_listed_with_its_reason_and_the_rest_starts(install, tmp_path, source, reason):
    install("stranger_bad", source)
    install("stranger_good", GOOD.replace("NAME", "fine"))
    plugins = Plugins()
    assert facts(plugins)["stranger_bad"].broken == reason
    assert "fine" in plugins.agents(Settings(data_dir=tmp_path))


def test_an_argument_that_a_hook_does_not_have_breaks_the_plugin(install):
    install("stranger_arg", "from codeforge import hookimpl\n@hookimpl\ndef choose_scm(url, weather): return None")
    assert "weather" in facts(Plugins())["stranger_arg"].broken


def test_an_offer_that_raises_breaks_its_plugin_alone(install, tmp_path):
    install(
        "stranger_boom", "from codeforge import hookimpl\n@hookimpl\ndef register_agents(): raise ValueError('boom')"
    )
    install("stranger_fine", GOOD.replace("NAME", "fine"))
    plugins = Plugins()
    assert "fine" in plugins.agents(Settings(data_dir=tmp_path))
    assert facts(plugins)["stranger_boom"].broken == "its register_agents failed: ValueError: boom"


def test_a_plugin_whose_agent_has_a_taken_name_is_broken_and_the_first_stays(install, tmp_path):
    install("stranger_a", GOOD.replace("NAME", "same"))
    install("stranger_b", GOOD.replace("NAME", "same"))
    plugins = Plugins()
    assert type(plugins.agents(Settings(data_dir=tmp_path))["same"]).__module__ == "stranger_a"
    assert facts(plugins)["stranger_b"].broken == "its agent same is taken by stranger_a"


def test_a_plugin_with_a_taken_entry_point_name_is_listed_beside_the_first(install):
    install("stranger_one", GOOD.replace("NAME", "one"), entry="twice")
    install("stranger_two", GOOD.replace("NAME", "two"), entry="twice")
    found = facts(Plugins())
    assert found["twice"].distribution == "stranger_one"
    assert found["twice (stranger_two)"].broken == "its name twice is taken by stranger_one: uninstall one of the two"


def test_a_disabled_plugin_is_not_imported(install):
    install("stranger_off", "raise SystemExit('imported')")
    assert "switched off" in facts(Plugins(("stranger_off",)))["stranger_off"].broken


class Refuses:
    @hookimpl
    async def before_run(self):
        raise Refusal("not on a Friday")


class Fails:
    @hookimpl
    async def before_run(self):
        raise KeyError("oops")

    @hookimpl
    async def on_event(self):
        raise KeyError("oops")

    @hookimpl
    def choose_scm(self, url):
        raise KeyError("oops")


class Listens:
    def __init__(self):
        self.heard = []

    @hookimpl
    async def on_event(self, event):
        self.heard.append(event)

    @hookimpl
    def choose_scm(self, url):
        return "mine" if url == "mine:" else None


def test_before_run_fails_closed():
    with pytest.raises(RunFailure, match="refuses refused this run: not on a Friday") as refused:
        asyncio.run(Plugins(extra={"refuses": Refuses()}).before_run(None, None, None))
    assert refused.value.reason == "refused"
    with pytest.raises(RunFailure, match="fails failed before the run") as failed:
        asyncio.run(Plugins(extra={"fails": Fails()}).before_run(None, None, None))
    assert failed.value.reason == "internal"


class BrokenGuard:
    @hookimpl
    def register_agents(self):
        raise KeyError("oops")

    @hookimpl
    async def before_run(self):
        """Would refuse some runs, were it not broken."""


def test_no_run_passes_a_guard_that_broke(tmp_path):
    plugins = Plugins(extra={"guard": BrokenGuard()})
    asyncio.run(plugins.before_run(None, None, None))
    plugins.agents(Settings(data_dir=tmp_path))
    with pytest.raises(RunFailure, match="The plugin guard guards runs, but is broken"):
        asyncio.run(plugins.before_run(None, None, None))


def test_a_failing_listener_stops_nobody_else():
    listens = Listens()
    plugins = Plugins(extra={"fails": Fails(), "listens": listens, "fails_too": Fails()})
    asyncio.run(plugins.on_event(None, "news"))
    assert listens.heard == ["news"]


def test_a_decision_falls_to_the_next_when_one_fails_or_has_no_opinion():
    plugins = Plugins(extra={"listens": Listens(), "fails": Fails()})
    assert plugins.choose_scm("mine:", {}) == "mine"
    assert plugins.choose_scm("other:", {}) is None


def test_a_plugin_may_bring_hooks_of_its_own(install, tmp_path):
    install(
        "stranger_specs",
        """
        from codeforge import hookimpl, hookspec
        class Specs:
            @hookspec
            def brew_tea(self): "Tea."
        @hookimpl
        def register_hookspecs():
            return Specs
        @hookimpl
        def brew_tea():
            return "oolong"
        """,
    )
    assert facts(Plugins())["stranger_specs"].broken == ""
