"""Git as a kind of repository: the plugin's offer to the kernel."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

from codeforge import Change, Delivery, FileChange, Invalid, Project, RepoInfo, Say, Scm
from codeforge_scm_git import bundle, checkout, difference, folder, packing, tidying
from codeforge_scm_git.address import parse
from codeforge_scm_git.command import in_thread
from codeforge_scm_git.delivery import deliver
from codeforge_scm_git.faults import disk, run_failure
from codeforge_scm_git.mirror import Mirror, locked
from codeforge_scm_git.origin import Origin
from codeforge_scm_git.workspace import GitWorkspace


class Git(Scm):
    """Git repositories in local folders and behind https and ssh; ``folder`` holds one mirror a project."""

    name = "git"

    def __init__(self, folder: Path) -> None:
        self._folder = folder.expanduser().resolve()

    def handles(self, url: str) -> bool:
        """All but what is plainly another kind's, so that what is wrong with an address is told by `inspect`."""
        if url.lower().startswith(("svn:", "svn+", "hg:", "bzr:")):
            return False
        try:
            path = parse(url).path
        except Invalid:
            return True
        return path is None or not ((path / ".svn").is_dir() or (path / "db" / "fs-type").is_file())

    async def inspect(self, url: str) -> RepoInfo:
        """See `Scm.inspect`. ``RepoInfo.url`` is the address to keep: of a local folder its full path."""
        return await in_thread(self._inspect, url)

    async def refresh(self, project: Project, say: Say) -> str:
        """See `Scm.refresh`."""
        with run_failure(self._folder):
            mirror = self._mirror(project)
            origin = Origin(parse(project.url))
            loop = asyncio.get_running_loop()

            def tell(text: str) -> None:  # from the thread that fetches
                loop.call_soon_threadsafe(say, text)

            async with mirror.locked("fetch"):
                await in_thread(mirror.update, origin, tell)
            return await in_thread(mirror.tip, project.branch)

    async def prepare(
        self,
        project: Project,
        into: Path,
        *,
        base: str | None = None,
        start: str | None = None,
        say: Say,
        fetch: bool = True,
    ) -> GitWorkspace:
        """See `Scm.prepare`."""
        if fetch:
            tip = await self.refresh(project, say)
            base = base or tip
        return await in_thread(self._prepare, self._mirror(project), into, base or "", start)

    async def tips(self, project: Project) -> list[str]:
        """See `Scm.tips`."""
        return await in_thread(packing.tips, self._mirror(project))

    async def pack(self, project: Project, into: Path, refs: Mapping[str, str], have: Sequence[str]) -> bool:
        """See `Scm.pack`."""
        mirror = self._mirror(project)
        with disk(into):
            return await in_thread(packing.pack, mirror, into, refs, have)

    async def unpack(self, project: Project, pack: Path) -> None:
        """See `Scm.unpack`."""
        mirror = self._mirror(project)
        async with mirror.locked("fetch"):
            with disk(mirror.path):
                await in_thread(packing.unpack, mirror, pack)

    async def reopen(self, project: Project, path: Path, base: str) -> GitWorkspace:
        """See `Scm.reopen`. Raises `Invalid` where no workspace of this project is."""
        return await in_thread(self._reopen, self._mirror(project), path, base)

    async def changes(self, project: Project, base: str, head: str) -> list[FileChange]:
        """See `Scm.changes`. Raises `Conflict` where a commit is not in the mirror."""
        return await in_thread(self._changes, self._mirror(project), base, head)

    async def diff(self, project: Project, base: str, head: str, path: str | None = None) -> str:
        """See `Scm.diff`. Raises `Conflict` where a commit is not in the mirror."""
        return await in_thread(self._diff, self._mirror(project), base, head, path)

    async def deliver(self, project: Project, change: Change, *, strategy: str, message: str, author: str) -> Delivery:
        """See `Scm.deliver`. Deliveries of one project follow one another."""
        mirror = self._mirror(project)
        async with mirror.locked("deliver"):
            with disk(mirror.path):
                return await deliver(mirror, change, strategy=strategy, message=message, author=author)

    async def forget(self, project: Project) -> None:
        """See `Scm.forget`."""
        mirror = self._mirror(project)
        async with mirror.locked("deliver"), mirror.locked("fetch"):
            with disk(mirror.path):
                await in_thread(mirror.remove)

    async def backup(self, project: Project, into: Path) -> None:
        """See `Scm.backup`."""
        mirror = self._mirror(project)
        with disk(mirror.path):
            await in_thread(bundle.write, mirror, into)

    async def restore(self, project: Project, source: Path) -> None:
        """See `Scm.restore`."""
        mirror = self._mirror(project)
        with disk(mirror.path):
            await in_thread(bundle.read, mirror, source)

    async def mirrors(self) -> dict[str, Path]:
        """See `Scm.mirrors`."""
        return await in_thread(tidying.mirrors, self._folder)

    async def tidy(self, project_id: str) -> None:
        """See `Scm.tidy`."""
        mirror = self._folder / f"{project_id}.git"
        async with locked(self._folder, project_id, "deliver"), locked(self._folder, project_id, "fetch"):
            with disk(mirror):
                await in_thread(tidying.pack, mirror)

    async def drop(self, project_id: str) -> None:
        """See `Scm.drop`."""
        async with locked(self._folder, project_id, "deliver"), locked(self._folder, project_id, "fetch"):
            with disk(self._folder):
                await in_thread(tidying.remove, self._folder, project_id)

    def _mirror(self, project: Project) -> Mirror:
        return Mirror(self._folder, project)

    @staticmethod
    def _inspect(url: str) -> RepoInfo:
        address = parse(url)
        if address.path:
            folder.check_root(address.path)
        heads = Origin(address).heads()
        if not heads.branches:
            raise Invalid(f"{address.url} has no commit yet: commit something in it, then try again.", field="url")
        branch = heads.branches[0]
        with disk(address.url):
            dirty = folder.uncommitted(address.path) if address.path else ()
        head = heads.refs[f"refs/heads/{branch}"]
        return RepoInfo(url=address.url, branch=branch, branches=heads.branches, head=head, dirty=dirty)

    @staticmethod
    def _prepare(mirror: Mirror, into: Path, base: str, start: str | None) -> GitWorkspace:
        into = _placed(into)
        with run_failure(into):
            base = mirror.commit(base)
            start = mirror.commit(start) if start else base
            checkout.make(mirror, into, base, start)
            return GitWorkspace(mirror, into, base, start)

    @staticmethod
    def _reopen(mirror: Mirror, path: Path, base: str) -> GitWorkspace:
        path = _placed(path)
        with disk(path):
            return GitWorkspace(mirror, path, base, checkout.recorded(mirror, path))

    @staticmethod
    def _changes(mirror: Mirror, base: str, head: str) -> list[FileChange]:
        with disk(mirror.path):
            return difference.changes(mirror.git, mirror.commit(base), mirror.commit(head))

    @staticmethod
    def _diff(mirror: Mirror, base: str, head: str, path: str | None) -> str:
        with disk(mirror.path):
            return difference.diff(mirror.git, mirror.commit(base), mirror.commit(head), path)


def _placed(path: Path) -> Path:
    """The same name for the same workspace however its parents are spelled; it is itself never followed as a link."""
    return path.parent.resolve() / path.name
