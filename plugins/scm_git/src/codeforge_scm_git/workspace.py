"""The isolated checkout of one run: its escrow and its removal."""

from __future__ import annotations

from pathlib import Path

from codeforge import Reason, RunFailure, Workspace
from codeforge_scm_git import ancestry, snapshot, tree
from codeforge_scm_git.authorship import commit
from codeforge_scm_git.command import in_thread
from codeforge_scm_git.faults import disk, run_failure
from codeforge_scm_git.mirror import Mirror
from codeforge_scm_git.sealed import Sealed


class GitWorkspace(Workspace):
    """A checkout at ``path`` whose files were those of ``start``, measured against ``base``."""

    def __init__(self, mirror: Mirror, path: Path, base: str, start: str) -> None:
        self._mirror, self.path, self.base, self._start = mirror, path, base, start
        self.borrows = (mirror.path / "objects",)

    async def escrow(self, ref: str, message: str, author: str) -> str:
        """See `Workspace.escrow`. An agent's commits are ancestors where they descend from the base.

        What git cannot hold is named at the end of the commit's message. Raises `RunFailure`.
        """
        return await in_thread(self._escrow, ref, message, author)

    async def restore(self) -> None:
        """See `Workspace.restore`. Raises `RunFailure`."""
        await in_thread(self._restore)

    async def remove(self) -> None:
        """See `Workspace.remove`. Works on whatever permissions the agent left. Raises `Unavailable`."""
        await in_thread(self._remove)

    def _escrow(self, ref: str, message: str, author: str) -> str:
        git, private = self._mirror.git, self._mirror.private(self.path)
        with run_failure(self.path):
            if self.path.is_symlink() or not self.path.is_dir():
                raise RunFailure(Reason.WORKSPACE_ERROR, f"The workspace {self.path} is gone: start the run again.")
            private.mkdir(parents=True, exist_ok=True)
            head = ancestry.adopt(git, self.path, private, self._start, self.base)
            files, notes = snapshot.take(git, self.path, private, self._start, head)
            kept = git.commit(ref)
            parents = _after(git, head, kept)
            head = parents[0]
            differs = files != git.word("rev-parse", f"{head}^{{tree}}")
            if differs or len(parents) > 1 or (notes and head == kept):
                head = commit(git, files, parents, "\n\n".join([message.strip(), *notes]), author=author)
            self._mirror.keep(ref, head)
            return self.base if files == git.word("rev-parse", f"{self.base}^{{tree}}") else head

    def _restore(self) -> None:
        with run_failure(self.path):
            snapshot.put_back(self._mirror.git, self.path, self._mirror.private(self.path))

    def _remove(self) -> None:
        with disk(self.path):
            if self.path.is_symlink():
                self.path.unlink()
            else:
                tree.remove(self.path)
            tree.remove(self._mirror.private(self.path))


def _after(git: Sealed, head: str, kept: str | None) -> list[str]:
    """The parents of what is kept now: what was ``kept`` of this workspace before may be somebody's change already,
    and stays an ancestor."""
    if kept is None or git.descends(head, kept):
        return [head]
    return [kept] if git.descends(kept, head) else [head, kept]
