"""Making a workspace: files of a commit, and a .git of its own that borrows the mirror's objects."""

from __future__ import annotations

import json
import re
import shutil
import time
from contextlib import suppress
from pathlib import Path

from codeforge import Conflict, Invalid
from codeforge_scm_git import tree
from codeforge_scm_git.command import GitError, call
from codeforge_scm_git.faults import full
from codeforge_scm_git.mirror import Mirror
from codeforge_scm_git.sealed import ENVIRONMENT

_SHORT = 1 << 20
_HOUR = 3600
_CONFIG = """[user]
	name = CodeForge agent
	email = agent@codeforge.localhost
[core]
	autocrlf = false
[gc]
	auto = 0
[advice]
	detachedHead = false
"""


def make(mirror: Mirror, into: Path, base: str, start: str) -> None:
    """Check ``start`` out in the new folder ``into``. On any failure ``into`` is gone again.

    The workspace is no linked worktree: an agent that writes to its .git cannot reach the mirror's references,
    configuration or hooks. The index that `escrow` trusts is kept in the mirror, with file times, so that
    the snapshot is quick.
    """
    if into.exists() or into.is_symlink():
        raise Conflict(f"{into} exists already: a workspace is made in a new folder.")
    private = mirror.private(into)
    _sweep(private.parent)
    tree.remove(private)
    private.mkdir(parents=True)
    (private / "record.json").write_text(json.dumps({"path": str(into), "base": base, "start": start}))
    try:
        into.mkdir(parents=True)
        mirror.git.on(into, private / "index")("read-tree", "-u", "--reset", start)
        _own_repository(mirror, into, start, private / "index")
    except BaseException as error:
        # git often says only which file it could not write; once the checkout is gone, there is space again
        short = isinstance(error, GitError) and min(shutil.disk_usage(p).free for p in (into, private)) < _SHORT
        tree.remove(into)
        tree.remove(private)
        if short:
            raise full(into) from error
        raise


def recorded(mirror: Mirror, path: Path) -> str:
    """The commit that the workspace at ``path`` was made with. Raises `Invalid` where we made none there."""
    try:
        record = json.loads((mirror.private(path) / "record.json").read_text())
    except (FileNotFoundError, ValueError):  # never made, or cut off by a full disk
        record = {}
    if record.get("path") != str(path) or path.is_symlink() or not path.is_dir():
        raise Invalid(f"{path} is not a workspace of project {mirror.project.name}.")
    return str(record["start"])


def _sweep(folder: Path) -> None:
    """Forget what we know of workspaces that others have removed, an hour after they were made."""
    for record in folder.glob("*/record.json"):
        with suppress(OSError, ValueError):
            if (
                time.time() - record.stat().st_mtime > _HOUR
                and not Path(json.loads(record.read_text())["path"]).exists()
            ):
                tree.remove(record.parent)


def _own_repository(mirror: Mirror, into: Path, start: str, index: Path) -> None:
    branch = "codeforge/" + ("-".join(re.findall(r"[A-Za-z0-9_]+", into.name)) or "work")
    object_format = "sha256" if len(start) == 64 else "sha1"
    options = ("--quiet", "--template=", f"--object-format={object_format}", f"--initial-branch={branch}")
    status, _, err = call("init", *options, "--", into, cwd=into, env=ENVIRONMENT)
    if status:
        raise GitError("init", status, err)
    git = into / ".git"
    with (git / "config").open("a") as config:
        config.write(_CONFIG)
    (git / "objects/info/alternates").write_text(f"{mirror.path / 'objects'}\n")
    (git / "info").mkdir(exist_ok=True)
    (git / "info/exclude").touch()
    head = git / "refs/heads" / branch
    head.parent.mkdir(parents=True)
    head.write_text(f"{start}\n")
    shutil.copy2(index, git / "index")
    if (mirror.path / "shallow").is_file():
        shutil.copyfile(mirror.path / "shallow", git / "shallow")
    tags = mirror.git("for-each-ref", "--format=%(objectname) %(refname)", "refs/tags/")
    if tags:  # versions are often told by them
        (git / "packed-refs").write_bytes(b"# pack-refs with: sorted \n" + tags)
