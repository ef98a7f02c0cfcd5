"""The files of a workspace as a tree in the mirror, read with our own git folder and index.

Whatever an agent did to the workspace's .git has no influence, and nothing of its configuration is started:
`git add` is not used, because it looks into repositories nested in the files, and runs git there.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from codeforge_scm_git import tree
from codeforge_scm_git.command import GitError
from codeforge_scm_git.sealed import Sealed

_DEEPEST = 20
_GITLINK = b"160000"


def take(mirror: Sealed, path: Path, private: Path, start: str, head: str) -> tuple[str, list[str]]:
    """The tree of all that is in ``path``, and sentences on what could not be taken into it as it is.

    ``head`` is the agent's last commit: what it committed is no file to ignore.
    """
    index = private / "index"
    (private / "index.lock").unlink(missing_ok=True)
    git = mirror.on(path, index)
    if not index.is_file():
        git("read-tree", start)
    try:
        return _take(git, path, private, start, head)
    except GitError as failure:
        if "Permission denied" not in failure.err:
            raise
        tree.unlock(path)
        return _take(git, path, private, start, head)


def put_back(mirror: Sealed, path: Path, private: Path) -> None:
    """Make the files those of the tree that was taken last; what is ignored stays."""
    tree.unlock(path)
    git = mirror.on(path, private / "index")
    for name in _others(git, path, _ignores(path, private), _DEEPEST):
        (path / os.fsdecode(name)).unlink(missing_ok=True)
    gone, there = _changed(git)
    if gone or there:
        git("checkout-index", "--force", "-z", "--stdin", stdin=_lines([*gone, *there]))


def _take(git: Sealed, path: Path, private: Path, start: str, head: str) -> tuple[str, list[str]]:
    gone, there = _changed(git)
    there += _committed(git, path, start, head)
    there += _others(git, path, _ignores(path, private), _DEEPEST)
    regular = [name for name in there if _storable(os.fsencode(path) + b"/" + name)]
    gone += set(there).difference(regular)
    if gone:
        git("update-index", "--force-remove", "-z", "--stdin", stdin=_lines(gone))
    left, raw = _add(git, path, regular)
    notes = [f"Kept as it is, because it is not in the encoding that .gitattributes names: {_shown(n)}" for n in raw]
    notes += [f"Not included, because git cannot store the name: {_shown(name)}" for name in left]
    notes += [f"Not included, because it lies in a submodule: {_shown(name)}" for name in _filled_gitlinks(git, path)]
    return git.word("write-tree"), notes


def _changed(git: Sealed) -> tuple[list[bytes], list[bytes]]:
    """Paths of the index that are gone (or lie beyond a link now), and those that differ."""
    fields = git("diff-files", "--raw", "-z", "--no-renames", "--ignore-submodules=dirty").split(b"\0")[:-1]
    gone, there = [], []
    for about, name in zip(fields[::2], fields[1::2], strict=True):
        old, new, _, _, status = about[1:].split(b" ")
        if status == b"D":
            gone.append(name)
        elif not old == new == _GITLINK:  # a submodule stays at the commit that the project pins
            there.append(name)
    return gone, there


def _committed(git: Sealed, path: Path, start: str, head: str) -> list[bytes]:
    """Files that the agent's commits added; where they still are, as a rule ``_others`` finds them, too."""
    added = git("diff-tree", "-r", "-z", "--name-only", "--no-renames", "--diff-filter=A", start, head)
    return [name for name in added.split(b"\0")[:-1] if not _beyond_a_link(path / os.fsdecode(name), path)]


def _beyond_a_link(file: Path, root: Path) -> bool:
    return file.parent.resolve() != root.resolve() / file.parent.relative_to(root)


def _others(git: Sealed, root: Path, ignores: list[str], depth: int) -> list[bytes]:
    """New files that no .gitignore names. A repository nested in them counts as a folder with files."""
    found = []
    for name in git("ls-files", "-o", "-z", "--exclude-per-directory=.gitignore", *ignores).split(b"\0")[:-1]:
        if not name.endswith(b"/"):
            found.append(name)
            continue
        inner = root / os.fsdecode(name)
        if depth and not inner.is_symlink():
            nested = git.on(inner, git.gitdir / "codeforge" / "no-index")
            rules = root / ".gitignore"
            more = [f"--exclude-from={rules}"] if rules.is_file() and not rules.is_symlink() else []
            found += [name + each for each in _others(nested, inner, ignores + more, depth - 1)]
    return found


def _ignores(path: Path, private: Path) -> list[str]:
    """What else is ignored: .git/info/exclude, which agents' back ends use for their own files, as mere data."""
    copy = private / "exclude"
    copy.unlink(missing_ok=True)
    source = path / ".git" / "info" / "exclude"
    real = all(not part.is_symlink() for part in (source, source.parent, source.parent.parent))
    if real and source.is_file() and source.stat().st_size < 1 << 20:
        shutil.copyfile(source, copy)
        return [f"--exclude-from={copy}"]
    return []


def _storable(name: bytes) -> bool:
    try:
        mode = os.lstat(name).st_mode
    except OSError:
        return False
    return stat.S_ISREG(mode) or stat.S_ISLNK(mode)


def _add(git: Sealed, path: Path, names: list[bytes]) -> tuple[list[bytes], list[bytes]]:
    """Take files into the index; gives those that git skips, such as a name that would pass for .git elsewhere,
    and those that went in as they are, because they have not the encoding that .gitattributes promises."""
    if not names:
        return [], []
    status, _, err = git.status("update-index", "--add", "--replace", "--remove", "-z", "--stdin", stdin=_lines(names))
    if status and "encode" in err and (raw := _misencoded(git, path, names)):
        for name in raw:
            _add_raw(git, path, name)
        return _add(git, path, [name for name in names if name not in raw])[0], raw
    if status:
        raise GitError("update-index", status, err)
    if "Ignoring path" not in err:
        return [], []
    return [name for name in names if f"Ignoring path {name.decode(errors='replace')}\n" in err], []


def _misencoded(git: Sealed, path: Path, names: list[bytes]) -> list[bytes]:
    about = git("check-attr", "-z", "--stdin", "working-tree-encoding", stdin=_lines(names)).split(b"\0")
    named = [name for name, value in zip(about[::3], about[2::3], strict=False) if value != b"unspecified"]
    regular = [name for name in named if not (path / os.fsdecode(name)).is_symlink()]
    return [name for name in regular if git.status("hash-object", "-w", "--", os.fsdecode(name))[0]]


def _add_raw(git: Sealed, path: Path, name: bytes) -> None:
    oid = git.word("hash-object", "-w", "--no-filters", "--", os.fsdecode(name))
    mode = "100755" if (path / os.fsdecode(name)).lstat().st_mode & stat.S_IXUSR else "100644"
    git("update-index", "--add", "--replace", "-z", "--index-info", stdin=f"{mode} {oid}\t".encode() + name + b"\0")


def _filled_gitlinks(git: Sealed, path: Path) -> Iterator[bytes]:
    for entry in git("ls-files", "-s", "-z").split(b"\0"):
        if entry.startswith(_GITLINK):
            name = entry.split(b"\t", 1)[1]
            folder = path / os.fsdecode(name)
            if folder.is_dir() and not folder.is_symlink() and any(each.name != ".git" for each in folder.iterdir()):
                yield name


def _lines(names: list[bytes]) -> bytes:
    return b"".join(name + b"\0" for name in names)


def _shown(name: bytes) -> str:
    return name.decode(errors="backslashreplace").encode("unicode_escape").decode()
