"""What differs between two commits: the list of paths, and the unified diff."""

from __future__ import annotations

from collections.abc import Iterator

from codeforge import FileChange
from codeforge_scm_git.sealed import Sealed

_STATUS = {"A": "added", "M": "modified", "D": "deleted", "R": "renamed", "T": "typechange"}
_DIFF = ("diff-tree", "-r", "-M", "--no-ext-diff", "--no-textconv", "--no-color", "--ignore-submodules=none")


def changes(git: Sealed, base: str, head: str) -> list[FileChange]:
    """One record a path, sorted by path as git does."""
    return [
        FileChange(
            path=shown(name), status=status, old_path=None if old is None else shown(old), added=added, deleted=deleted
        )
        for status, old, name, added, deleted in _records(git, base, head)
    ]


def diff(git: Sealed, base: str, head: str, path: str | None) -> str:
    """The diff of all paths, or of one; "" where the path does not differ. What is not UTF-8 is replaced."""
    only: list[bytes] = []
    if path is not None:
        record = next((r for r in _records(git, base, head) if shown(r[2]) == path), None)
        if record is None:
            return ""
        only = [name for name in (record[1], record[2]) if name is not None]
    listed = [name.decode(errors="surrogateescape") for name in only]
    options = ("-p", "--src-prefix=a/", "--dst-prefix=b/", "--full-index")
    return git(*_DIFF, *options, base, head, "--", *listed).decode(errors="replace")


def shown(name: bytes) -> str:
    """A path as text; bytes that are not UTF-8 are written as \\xNN."""
    return name.decode(errors="backslashreplace")


def _records(git: Sealed, base: str, head: str) -> Iterator[tuple[str, bytes | None, bytes, int | None, int | None]]:
    """(status, old path, path, added, deleted): git prints all --raw records, then all --numstat ones."""
    fields = iter(git(*_DIFF, "--raw", "--numstat", "-z", base, head).split(b"\0")[:-1])
    raw: dict[bytes, tuple[str, bytes | None]] = {}
    for about in fields:
        if about.startswith(b":"):
            letter = about.rsplit(b" ", 1)[1][:1].decode()
            old = next(fields) if letter in "RC" else None
            raw[next(fields)] = (_STATUS.get(letter, "modified"), old)
            continue
        added, deleted, name = about.split(b"\t", 2)
        if not name:
            _, name = next(fields), next(fields)
        status, old = raw[name]
        yield status, old, name, _count(added), _count(deleted)


def _count(text: bytes) -> int | None:
    return None if text == b"-" else int(text)
