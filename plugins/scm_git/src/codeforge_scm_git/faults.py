"""From git's words on a repository to one plain sentence of the right kind."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from codeforge import CodeForgeError, Forbidden, Invalid, Reason, RunFailure, Unavailable
from codeforge_scm_git.command import GitError, TimedOutError

_FULL = ("no space left", "out of diskspace", "disk quota exceeded", "disk full")
_FORBIDDEN = ("authentication failed", "could not read username", "could not read password", "prompts disabled",
              "permission denied", "access denied", "returned error: 401", "returned error: 403")  # fmt: skip
_MISSING = ("does not appear to be a git repository", "not a git repository", "repository not found", "' not found",
            "does not exist", "returned error: 404")  # fmt: skip


class Unusable(Unavailable):
    """Our own mirrors or workspaces cannot be read or written."""


class Full(Unusable):
    """The disk that they are on has no space left."""


def words(text: str, lines: int = 3) -> str:
    """The first lines of what git or a hook said, fit to be shown: no control characters, no credentials."""
    kept = []
    for line in text.splitlines():
        shown = re.sub(r"\x1b\[[0-9;?]*[ -/]*[@-~]", "", line)
        shown = "".join(c for c in shown if c.isprintable()).removeprefix("remote: ").strip()
        shown = re.sub(r"://[^/@\s]+@", "://", shown)
        if shown and not shown.startswith("hint:"):
            kept.append(shown[:300])
    return " ".join(kept[:lines])


def some(names: Sequence[str]) -> str:
    """The first five of ``names``, and how many more there are."""
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def full(where: object) -> Full:
    """The disk of ``where`` has no space left."""
    return Full(f"No space is left on the disk of {where}: free some, then try again.")


def explain(failure: GitError, where: str) -> CodeForgeError:
    """What it means that git could not talk to the repository ``where``."""
    said = failure.err.lower()
    error: CodeForgeError = Unavailable(
        f"{where} cannot be reached: check its address and the network. git says: {words(failure.err)}"
    )
    if any(part in said for part in _FULL):
        error = full("the data folder")
    elif isinstance(failure, TimedOutError):
        error = Unavailable(f"{where} did not answer in time: check its address and the network, then try again.")
    elif "dubious ownership" in said:
        error = Forbidden(
            f"{where} belongs to another user of this machine: allow it with"
            f" `git config --global --add safe.directory {where}` as the user that runs CodeForge."
        )
    elif "host key verification failed" in said:
        error = Forbidden(f"The ssh host key of {where} is not known here: add it to ~/.ssh/known_hosts and try again.")
    elif any(part in said for part in _FORBIDDEN):
        error = Forbidden(
            f"{where} refused the user that runs CodeForge: give it an ssh key or a git credential helper with access"
            f" to this repository. git says: {words(failure.err)}"
        )
    elif any(part in said for part in _MISSING):
        error = Invalid(f"There is no Git repository at {where}: check the address.", field="url")
    return error


@contextmanager
def disk(where: object) -> Iterator[None]:
    """Failures of git or the disk on our own folders become `Unusable`, with what to do."""
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise full(where) from error
        raise Unusable(f"{error.filename or where} cannot be used: {error.strerror or error}.") from error
    except GitError as failure:
        if any(part in failure.err.lower() for part in _FULL):
            raise full(where) from failure
        raise Unusable(f"git failed on {where}: {words(failure.err) or failure}") from failure


@contextmanager
def run_failure(where: object) -> Iterator[None]:
    """Whatever goes wrong while a workspace is made or kept becomes `RunFailure` with its reason."""
    try:
        with disk(where):
            yield
    except RunFailure:
        raise
    except Forbidden as error:
        raise RunFailure(Reason.SCM_AUTH, str(error)) from error
    except Full as error:
        raise RunFailure(Reason.DISK_FULL, str(error)) from error
    except Unusable as error:
        raise RunFailure(Reason.WORKSPACE_ERROR, str(error)) from error
    except (Unavailable, Invalid) as error:
        raise RunFailure(Reason.SCM_UNREACHABLE, str(error)) from error
    except CodeForgeError as error:
        raise RunFailure(Reason.WORKSPACE_ERROR, str(error)) from error
