"""Aliases: names that people choose, for models."""

from codeforge.forge import Forge
from codeforge.http import schemas
from codeforge.http.api import operation
from codeforge.http.schemas import Slug
from codeforge.model import Principal


@operation("GET", "/aliases")
async def list_aliases(forge: Forge, who: Principal) -> schemas.Page[schemas.Alias]:
    """List the aliases."""
    found = await forge.aliases.list(who.tenant_id)
    return schemas.Page(items=[schemas.Alias(name=name, target=target) for name, target in sorted(found.items())])


@operation("PUT", "/aliases/{name}", errors=(404,), scope="admin")
async def set_alias(forge: Forge, who: Principal, name: Slug, body: schemas.AliasEdit) -> schemas.Alias:
    """Make a name stand for a model."""
    await forge.aliases.set(who, name, body.target)
    return schemas.Alias(name=name, target=body.target)


@operation("DELETE", "/aliases/{name}", status=204, scope="admin")
async def remove_alias(forge: Forge, who: Principal, name: Slug) -> None:
    """Forget an alias; forgetting one that there is not changes nothing."""
    await forge.aliases.set(who, name, "")


OPERATIONS = (list_aliases, set_alias, remove_alias)
