"""The bare mirror of a project: what the origin has, and the hidden references of runs, which are never pruned."""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import os
import re
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path

from codeforge import Conflict, Invalid, Project, Say, Unavailable
from codeforge_scm_git import tidying
from codeforge_scm_git.command import GitError, pause
from codeforge_scm_git.faults import Unusable, explain, words
from codeforge_scm_git.origin import Heads, Origin
from codeforge_scm_git.sealed import Sealed, create

HIDDEN = "refs/codeforge/"
_ABANDONED = 30.0  # seconds after which a reference's lock file, held for milliseconds, belongs to a killed git


@asynccontextmanager
async def locked(folder: Path, project_id: str, what: str) -> AsyncIterator[None]:
    """Alone among all processes of this machine for ``what`` on the mirror of a project."""
    folder.mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240 (it is there, but for the first time)
    handle = os.open(folder / f"{project_id}.{what}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                await asyncio.sleep(0.02)
        yield
    finally:
        os.close(handle)


class Mirror:
    """``FOLDER/<project id>.git``. Blocking methods run in a thread; writers of origin's references hold `locked`."""

    def __init__(self, folder: Path, project: Project) -> None:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", project.id):
            raise Invalid(f"{project.id!r} cannot be the id of a project: only letters, digits, - and _ can.")
        self.folder, self.project = folder, project
        self.path = folder / f"{project.id}.git"
        self.git = Sealed(self.path)

    def locked(self, what: str) -> AbstractAsyncContextManager[None]:
        """Alone among all processes of this machine for ``what`` ("fetch" or "deliver") on this project."""
        return locked(self.folder, self.project.id, what)

    def update(self, origin: Origin, say: Say = lambda _: None) -> Heads:
        """Have what the origin has; only what is new is fetched. Raises `Unavailable` or `Forbidden`."""
        try:
            heads = origin.heads()
        except Invalid as error:  # it was there when the project was made
            raise Unavailable(str(error)) from error
        if not heads.branches:
            raise Unavailable(f"{origin.address.url} has no branch any more: push one to it, then try again.")
        create(self.path, heads.object_format)
        if self._refs() != heads.refs:
            say(f"Fetching {origin.address.url}")
            self._fetch(origin)
        return heads

    def tip(self, branch: str) -> str:
        """The commit that the origin's ``branch`` was at when last looked at. Raises `Conflict` where it is gone."""
        status, out, _ = self.git.status("show-ref", "--verify", "--hash", "--", f"refs/remotes/origin/{branch}")
        if not status:
            return out.decode().strip()
        raise Conflict(
            f"The branch {branch} is not in {self.project.url} any more: choose another in the project's settings."
        )

    def commit(self, name: str) -> str:
        """The full id of a commit that the mirror must have. Raises `Conflict` where it has not."""
        if re.fullmatch(r"[0-9a-f]{40,64}", name) and self.path.is_dir() and (found := self.git.commit(name)):
            return found
        raise Conflict(f"The commit {name[:12]} is not in the mirror of project {self.project.name}: start a new run.")

    def keep(self, ref: str, commit: str) -> None:
        """Set a hidden reference. Each has one writer at a time, so that a lock file left there is a killed one's."""
        if not ref.startswith(HIDDEN):
            raise Invalid(f"{ref} is not a hidden reference: it must begin with {HIDDEN}.")
        self.git("check-ref-format", ref)
        (self.path / f"{ref}.lock").unlink(missing_ok=True)
        self.git("update-ref", "--no-deref", ref, commit)

    def private(self, workspace: Path) -> Path:
        """Where what we know of a workspace is kept: beside the mirror's own files, out of the agent's checkout."""
        return self.path / "codeforge" / hashlib.sha256(os.fsencode(workspace)).hexdigest()[:24]

    def remove(self) -> None:
        """Delete the mirror with everything that only it has."""
        tidying.remove(self.folder, self.project.id)

    def _refs(self) -> dict[str, str]:
        out = self.git("for-each-ref", "--format=%(objectname) %(refname)", "refs/remotes/origin/", "refs/tags/")
        pairs = (line.split(" ", 1) for line in out.decode(errors="surrogateescape").splitlines())
        return {ref.replace("refs/remotes/origin/", "refs/heads/", 1): oid for oid, ref in pairs}

    def _fetch(self, origin: Origin) -> None:
        deadline = time.monotonic() + _ABANDONED + 15
        while True:
            try:
                return origin.fetch(self.path)
            except GitError as failure:
                if ".lock': File exists" not in failure.err or time.monotonic() > deadline:
                    raise self._own(failure) or explain(failure, origin.address.url) from failure
            self._drop_abandoned_locks()
            pause(0.5)

    def _own(self, failure: GitError) -> Unusable | None:
        """What is wrong with the mirror and not with the origin: git names its files then."""
        if f"{self.path}/objects/" not in failure.err:
            return None
        return Unusable(
            f"The mirror {self.path} is damaged: move it away, and the next run makes it anew. Changes that"
            f" nobody has accepted yet are in it alone. git says: {words(failure.err, 1)}"
        )

    def _drop_abandoned_locks(self) -> None:
        for lock in [*self.path.glob("*.lock"), *(self.path / "refs").rglob("*.lock")]:
            with suppress(FileNotFoundError):
                if time.time() - lock.stat().st_mtime > _ABANDONED:
                    lock.unlink()
