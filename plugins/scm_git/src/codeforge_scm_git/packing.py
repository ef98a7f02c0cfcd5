"""Commits on their way from one mirror of a project to another, as git bundles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from codeforge import Conflict
from codeforge_scm_git.command import GitError
from codeforge_scm_git.mirror import HIDDEN, Mirror
from codeforge_scm_git.sealed import Sealed, create

_SECONDS = 3600.0
_TIPS = 200


def tips(mirror: Mirror) -> list[str]:
    """The newest commits that the mirror has names for: what another's pack need not bring."""
    if not mirror.path.is_dir():
        return []
    places = ("refs/remotes/", "refs/tags/", HIDDEN)
    out = mirror.git("for-each-ref", f"--count={_TIPS}", "--sort=-creatordate", "--format=%(objectname)", *places)
    return list(dict.fromkeys(out.decode().split()))


def pack(mirror: Mirror, into: Path, refs: Mapping[str, str], have: Sequence[str]) -> bool:
    """Write a bundle of ``refs`` and the tags, without what ``have`` brings along; False when nothing is left."""
    for ref, commit in refs.items():
        mirror.keep(ref, mirror.commit(commit))
    known = [f"^{commit}" for commit in _known(mirror.git, have)]
    asked = "".join(f"{line}\n" for line in (*refs, *known)).encode()
    if not mirror.git("rev-list", "--max-count=1", "--stdin", stdin=asked).strip():
        return False
    tags = mirror.git("for-each-ref", "--format=%(refname)", "refs/tags/")
    mirror.git("bundle", "create", "--quiet", into, "--stdin", stdin=tags + asked, seconds=_SECONDS)
    return True


def unpack(mirror: Mirror, bundle: Path) -> None:
    """Take a bundle's commits and names in. Raises `Conflict` where the commits that it builds on are missing."""
    with bundle.open("rb") as file:
        sha256 = b"@object-format=sha256" in file.read(4096)
    git = create(mirror.path, "sha256" if sha256 else "sha1")
    status, out, err = git.status("bundle", "unbundle", bundle, seconds=_SECONDS)
    if status:
        if "prerequisite" in err:
            raise Conflict(
                f"The mirror of {mirror.project.name} lacks the commits that were built on: start a new run."
            )
        raise GitError("bundle unbundle", status, err)
    for line in out.decode(errors="surrogateescape").splitlines():
        commit, ref = line.split(" ", 1)
        if ref.startswith(HIDDEN):
            mirror.keep(ref, commit)
        elif ref.startswith("refs/tags/"):
            git("update-ref", "--no-deref", ref, commit)


def _known(git: Sealed, have: Sequence[str]) -> list[str]:
    """Those of ``have`` that this mirror has, too."""
    names = "".join(f"{name}\n" for name in have if name.isalnum()).encode()
    told = git("cat-file", "--batch-check=%(objectname) %(objecttype)", stdin=names).decode().splitlines()
    return [line.split()[0] for line in told if line.endswith((" commit", " tag"))]
