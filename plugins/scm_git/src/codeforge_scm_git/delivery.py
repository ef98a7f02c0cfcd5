"""Bringing an accepted change into the origin's branch: recorded before it is pushed, never forced."""

from __future__ import annotations

import asyncio

from codeforge import Change, CodeForgeError, Conflict, Delivery, Invalid
from codeforge_scm_git import folder
from codeforge_scm_git.address import parse
from codeforge_scm_git.command import GitError, in_thread
from codeforge_scm_git.faults import explain, some, words
from codeforge_scm_git.mirror import HIDDEN, Mirror
from codeforge_scm_git.origin import Origin
from codeforge_scm_git.weave import weave

STRATEGIES = ("merge", "squash", "fast-forward")
_TRIES = 5
_MOVED = (
    "(fetch first)",
    "(non-fast-forward)",
    "cannot lock ref",
    "failed to update ref",
    "(stale info)",
    "incorrect old value",
)


async def deliver(mirror: Mirror, change: Change, *, strategy: str, message: str, author: str) -> Delivery:
    """Bring ``change`` into the project's branch; see `Scm.deliver` for what it raises.

    The commit made for it is kept under a hidden reference before the push, so that after a crash at any
    point the same commit is recognised at the origin, or pushed again: a change never arrives twice.
    """
    if strategy not in STRATEGIES:
        known = ", ".join(STRATEGIES)
        raise Invalid(f"{strategy!r} is no way to deliver a change: choose one of {known}.", field="strategy")
    origin = Origin(parse(mirror.project.url))
    for attempt in range(_TRIES):
        await asyncio.sleep(0.1 * attempt)
        async with mirror.locked("fetch"):
            await in_thread(mirror.update, origin)
        if done := await in_thread(_try, mirror, origin, change, strategy=strategy, message=message, author=author):
            return done
    raise Conflict(f"{mirror.project.branch} of {mirror.project.url} is locked or moves all the time: try again later.")


def _try(
    mirror: Mirror, origin: Origin, change: Change, *, strategy: str, message: str, author: str
) -> Delivery | None:
    """None when the branch moved between the look at it and the push."""
    git, branch = mirror.git, mirror.project.branch
    mirror.commit(change.base)
    head, tip = mirror.commit(change.head), mirror.tip(branch)
    record = f"{HIDDEN}delivered/{head}-{strategy}/{branch}"
    made = git.commit(record)
    if made and git.descends(tip, made):
        return Delivery(branch=branch, commit=made)
    if git.descends(tip, head):
        return Delivery(branch=branch, commit=head)
    if not made or not git.descends(made, tip):
        made = weave(git, change, tip, strategy=strategy, message=message, author=author, branch=branch)
        mirror.keep(record, made)
    if made == tip or _push(mirror, origin, made):
        return Delivery(branch=branch, commit=made)
    return None


def _push(mirror: Mirror, origin: Origin, commit: str) -> bool:
    """Whether the origin took ``commit``; False when its branch has moved meanwhile."""
    branch = mirror.project.branch
    try:
        origin.push(mirror.path, commit, branch)
    except GitError as failure:
        if any(sign in failure.err for sign in _MOVED):
            return False
        raise _refusal(failure, origin, branch) from failure
    return True


def _refusal(failure: GitError, origin: Origin, branch: str) -> CodeForgeError:
    where, path = origin.address.url, origin.address.path
    if path and ("Working directory has" in failure.err or "Could not update working tree" in failure.err):
        listed = some(folder.uncommitted(path)) or "some files"
        return Conflict(f"{path} has uncommitted changes in {listed}: commit or stash them, then accept again.")
    if "[remote rejected]" in failure.err or "[rejected]" in failure.err:
        said = "\n".join(
            line for line in failure.err.splitlines() if line.startswith("remote: ") and line.strip() != "remote:"
        )
        why = failure.err.split("rejected]", 1)[1].partition("(")[2].partition(")")[0]
        return Conflict(
            f"{where} refused the change on {branch} ({words(why)}): {words(said, 5) or 'it gave no reason'}"
        )
    return explain(failure, where)
