"""Which versions of a worker and a server understand each other: those whose minor versions differ by at most one."""

from __future__ import annotations

from codeforge import __version__
from codeforge.errors import Conflict

HEADER = "X-CodeForge-Version"


def check(theirs: str, what: str) -> None:
    """Raises `Conflict` when ``what`` ("worker", "server") of version ``theirs`` is too old or too new for this one."""
    if abs(_minor(theirs) - _minor(__version__)) > 1:
        raise Conflict(
            f"The {what} has version {theirs[:40] or 'unknown'} and this is {__version__}: more than one minor version "
            "lies between them. Bring both to the same."
        )


def _minor(version: str) -> int:
    """The minor version, counted through all major ones."""
    try:
        major, minor = version.split(".")[:2]
        return int(major) * 1000 + int(minor)
    except ValueError:
        return -1000
