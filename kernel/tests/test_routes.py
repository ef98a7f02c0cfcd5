"""Aliases, routes and the health of providers, on every kind of database."""

import pytest

from codeforge import Invalid, Llm, Model, Provider, RepoInfo, Route, Scm, Settings, Way, builtin
from codeforge.forge import Forge, Offers
from codeforge.llm import ModelRequest, ModelTarget
from codeforge.store import Store
from codeforge.store import tables as t


class PaperScm(Scm):
    name = "paper"

    async def inspect(self, url):
        return RepoInfo(url=url, branch="main", branches=("main",), head="0" * 40)

    async def forget(self, project):
        pass

    handles = prepare = reopen = changes = diff = deliver = None


class Two(Llm):
    name = "two"

    async def models(self, tenant_id):
        return [Model(name="p/a", provider="p"), Model(name="q/b", provider="q", note="slow")]


class Broken(Llm):
    name = "broken"
    models = None

    async def providers(self, tenant_id):
        raise RuntimeError("no idea")


@pytest.fixture
async def forge(tmp_path, database_url):
    store = await Store.open(tmp_path, database_url)
    offers = Offers(scms={"paper": PaperScm()}, llms={"two": Two()}, choose_scm=lambda url: "paper")
    yield Forge(Settings(data_dir=tmp_path), store, offers)
    await store.close()


@pytest.fixture
async def who(forge):
    return await forge.accounts.admin()


async def test_a_route_comes_back_as_it_was_set_and_is_a_model(forge, who):
    route = Route(
        ways=(Way(model="p/a", weight=2), Way(model="b", first_seconds=3.5), Way(model="fast", weight=0)),
        fall_back_on=frozenset({"error"}),
    )
    await forge.aliases.set(who, "fast", "a")
    await forge.aliases.set(who, "smart", route=route)
    found = await forge.aliases.routes(who.tenant_id)
    assert found["fast"] == Route(ways=(Way(model="p/a"),))
    assert found["smart"].ways[1] == Way(model="q/b", first_seconds=3.5)
    assert found["smart"].fall_back_on == {"error"}
    assert await forge.aliases.list(who.tenant_id) == {"fast": "p/a", "smart": "p/a"}
    smart = await forge.models.find(who, "smart")
    assert (smart.provider, smart.note) == ("p", "p/a (2) or q/b (1), then fast")


async def test_an_older_server_finds_the_first_model_of_a_route_and_its_aliases_are_routes(forge, who):
    await forge.aliases.set(who, "fast", route=Route(ways=(Way(model="q/b"), Way(model="p/a", weight=0))))
    [row] = await forge.store.read(who.tenant_id, lambda door: door.all(t.Alias))
    assert row["target"] == "q/b"
    await forge.store.run(who.tenant_id, lambda door: door.insert(t.Alias, name="old", target="p/a"))
    assert (await forge.aliases.routes(who.tenant_id))["old"] == Route(ways=(Way(model="p/a"),))


async def test_a_projects_aliases_go_with_it_and_are_no_other_projects(forge, who):
    one, other = [await forge.projects.add(who, f"/paper/{name}") for name in ("one", "other")]
    await forge.aliases.set(who, "fast", "p/a", project_id=one.id)
    assert (await forge.models.find(who, "fast", one.id)).provider == "p"
    assert await forge.aliases.routes(who.tenant_id, other.id) == {}
    with pytest.raises(Invalid, match="There is no model fast"):
        await forge.aliases.set(who, "smart", route=Route(ways=(Way(model="fast"),)), project_id=other.id)
    await forge.projects.remove(who, one.id)
    assert await forge.store.read(None, lambda door: door.all(t.ProjectAlias)) == []


async def test_the_health_of_providers_is_of_their_own_calls_of_a_week(forge, who):
    def call(provider, status, milliseconds, **values):
        figures = {"provider": provider, "model": f"{provider}/m", "streamed": False, "counted": "reported"}
        return forge.calls.record(who.tenant_id, **figures, status=status, milliseconds=milliseconds, **values)

    for milliseconds in (30, 10, 20):
        await call("p", 200, milliseconds)
    await call("p", 429, 1, error="slow down")
    await call("p", 499, 1, error="the agent went")
    await call("p", 200, 1, replayed=True)
    old = await call("q", 500, 5, error="long ago")
    await forge.store.run(None, lambda door: door.update(t.Call, t.Call.id == old, created_at=door.now() - 8 * 86400))
    [(name, health)] = (await forge.provider_health.list(who.tenant_id)).items()
    assert (name, health.calls, health.errors, health.latency, health.error) == ("p", 4, 0.25, 20, "slow down")
    assert await forge.provider_health.list("somebody else") == {}


async def test_a_source_that_fails_hides_no_other_providers(forge, who):
    async def providers(tenant_id):
        return [Provider(name="near", kind="ollama", found="this machine")]

    forge.offers.llms["broken"] = Broken()
    forge.offers.llms["two"].providers = providers
    await forge.providers.set(who, "mine", "openai", secret="sk-0123456789")
    assert [p.name for p in await forge.providers.all(who.tenant_id)] == ["mine", "near"]


@pytest.mark.parametrize(("chance", "chosen"), [(0, "a"), (0.24, "a"), (0.26, "b"), (0.99, "b")])
def test_a_target_is_drawn_by_weight_among_those_that_do_not_rest(chance, chosen):
    request = ModelRequest(
        tenant_id="t",
        project_id="p",
        run_id="r",
        name="fast",
        prompt=1,
        output=None,
        stream=False,
        tools=False,
        chance=chance,
    )
    targets = [
        ModelTarget(name="a", provider="x", weight=1),
        ModelTarget(name="b", provider="x", weight=3),
        ModelTarget(name="rests", provider="x", weight=9, rests_until=1.0),
        ModelTarget(name="fallback", provider="x", weight=0),
    ]
    assert builtin.choose_target(request, targets) == chosen
    assert builtin.choose_target(request, targets[2:]) is None
