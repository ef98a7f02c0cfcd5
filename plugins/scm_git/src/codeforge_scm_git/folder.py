"""A repository in a local folder: whether it is one, where its root is, and what is not committed in it."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from codeforge import Invalid
from codeforge_scm_git.command import GitError, call
from codeforge_scm_git.faults import explain
from codeforge_scm_git.sealed import create

LISTED = 20


def check_root(path: Path) -> None:
    """Raises `Invalid` when ``path`` is not the root of a repository, and says which folder is."""
    if not path.exists():
        raise _no(f"There is no folder {path}: check the path.")
    if not path.is_dir():
        raise _no(f"{path} is a file, not a Git repository: give the repository's folder.")
    shown = _ask(path, "--is-bare-repository", "--is-inside-git-dir", "--absolute-git-dir")
    bare, inside, gitdir = shown[0] == "true", shown[1] == "true", Path(shown[2]).resolve()
    if bare and gitdir == path:
        return
    if inside or bare:
        raise _no(
            f"{path} lies in the inner folder of a Git repository: give {gitdir if bare else gitdir.parent} instead."
        )
    top = Path(_ask(path, "--show-toplevel")[0]).resolve()
    if top != path:
        raise _no(f"{path} is a folder inside the Git repository {top}: give {top} instead.")


def uncommitted(path: Path) -> tuple[str, ...]:
    """At most 20 paths that are changed, staged or new in the folder; none of a bare repository.

    The repository's index and files are read through a git folder of our own, so that nothing that its
    configuration names (filters, a file monitor) is started by a mere look, and nothing in it is written.
    """
    if _ask(path, "--is-bare-repository")[0] == "true":
        return ()
    index, objects, exclude = (
        path / place
        for place in _ask(path, "--git-path", "index", "--git-path", "objects", "--git-path", "info/exclude")
    )
    head = _ask(path, "--verify", "--quiet", "HEAD^{tree}")[0]
    with tempfile.TemporaryDirectory(prefix="codeforge-look-") as folder:
        ours = create(Path(folder) / "git", "sha256" if len(head) == 64 else "sha1")
        (ours.gitdir / "objects/info/alternates").write_text(f"{objects.resolve()}\n")
        copy = Path(folder) / "index"
        if index.is_file():
            shutil.copyfile(index, copy)
            stat = index.stat()
            os.utime(copy, ns=(stat.st_atime_ns, stat.st_mtime_ns))  # git tells racily clean files by this time
        look = ours.on(path, copy)
        ignored = [f"--exclude-from={file}" for file in (exclude, _global_ignores()) if file and file.is_file()]
        names = {
            *look("diff-index", "--cached", "--name-only", "--no-renames", "-z", head).split(b"\0"),
            *look("diff-files", "--name-only", "-z", "--ignore-submodules=dirty").split(b"\0"),
            *look("ls-files", "-o", "-z", "--exclude-per-directory=.gitignore", *ignored).split(b"\0"),
        }
    shown = sorted(name.decode(errors="backslashreplace") for name in names if name)
    return tuple(shown[:LISTED])


def _ask(path: Path, *questions: str) -> list[str]:
    env = {"GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "core.fsmonitor"}
    env["GIT_CONFIG_VALUE_0"] = "false"
    status, out, err = call("rev-parse", *questions, cwd=path, env=env, keep=frozenset({"GIT_CONFIG_GLOBAL"}))
    if not status:
        return out.decode(errors="surrogateescape").splitlines()
    if "--verify" in questions:
        raise _no(f"{path} has no commit yet: commit something in it, then try again.")
    if "not a git repository" in err:
        raise _no(f"{path} is not a Git repository: run `git init` and commit something in it, or give another folder.")
    raise explain(GitError("rev-parse", status, err), str(path))


def _global_ignores() -> Path | None:
    keep = frozenset({"GIT_CONFIG_GLOBAL"})
    asked = ("config", "--type=path", "--get", "core.excludesFile")
    status, out, _ = call(*asked, cwd=Path("/"), env={"GIT_DIR": "/dev/null"}, keep=keep)
    if not status:
        return Path(os.fsdecode(out.rstrip(b"\n")))
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "git" / "ignore"


def _no(sentence: str) -> Invalid:
    return Invalid(sentence, field="url")
