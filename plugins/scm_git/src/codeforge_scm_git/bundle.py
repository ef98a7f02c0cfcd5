"""A mirror as one file: every reference, hidden ones too, with all that they reach."""

from __future__ import annotations

import shutil
from pathlib import Path

from codeforge import Invalid, Unavailable
from codeforge_scm_git import tree
from codeforge_scm_git.command import GitError
from codeforge_scm_git.faults import words
from codeforge_scm_git.mirror import Mirror
from codeforge_scm_git.sealed import create

_BUNDLE, _FORMAT, _SHALLOW = "mirror.bundle", "object-format", "shallow"


def write(mirror: Mirror, into: Path) -> None:
    """Write the mirror into the folder ``into``; git reads its references once and packs what they reach.

    Others may write to the mirror meanwhile: it is never pruned, so nothing of that goes away.
    """
    if not mirror.path.is_dir() or not mirror.git("for-each-ref", "--count=1"):
        return
    try:
        if (mirror.path / _SHALLOW).exists():  # where the history of a shallow origin begins, which no bundle tells
            shutil.copyfile(mirror.path / _SHALLOW, into / _SHALLOW)
        mirror.git("bundle", "create", "--quiet", into / _BUNDLE, "--all")
        (into / _FORMAT).write_bytes(mirror.git("rev-parse", "--show-object-format"))
    except GitError as failure:
        raise Unavailable(f"The mirror {mirror.path} cannot be read: {words(failure.err, 1)}") from failure


def read(mirror: Mirror, source: Path) -> None:
    """Make the mirror of what `write` wrote. Raises `Invalid` when that is damaged; then there is no mirror."""
    try:
        create(mirror.path, (source / _FORMAT).read_text().strip())
        if (source / _SHALLOW).exists():
            shutil.copyfile(source / _SHALLOW, mirror.path / _SHALLOW)
        mirror.git(
            "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", source / _BUNDLE, "+refs/*:refs/*",
            env={"GIT_ALLOW_PROTOCOL": "file"},
        )  # fmt: skip
        said = "" if mirror.git("for-each-ref", "--count=1") else "it ends before it began"  # git takes it for empty
    except GitError as failure:
        said = words(failure.err, 1)
    except OSError as failure:
        said = f"{failure.filename}: {failure.strerror}"
    if said:
        tree.remove(mirror.path)
        raise Invalid(f"The backup of its mirror is damaged: {said}")
