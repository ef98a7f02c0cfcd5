"""What a backup consists of, and where each part is in its file and in the data folder."""

from __future__ import annotations

from collections.abc import Iterable

from codeforge.errors import Invalid

PARTS = {
    "database": "projects, tasks, runs, events, providers, tokens: every table",
    "mirrors": "the copies of repositories, with all that agents left in them, accepted or not",
    "cassettes": "recorded model answers",
    "key": "the key file that opens the providers' keys in the database",
}
"""Each part with what it holds, in the order in which they are written."""

FORMAT = 1
"""Of the file; raised when an older CodeForge could not read it any more."""

MANIFEST, KEY = "manifest.json", "secret.key"


def chosen(only: Iterable[str], without: Iterable[str], there_are: Iterable[str] = tuple(PARTS)) -> tuple[str, ...]:
    """The parts to work on. Raises `Invalid` for names that are none, and when nothing is left."""
    only, without, there_are = tuple(only), tuple(without), tuple(there_are)
    for name in (*only, *without):
        if name not in PARTS:
            raise Invalid(f"{name!r} is no part of a backup; there are {', '.join(PARTS)}.")
    for name in only:
        if name not in there_are:
            raise Invalid(f"This backup has no {name}; it has {', '.join(there_are)}.")
    left = tuple(name for name in there_are if (not only or name in only) and name not in without)
    if not left:
        raise Invalid("Nothing is left of the backup: leave fewer parts out.")
    return left
