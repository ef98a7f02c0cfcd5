"""What can go wrong, each with one plain sentence for a person: what, where, what to do."""

from collections.abc import Mapping
from typing import Any


class CodeForgeError(Exception):
    """Root of every error that CodeForge raises on purpose; its text is shown to people as it is.

    ``slug`` is the stable last part of the problem document's ``type``; ``status`` its HTTP status;
    ``field`` names the input at fault, where there is one.
    """

    slug = "error"
    status = 500

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class Invalid(CodeForgeError):
    """What was given is not acceptable, however often it is given again."""

    slug, status = "invalid", 422


class Unauthorized(CodeForgeError):
    """Nobody is signed in, or the token is wrong, expired or revoked."""

    slug, status = "unauthorized", 401


class Forbidden(CodeForgeError):
    """Somebody is signed in, but may not do this."""

    slug, status = "forbidden", 403


class NotFound(CodeForgeError):
    """There is no such thing, or none that this tenant may see."""

    slug, status = "not-found", 404


class Conflict(CodeForgeError):
    """The thing is in a state in which this cannot be done."""

    slug, status = "conflict", 409


class Stale(Conflict):
    """Somebody else has changed the thing since it was read."""

    slug, status = "stale", 412


class MergeConflict(Conflict):
    """A change does not apply to the branch any more; ``files`` are the paths in conflict."""

    slug = "merge-conflict"

    def __init__(self, message: str, files: list[str]) -> None:
        super().__init__(message)
        self.files = files


class Unavailable(CodeForgeError):
    """Something this needs (a repository's host, a broker, the disk, an agent) does not answer."""

    slug, status = "unavailable", 503


class OverBudget(CodeForgeError):
    """A model call would break a budget, or nobody knows whether it would; ``wait`` is what its run then waits for."""

    slug, status = "budget_exceeded", 402

    def __init__(self, message: str, wait: Mapping[str, Any]) -> None:
        super().__init__(message)
        self.wait = dict(wait)


class DatabaseAway(Unavailable):
    """The database does not answer: what was asked of it is neither true nor false."""


class Refusal(CodeForgeError):
    """A plugin's ``before_run`` does not want this run; its text is the reason people read."""

    slug, status = "refused", 403


class Fenced(CodeForgeError):
    """A report came from an older generation of a run: another worker has it now."""

    slug, status = "fenced", 409


class RunFailure(CodeForgeError):
    """A run cannot go on; ``reason`` is one of `codeforge.model.Reason`."""

    slug, status = "run-failed", 503

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
