"""Aliases: names that people choose, for models and routes of models."""

from codeforge.forge import Forge
from codeforge.http import schemas
from codeforge.http.api import operation
from codeforge.http.schemas import Id, Slug
from codeforge.model import Principal


@operation("GET", "/aliases", errors=(404,))
async def list_aliases(forge: Forge, who: Principal, project_id: Id = "") -> schemas.Page[schemas.Alias]:
    """List the tenant's aliases, or those that count in one project."""
    if project_id:
        await forge.projects.get(who, project_id)
    found = await forge.aliases.routes(who.tenant_id, project_id)
    own = await forge.aliases.own(who.tenant_id, project_id)
    made = [schemas.Alias.made(name, found[name], project_id if name in own else None) for name in sorted(found)]
    return schemas.Page(items=made)


@operation("PUT", "/aliases/{name}", errors=(404,), scope="admin")
async def set_alias(
    forge: Forge, who: Principal, name: Slug, body: schemas.AliasEdit, project_id: Id = ""
) -> schemas.Alias:
    """Let a name stand for a model or a route, in the tenant or in one project. It counts from the next call on."""
    route = body.route.fact() if body.route else None
    await forge.aliases.set(who, name, body.target or "", route=route, project_id=project_id)
    found = await forge.aliases.routes(who.tenant_id, project_id)
    return schemas.Alias.made(name, found[name], project_id or None)


@operation("DELETE", "/aliases/{name}", status=204, errors=(404,), scope="admin")
async def remove_alias(forge: Forge, who: Principal, name: Slug, project_id: Id = "") -> None:
    """Forget an alias, the tenant's or a project's; forgetting one that there is not changes nothing."""
    await forge.aliases.set(who, name, project_id=project_id)


OPERATIONS = (list_aliases, set_alias, remove_alias)
