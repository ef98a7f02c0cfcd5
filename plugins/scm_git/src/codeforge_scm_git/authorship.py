"""Making commits in the mirror: who wrote them, and that CodeForge made them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from codeforge_scm_git.sealed import COMMITTER, Sealed


def commit(git: Sealed, tree: str, parents: Iterable[str], message: str, *, author: str, date: str = "") -> str:
    """A new commit of ``tree``; ``author`` is "Name <mail>", ``date`` as git writes it (empty: now)."""
    found = re.fullmatch(r"(.*?)\s*<([^<>]*)>\s*", "".join(c for c in author if c.isprintable()))
    name, mail = found.groups() if found else (author, "")
    name = "".join(c for c in name if c.isprintable() and c not in "<>").strip(" .,:;\"'\\")
    env = {
        **COMMITTER,
        "GIT_AUTHOR_NAME": name or COMMITTER["GIT_COMMITTER_NAME"],
        "GIT_AUTHOR_EMAIL": mail or COMMITTER["GIT_COMMITTER_EMAIL"],
        **({"GIT_AUTHOR_DATE": date} if date else {}),
    }
    text = message.replace("\0", "").strip() + "\n"
    options = [part for parent in parents for part in ("-p", parent)]
    return git.word("commit-tree", *options, "-F", "-", tree, stdin=text.encode(errors="replace"), env=env)
