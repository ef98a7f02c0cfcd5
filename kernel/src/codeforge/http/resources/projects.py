"""Projects: repositories under management."""

from dataclasses import replace
from typing import Annotated

from codeforge.errors import Invalid
from codeforge.forge import Forge
from codeforge.http import schemas
from codeforge.http.api import Header, operation
from codeforge.http.once import Made
from codeforge.http.schemas import Id
from codeforge.model import Hours, Limits, Principal


@operation("GET", "/projects")
async def list_projects(forge: Forge, who: Principal) -> schemas.Page[schemas.Project]:
    """List all projects, by name."""
    return schemas.Page(items=[schemas.Project.of(p) for p in await forge.projects.list(who)])


async def _added(forge: Forge, who: Principal, made: Made) -> schemas.Project:
    return schemas.Project.of(await forge.projects.get(who, made["project"]))


@operation("POST", "/projects", status=201, errors=(404, 409), once=_added)
async def add_project(forge: Forge, who: Principal, body: schemas.NewProject) -> schemas.Project:
    """Take a repository in."""
    given = body.model_dump(exclude={"limits"})
    limits = Limits(**body.limits.model_dump()) if body.limits else None
    return schemas.Project.of(await forge.projects.add(who, **given, limits=limits))


@operation("POST", "/projects/inspect", errors=(404,))
async def inspect_repository(forge: Forge, who: Principal, body: schemas.Place) -> schemas.Repository:
    """Look at a repository without keeping anything: what a form asks while an address is typed."""
    scm, info = await forge.projects.inspect(who, body.url)
    return schemas.Repository(
        url=info.url, scm=scm.name, branch=info.branch, branches=[*info.branches], head=info.head, dirty=[*info.dirty]
    )


@operation("GET", "/projects/{id}", errors=(404,))
async def read_project(forge: Forge, who: Principal, id: Id) -> schemas.Project:
    """Read one project; its ETag is for an edit's If-Match."""
    return schemas.Project.of(await forge.projects.get(who, id))


@operation("PATCH", "/projects/{id}", errors=(404, 409, 412))
async def edit_project(
    forge: Forge,
    who: Principal,
    id: Id,
    body: schemas.ProjectEdit,
    if_match: Annotated[str | None, Header("If-Match")] = None,
) -> schemas.Project:
    """Change a project's settings. With If-Match only when nobody else was quicker."""
    values = body.model_dump(exclude_unset=True)
    if "limits" in values:
        values["limits"] = replace((await forge.projects.get(who, id)).limits, **values["limits"])
    if body.hours:
        values["hours"] = Hours(**{**body.hours.model_dump(), "days": tuple(body.hours.days)})
    return schemas.Project.of(await forge.projects.edit(who, id, version=_version(if_match), **values))


@operation("DELETE", "/projects/{id}", status=204, errors=(404, 409))
async def remove_project(forge: Forge, who: Principal, id: Id) -> None:
    """Forget a project with its tasks and runs; the repository itself stays as it is."""
    await forge.projects.remove(who, id)


@operation("GET", "/projects/{id}/health", errors=(404,))
async def read_project_health(forge: Forge, who: Principal, id: Id) -> schemas.Health:
    """Say whether the repository answers now and still has the project's branch."""
    return schemas.Health.of(await forge.projects.health(who, id))


@operation("GET", "/projects/{id}/disk", errors=(404,))
async def read_project_disk(forge: Forge, who: Principal, id: Id) -> schemas.ProjectDisk:
    """Say what a project takes on disks, measured at most half a minute ago."""
    return schemas.ProjectDisk.of(await forge.space.of(who, id))


def _version(if_match: str | None) -> int | None:
    if if_match is None or if_match.strip() == "*":
        return None
    tag = if_match.strip().strip('"')
    if not tag.isascii() or not tag.isdecimal() or len(tag) > 18:
        raise Invalid('If-Match must be the ETag that the project was read with, such as "3".', field="If-Match")
    return int(tag)


OPERATIONS = (
    list_projects,
    add_project,
    inspect_repository,
    read_project,
    edit_project,
    remove_project,
    read_project_health,
    read_project_disk,
)
