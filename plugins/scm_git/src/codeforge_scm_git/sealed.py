"""A git folder of our own, called so that neither a user's nor a repository's configuration has any effect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from codeforge_scm_git.command import SECONDS, GitError, call

ENVIRONMENT = {
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_ADVICE": "0",
}
COMMITTER = {"GIT_COMMITTER_NAME": "CodeForge", "GIT_COMMITTER_EMAIL": "codeforge@localhost"}

CONFIG = """[core]
	repositoryformatversion = {version}
	bare = true
	hooksPath = /dev/null
	attributesFile = /dev/null
	excludesFile = /dev/null
	fsmonitor = false
	untrackedCache = false
	fileMode = true
	symlinks = true
	autocrlf = false
	safecrlf = false
	quotePath = false
	compression = 1
	bigFileThreshold = 16m
	filesRefLockTimeout = 2000
[extensions]
	{extension}
[gc]
	auto = 0
[maintenance]
	auto = false
[diff]
	ignoreSubmodules = dirty
	renames = true
[merge]
	renames = true
[advice]
	detachedHead = false
"""


@dataclass(frozen=True, slots=True)
class Sealed:
    """``gitdir`` with, where files are looked at, a ``tree`` to read and the private ``index`` that describes it.

    Nothing of a ``.git`` inside ``tree`` is read: not its configuration, filters, hooks, index or references.
    """

    gitdir: Path
    tree: Path | None = None
    index: Path | None = None
    more: Mapping[str, str] = field(default_factory=dict)

    def __call__(
        self, *args: str | Path, stdin: bytes = b"", env: Mapping[str, str] | None = None, seconds: float = SECONDS
    ) -> bytes:
        """stdout of ``git args``. Raises `GitError`."""
        status, out, err = self.status(*args, stdin=stdin, env=env, seconds=seconds)
        if status:
            raise GitError(str(args[0]), status, err)
        return out

    def status(
        self, *args: str | Path, stdin: bytes = b"", env: Mapping[str, str] | None = None, seconds: float = SECONDS
    ) -> tuple[int, bytes, str]:
        """Exit status, stdout and stderr of ``git args``, for commands whose status is an answer."""
        given = {**ENVIRONMENT, "GIT_DIR": str(self.gitdir), **self.more, **(env or {})}
        if self.tree:
            given["GIT_WORK_TREE"] = str(self.tree)
        if self.index:
            given["GIT_INDEX_FILE"] = str(self.index)
        return call(*args, cwd=self.tree or self.gitdir, env=given, stdin=stdin, seconds=seconds)

    def word(self, *args: str | Path, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> str:
        """The one word that ``git args`` prints, such as an object's id."""
        return self(*args, stdin=stdin, env=env).decode().strip()

    def commit(self, name: str) -> str | None:
        """The id of the commit that ``name`` stands for, None where there is none."""
        status, out, _ = self.status("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
        return None if status else out.decode().strip()

    def descends(self, commit: str, ancestor: str) -> bool:
        """Whether ``ancestor`` is ``commit`` or one of its ancestors."""
        if commit == ancestor:
            return True
        status, _, err = self.status("merge-base", "--is-ancestor", ancestor, commit)
        if status > 1:
            raise GitError("merge-base", status, err)
        return not status

    def on(self, tree: Path, index: Path) -> Sealed:
        """The same git folder, looking at the files in ``tree``."""
        return replace(self, tree=tree, index=index)


def create(gitdir: Path, object_format: str = "sha1") -> Sealed:
    """Make ``gitdir`` a bare repository with our configuration; cheap and harmless where it is one already."""
    sha1 = object_format == "sha1"
    config = CONFIG.format(version=0 if sha1 else 1, extension="" if sha1 else f"objectFormat = {object_format}")
    wanted = {gitdir / "HEAD": "ref: refs/heads/none\n", gitdir / "config": config}
    if any(not file.is_file() or file.read_text() != text for file, text in wanted.items()):
        gitdir.mkdir(parents=True, exist_ok=True)
        (gitdir / "objects" / "info").mkdir(parents=True, exist_ok=True)
        (gitdir / "objects" / "pack").mkdir(exist_ok=True)
        (gitdir / "refs").mkdir(exist_ok=True)
        for file, text in wanted.items():
            file.write_text(text)
    return Sealed(gitdir)
