"""The commit that brings a change onto the tip of a branch, made in the mirror alone: no checkout, no origin.

Every merge is a three-way one between tip and change *from the change's own base*: a synthetic commit with the tip's
files and the base as its parent makes git take that base. So a branch whose history was rewritten gets what the
change did, and never the history that somebody removed from it.
"""

from __future__ import annotations

from codeforge import Change, Conflict, MergeConflict
from codeforge_scm_git.authorship import commit
from codeforge_scm_git.command import GitError
from codeforge_scm_git.difference import shown
from codeforge_scm_git.faults import some
from codeforge_scm_git.sealed import Sealed

_OURS = "CodeForge <codeforge@localhost>"


def weave(git: Sealed, change: Change, tip: str, *, strategy: str, message: str, author: str, branch: str) -> str:
    """A descendant of ``tip`` (or ``tip`` itself when it has the change already). Raises `MergeConflict`."""
    if strategy == "fast-forward":
        return change.head if git.descends(change.head, tip) else _rebase(git, change, tip, branch)
    if strategy == "merge" and not git.descends(tip, change.base):
        raise Conflict(
            f"The history of {branch} was rewritten since this change was started, and a merge would bring the removed"
            " commits back: choose squash or fast-forward instead."
        )
    files = _apply(git, tip, change.base, change.head, branch)
    if strategy == "merge":
        return commit(git, files, [tip, change.head], message, author=_OURS)
    return tip if files == _tree(git, tip) else commit(git, files, [tip], message, author=author)


def _rebase(git: Sealed, change: Change, tip: str, branch: str) -> str:
    """The change's commits one by one on ``tip``; as one, with the last one's words, if there is a merge among them."""
    told = (
        git("rev-list", "--reverse", "--topo-order", "--parents", change.head, f"^{change.base}").decode().splitlines()
    )
    steps = [line.split() for line in told]
    if any(len(step) != 2 for step in steps):
        steps = [[change.head, change.base]]
    for original, parent in steps:
        files = _apply(git, tip, parent, original, branch)
        if files != _tree(git, tip):
            about = git("log", "-1", "--no-show-signature", "--format=%an <%ae>%x00%ad%x00%B", "--date=raw", original)
            author, date, message = about.decode(errors="replace").split("\0", 2)
            tip = commit(git, files, [tip], message, author=author, date=date)
    return tip


def _apply(git: Sealed, tip: str, base: str, head: str, branch: str) -> str:
    """The files of ``tip`` with what happened between ``base`` and ``head``."""
    if _tree(git, tip) == _tree(git, base):
        return _tree(git, head)
    ours = commit(git, _tree(git, tip), [base], "", author=_OURS)
    theirs = commit(git, _tree(git, head), [base], "", author=_OURS)
    status, out, err = git.status("merge-tree", "--write-tree", "-z", "--name-only", "--no-messages", ours, theirs)
    if status not in (0, 1):
        raise GitError("merge-tree", status, err)
    files, *rest = out.split(b"\0")
    if status:
        names = sorted({shown(name) for name in rest if name})
        raise MergeConflict(
            f"The change conflicts with what happened on {branch} since it was started, in {some(names)}:"
            " send it back, or start the task again from the new state.",
            names,
        )
    return files.decode()


def _tree(git: Sealed, name: str) -> str:
    return git.word("rev-parse", f"{name}^{{tree}}")
