"""Providers: where models come from. Keys go in and never come out."""

from codeforge.forge import Forge, Provider
from codeforge.http import schemas
from codeforge.http.api import operation
from codeforge.http.schemas import Slug
from codeforge.model import Principal


def _shape(provider: Provider) -> schemas.Provider:
    return schemas.Provider(
        name=provider.name,
        kind=provider.kind,
        base_url=provider.base_url,
        has_key=bool(provider.secret),
        settings=provider.settings,
    )


@operation("GET", "/providers")
async def list_providers(forge: Forge, who: Principal) -> schemas.Page[schemas.Provider]:
    """List the providers, without their keys."""
    return schemas.Page(items=[_shape(provider) for provider in await forge.providers.list(who.tenant_id)])


@operation("PUT", "/providers/{name}", scope="admin")
async def set_provider(forge: Forge, who: Principal, name: Slug, body: schemas.ProviderEdit) -> schemas.Provider:
    """Add a provider, or change it."""
    given = body.model_dump(exclude={"key"})
    return _shape(await forge.providers.set(who, name, **given, secret=body.key))


@operation("DELETE", "/providers/{name}", status=204, errors=(404,), scope="admin")
async def remove_provider(forge: Forge, who: Principal, name: Slug) -> None:
    """Forget a provider and its key."""
    await forge.providers.remove(who, name)


OPERATIONS = (list_providers, set_provider, remove_provider)
