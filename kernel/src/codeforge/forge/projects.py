"""Projects: repositories under management, looked at before they are taken in."""

from __future__ import annotations

import dataclasses
from dataclasses import asdict
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from codeforge.errors import Conflict, Invalid, NotFound, Stale
from codeforge.forge import needs, rows
from codeforge.forge.workers import named
from codeforge.ids import new_id
from codeforge.model import ENDED, Health, Limits, Permissions, Principal, Project
from codeforge.sandboxes import hosts
from codeforge.scheduler import check_hours
from codeforge.scm import RepoInfo, Scm
from codeforge.store import Door
from codeforge.store import tables as t

if TYPE_CHECKING:
    from codeforge.forge import Forge


def find(door: Door, project_id: str) -> Project:
    """The tenant's project. Raises `NotFound`."""
    if row := door.one(t.Project, t.Project.id == project_id):
        return rows.project(row)
    raise NotFound(f"There is no project {project_id}.")


def _add(door: Door, project: Project) -> Project:
    if door.one(t.Project, t.Project.name == project.name):
        raise Conflict(f"There is a project named {project.name} already: choose another name.", field="name")
    door.insert(t.Project, **{**asdict(project), "created_at": door.now()})
    return find(door, project.id)


def _edit(door: Door, project_id: str, version: int | None, values: dict[str, Any]) -> Project:
    project = find(door, project_id)
    if version is not None and version != project.version:
        raise Stale("Somebody else changed this project meanwhile: load it again, then repeat your change.")
    same_name = door.one(t.Project, t.Project.name == values.get("name"), t.Project.id != project_id)
    if same_name:
        raise Conflict(f"There is a project named {values['name']} already: choose another name.", field="name")
    door.update(t.Project, t.Project.id == project_id, **values, version=project.version + 1)
    return find(door, project_id)


def _remove(door: Door, project_id: str) -> Project:
    project = find(door, project_id)
    if door.one(t.Run, t.Run.project_id == project_id, t.Run.state.not_in(list(ENDED))):
        raise Conflict(f"{project.name} has runs under way: stop them first.")
    needs.forget(door, project_id)
    runs = t.Run.select(t.Run.id).where(t.Run.project_id == project_id)
    tasks = t.Task.select(t.Task.id).where(t.Task.project_id == project_id)
    for scope, ids in (("run", runs), ("task", tasks)):
        door.delete(t.Budget, t.Budget.scope == scope, t.Budget.scope_id.in_(ids))
    door.delete(t.Budget, t.Budget.scope == "project", t.Budget.scope_id == project_id)
    for of_run in (t.Event, t.Message, t.Artifact, t.RunKey, t.Exchange):
        door.delete(of_run, of_run.run_id.in_(runs))
    for of_project in (t.Run, t.Task, t.Schedule, t.Pack, t.ProjectAlias):
        door.delete(of_project, of_project.project_id == project_id)
    door.delete(t.Project, t.Project.id == project_id)
    return project


class Projects:
    """The tenant's projects. Every method takes who asks, and sees only that tenant's."""

    def __init__(self, forge: Forge) -> None:
        self._forge = forge

    def scm(self, name: str) -> Scm:
        """The kind of repository by name. Raises `NotFound`."""
        if scm := self._forge.offers.scms.get(name):
            return scm
        raise NotFound(f"No plugin for {name} repositories is installed: run `codeforge plugins` to see what is.")

    async def inspect(self, who: Principal, url: str) -> tuple[Scm, RepoInfo]:
        """Look at a repository without keeping anything. Raises `Invalid`, `Unavailable` or `Forbidden`."""
        if not url.strip():
            raise Invalid("Give the repository's address or path.", field="url")
        name = self._forge.offers.choose_scm(url)
        if name is None:
            raise Invalid(
                f"No installed plugin handles {url}: give a Git address or the path of a folder.", field="url"
            )
        scm = self.scm(name)
        return scm, await scm.inspect(url)

    async def add(
        self,
        who: Principal,
        url: str,
        *,
        name: str = "",
        branch: str = "",
        agent: str = "",
        model: str = "",
        check: str = "",
        limits: Limits | None = None,
        disk_mb: int | None = None,
        permissions: Permissions = "allow",
    ) -> Project:
        """Take a repository in; what is empty gets a default from the repository or the settings.

        Raises what `inspect` raises, `Conflict` for a name that is taken, `Invalid` for an unknown branch,
        agent or model.
        """
        scm, info = await self.inspect(who, url)
        if branch and branch not in info.branches:
            raise Invalid(f"{url} has no branch {branch}; it has {_some(info.branches)}.", field="branch")
        project = Project(
            id=new_id(),
            tenant_id=who.tenant_id,
            name=name.strip() or PurePosixPath(info.url.rstrip("/")).name.removesuffix(".git") or "project",
            url=info.url,
            scm=scm.name,
            branch=branch or info.branch,
            agent=self._forge.agent(agent).name if agent else self._forge.settings.default_agent,
            model=(await self._forge.models.find(who, model)).name if model else self._forge.settings.default_model,
            check=check,
            limits=limits or Limits(),
            disk_mb=disk_mb,
            permissions=permissions,
            created_at=rows.moment(0),
        )
        return await self._forge.store.run(who.tenant_id, _add, project)

    async def list(self, who: Principal) -> list[Project]:
        """All projects, by name."""
        found = await self._forge.store.read(who.tenant_id, lambda door: door.all(t.Project))
        return sorted((rows.project(row) for row in found), key=lambda p: p.name.lower())

    async def get(self, who: Principal, project_id: str) -> Project:
        """One project. Raises `NotFound`."""
        return await self._forge.store.read(who.tenant_id, find, project_id)

    async def edit(self, who: Principal, project_id: str, *, version: int | None = None, **values: Any) -> Project:
        """Change ``name``, ``branch``, ``agent``, ``model``, ``check``, ``limits``, ``labels``, ``max_runs``,
        ``hours``, ``disk_mb``, ``allowed_hosts`` or ``permissions``; ``max_runs``, ``hours``, ``disk_mb`` may be None.

        ``version`` is the one that the person saw; `Stale` when somebody was quicker.
        """
        allowed = {f.name for f in dataclasses.fields(Project)} - {
            "id",
            "tenant_id",
            "url",
            "scm",
            "created_at",
            "version",
        }
        if unknown := set(values) - allowed:
            raise Invalid(f"{min(unknown)} of a project cannot be changed.", field=min(unknown))
        if agent := values.get("agent"):
            self._forge.agent(agent)
        if model := values.get("model"):
            values["model"] = (await self._forge.models.find(who, model, project_id)).name
        if "limits" in values:
            values["limits"] = asdict(values["limits"])
        if "labels" in values:
            values["labels"] = list(named(tuple(values["labels"])))
        if "allowed_hosts" in values:
            values["allowed_hosts"] = list(hosts(values["allowed_hosts"]))
        if values.get("hours"):
            values["hours"] = asdict(check_hours(values["hours"]))
        return await self._forge.store.run(who.tenant_id, _edit, project_id, version, values)

    async def remove(self, who: Principal, project_id: str) -> None:
        """Forget the project, its tasks, runs and mirror; the repository itself stays as it is."""
        project = await self._forge.store.run(who.tenant_id, _remove, project_id)
        await self.scm(project.scm).forget(project)

    async def health(self, who: Principal, project_id: str) -> Health:
        """Whether the repository answers now and still has the project's branch."""
        project = await self.get(who, project_id)
        try:
            info = await self.scm(project.scm).inspect(project.url)
        except Exception as error:  # whatever is wrong with a repository is this page's news, not its end
            return Health(name=project.name, ok=False, detail=str(error))
        if project.branch not in info.branches:
            return Health(
                name=project.name, ok=False, detail=f"The branch {project.branch} is gone from {project.url}."
            )
        return Health(name=project.name, ok=True, detail=f"{project.branch} is at {info.head[:10]}")


def _some(names: tuple[str, ...]) -> str:
    return ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
