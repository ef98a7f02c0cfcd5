"""Providers: where models come from. Keys go in and never come out."""

from codeforge.forge import Forge, Provider
from codeforge.forge.provider_health import ProviderHealth
from codeforge.http import schemas
from codeforge.http.api import operation
from codeforge.http.schemas import Slug
from codeforge.model import Principal


def _shape(provider: Provider, health: ProviderHealth | None) -> schemas.Provider:
    return schemas.Provider(
        name=provider.name,
        kind=provider.kind,
        base_url=provider.base_url,
        has_key=bool(provider.secret),
        settings=provider.settings,
        found=provider.found,
        health=schemas.ProviderHealth.of(health or ProviderHealth()),
    )


@operation("GET", "/providers")
async def list_providers(forge: Forge, who: Principal) -> schemas.Page[schemas.Provider]:
    """List the providers, those that were added and those that were found, without their keys."""
    health = await forge.provider_health.list(who.tenant_id)
    found = await forge.providers.all(who.tenant_id)
    return schemas.Page(items=[_shape(provider, health.get(provider.name)) for provider in found])


@operation("GET", "/provider-kinds")
async def list_provider_kinds(forge: Forge) -> schemas.Page[schemas.ProviderKind]:
    """List the kinds of providers, each with what is asked for to add one."""
    return schemas.Page(items=[schemas.ProviderKind.of(kind) for kind in forge.providers.kinds().values()])


@operation("PUT", "/providers/{name}", scope="admin")
async def set_provider(
    forge: Forge, who: Principal, name: Slug, body: schemas.ProviderEdit, test: bool = True
) -> schemas.Provider:
    """Add a provider, or change it. With ``test`` it is asked first, and nothing is kept unless it takes its key."""
    given = body.model_dump(exclude={"key"})
    provider = await forge.providers.set(who, name, **given, secret=body.key, test=test)
    return _shape(provider, (await forge.provider_health.list(who.tenant_id)).get(name))


@operation("POST", "/providers/{name}/test", errors=(404,), scope="admin")
async def test_provider(forge: Forge, who: Principal, name: Slug) -> schemas.Health:
    """Ask a provider by a real call whether it takes its key."""
    return schemas.Health.of(await forge.providers.test(who, name))


@operation("DELETE", "/providers/{name}", status=204, errors=(404,), scope="admin")
async def remove_provider(forge: Forge, who: Principal, name: Slug) -> None:
    """Forget a provider and its key."""
    await forge.providers.remove(who, name)


OPERATIONS = (list_providers, list_provider_kinds, set_provider, test_provider, remove_provider)
