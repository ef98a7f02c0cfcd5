"""The repository that a project was made from: its branches, bringing them here, and pushing to it.

These calls are the only ones that read the configuration of the user who runs CodeForge: credential helpers,
proxies, certificates and insteadOf live there, and a local folder's working tree must be updated with that user's
own filters. What could run something on our side (hooks, submodules, signing, maintenance) is switched off.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from codeforge import Invalid
from codeforge_scm_git.address import Address
from codeforge_scm_git.command import GitError, call
from codeforge_scm_git.faults import explain

LOOK_SECONDS = 30.0
TRANSFER_SECONDS = 3600.0
_SSH = (
    "ssh -oBatchMode=yes -oConnectTimeout=15 -oServerAliveInterval=15 -oServerAliveCountMax=4"
    " -oControlMaster=no -oControlPath=none"
)
_KEPT = frozenset(
    {"GIT_SSH", "GIT_SSH_COMMAND", "GIT_SSH_VARIANT", "GIT_EXEC_PATH"}
    | {"GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM"}
    | {"GIT_SSL_CAINFO", "GIT_SSL_CAPATH", "GIT_SSL_CERT", "GIT_SSL_KEY", "GIT_SSL_NO_VERIFY"}
)
_OFF = (
    "core.hooksPath=/dev/null", "core.fsmonitor=false", "gc.auto=0", "maintenance.auto=false",
    "push.followTags=false", "push.gpgSign=false", "push.recurseSubmodules=no", "submodule.recurse=false",
    "fetch.recurseSubmodules=no", "fetch.writeCommitGraph=false", "credential.interactive=false",
    "http.lowSpeedLimit=1", "http.lowSpeedTime=60",
)  # fmt: skip
UPDATE_INSTEAD = "git -c receive.denyCurrentBranch=updateInstead receive-pack"


@dataclass(frozen=True, slots=True)
class Heads:
    """The references of a repository: ``refs`` from name to id, and the branch that HEAD names."""

    head: str | None
    refs: dict[str, str]

    @property
    def branches(self) -> tuple[str, ...]:
        """Branches by name, the one that HEAD names first."""
        names = [ref.removeprefix("refs/heads/") for ref in self.refs if ref.startswith("refs/heads/")]
        first = self.head if self.head in names else next((n for n in ("main", "master") if n in names), None)
        return tuple(sorted(names, key=lambda name: (name != first, name)))

    @property
    def object_format(self) -> str:
        """How ids are made: "sha1" or "sha256"."""
        return "sha256" if any(len(oid) == 64 for oid in self.refs.values()) else "sha1"


@dataclass(frozen=True, slots=True)
class Origin:
    """The repository at ``address``. All methods block, and raise `Unavailable`, `Forbidden` or `Invalid`."""

    address: Address

    def heads(self) -> Heads:
        """Branches and tags, asked within 30 seconds."""
        where = self.address.url
        if self.address.path and not self.address.path.is_dir():
            raise Invalid(f"There is no folder {where}: check the path.", field="url")
        try:
            out = self._git("ls-remote", "--symref", "--", where, "HEAD", "refs/heads/*", "refs/tags/*")
        except GitError as failure:
            raise explain(failure, where) from failure
        head, refs = None, {}
        for line in out.decode(errors="surrogateescape").splitlines():
            value, _, ref = line.partition("\t")
            if value.startswith("ref: refs/heads/") and ref == "HEAD":
                head = value.removeprefix("ref: refs/heads/")
            elif ref.startswith(("refs/heads/", "refs/tags/")) and not ref.endswith("^{}"):  # "HEAD" matches more
                refs[ref] = value
        return Heads(head, refs)

    def fetch(self, mirror: Path) -> None:
        """Bring all branches and tags into ``mirror``, and forget those that are gone. Raises `GitError`."""
        self._git(
            "fetch", "--quiet", "--prune", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance",
            "--no-recurse-submodules", "--update-shallow", "--", self.address.url,
            "+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*",
            mirror=mirror, seconds=TRANSFER_SECONDS,
        )  # fmt: skip

    def push(self, mirror: Path, commit: str, branch: str) -> None:
        """Bring ``commit`` to ``branch`` if it is a descendant of what is there. Raises `GitError`."""
        receive = (f"--receive-pack={UPDATE_INSTEAD}",) if self.address.path else ()
        self._git(
            "push", "--porcelain", "--no-follow-tags", "--no-signed", "--recurse-submodules=no", *receive,
            "--", self.address.url, f"{commit}:refs/heads/{branch}",
            mirror=mirror, seconds=TRANSFER_SECONDS,
        )  # fmt: skip

    def _git(self, *args: str, mirror: Path | None = None, seconds: float = LOOK_SECONDS) -> bytes:
        options = [part for setting in _OFF for part in ("-c", setting)]
        env = {
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ASKPASS": "",
            "SSH_ASKPASS_REQUIRE": "never",
            "GIT_ALLOW_PROTOCOL": self.address.protocols,
            "GIT_NO_LAZY_FETCH": "1",
            "GIT_DIR": str(mirror or "/dev/null"),
        }
        if self.address.scheme == "ssh" and (command := _ssh_command()):
            env["GIT_SSH_COMMAND"] = command
        status, out, err = call(*options, *args, cwd=mirror or Path("/"), env=env, keep=_KEPT, seconds=seconds)
        if status:
            raise GitError(args[0], status, err + out.decode(errors="replace"))
        return out


def _ssh_command() -> str | None:
    """ssh that never asks; None where the operator has chosen a command, which then counts as it is."""
    if "GIT_SSH_COMMAND" in os.environ or "GIT_SSH" in os.environ:
        return None
    env = {"GIT_DIR": "/dev/null"}
    chosen, _, _ = call("config", "--get", "core.sshCommand", cwd=Path("/"), env=env, keep=_KEPT)
    return None if chosen == 0 else _SSH
