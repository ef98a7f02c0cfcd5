"""Builds and starts container images without an engine: buildah with chroot isolation, Linux namespaces by unshare."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from docker_files import DOCKER, ROOT

TOOLS = ("buildah", "debootstrap", "unshare", "setpriv")
LOOKED_AT = re.compile(r"(PIP|UV|NPM_CONFIG|NODE|SSL|CURL|REQUESTS)_\w+|(https?|all|no)_proxy", re.IGNORECASE)
"""Variables by which this machine's installers find and trust their sources."""


def missing() -> str:
    """What these tests need and is not here, as a sentence; empty when all is."""
    if os.geteuid():
        return "images are built as root only"
    lacking = [tool for tool in TOOLS if not shutil.which(tool)]
    return f"please install first: apt-get install {' '.join(lacking)}" if lacking else ""


def run(*command: object, seconds: float = 1200, **options) -> str:
    """Run a command; gives what it wrote. Fails with its last words."""
    done = subprocess.run(
        [str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        errors="replace", check=False, timeout=seconds, **options,
    )  # fmt: skip
    assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout[-4000:]}"
    return done.stdout


class Images:
    """Images in a store of their own below ``folder``, which goes when the folder goes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        store = ("--root", folder / "store", "--runroot", folder / "run")
        self._buildah = ("buildah", *store, "--storage-driver", "overlay")

    def buildah(self, *arguments: object, **options) -> str:
        return run(*self._buildah, *arguments, **options).strip()

    def bare(self, name: str, *packages: str) -> None:
        """A Debian with these packages from this machine's own mirror, as an image; it knows our installers' ways."""
        form = "$(SITE) $(CODENAME) $(COMPONENT)"
        targets = run("apt-get", "indextargets", "--format", form, "Created-By: Packages").splitlines()
        mirror, codename, _ = next(t.split() for t in targets if t.endswith(" main") and "-" not in t.split()[1])
        root = self.folder / "debian"
        run("debootstrap", "--variant=minbase", f"--include={','.join(packages)}", codename, root, mirror)
        container = self.buildah("from", "scratch")
        self.buildah("copy", "-q", container, root, "/")
        shutil.rmtree(root)
        for variable, value in _looked_at().items():
            self.buildah("config", "--env", f"{variable}={value}", container)
        self.buildah("commit", "-q", "--rm", container, name)

    def more(self, name: str, base: str, *packages: str) -> None:
        """Another image on ``base`` with more packages of Debian."""
        container = self.buildah("from", "--pull-never", f"localhost/{base}")
        install = f"apt-get update && apt-get install -y --no-install-recommends {' '.join(packages)}"
        self.buildah("run", "--isolation", "chroot", "--network", "host", container, "--", "sh", "-c", install)
        self.buildah("commit", "-q", "--rm", container, name)

    def build(self, target: str, **arguments: str) -> None:
        """Build a target of docker/Dockerfile as an image of its name."""
        told = [part for name, value in arguments.items() for part in ("--build-arg", f"{name}={value}")]
        volumes = [part for path in _files() for part in ("--volume", f"{path}:{path}:ro")]
        self.buildah(
            "build", "--isolation", "chroot", "--network", "host", "--ulimit", "nofile=1024:1024", "--pull-never",
            "--layers", "--format", "docker", *told, *volumes, "--target", target, "--tag", target,
            "--file", DOCKER / "Dockerfile", ROOT,
        )  # fmt: skip

    def run(self, image: str, *command: object) -> str:
        """Run a command in a fresh container of an image, as the image's user."""
        container = self.buildah("from", "--pull-never", f"localhost/{image}")
        try:
            return self.buildah("run", "--isolation", "chroot", "--network", "host", container, "--", *command)
        finally:
            self.buildah("rm", container)

    def mounted(self, image: str) -> Path:
        """The image's files, in a container that stays until the store goes."""
        return Path(self.buildah("mount", self.buildah("from", "--pull-never", f"localhost/{image}")))

    def close(self) -> None:
        """Let go of every mount, so that the folder can be removed."""
        self.buildah("umount", "--all")
        subprocess.run(["umount", self.folder / "store" / "overlay"], capture_output=True, check=False)


def hardened(root: Path, user: str, *command: object) -> list[str]:
    """The command that runs ``command`` on ``root`` as compose would: nothing to write on but /data and /tmp, no
    capability, no way to get one, an init's care for orphans, and an end for all when this process goes.
    """
    prepare = (
        'set -e; mount --bind "$0" "$0"; mount -o remount,bind,ro "$0"; mount -t proc proc "$0/proc"; '
        'mount --rbind /dev "$0/dev"; mount -t tmpfs -o mode=1777 tmp "$0/tmp"; '
        'for own in data config; do [ ! -d "$0/$own" ] || mount -t tmpfs -o uid=10001,gid=10001 own "$0/$own"; done; '
        'exec /usr/sbin/chroot "$0" setpriv --reuid "$1" --regid "$1" --clear-groups '
        '--bounding-set=-all --inh-caps=-all --no-new-privs -- sh -c \'cd /data; exec "$@"\' sh "${@:2}"'
    )
    uid = user.partition(":")[0]
    unshare = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--propagation", "private"]
    return [*unshare, "bash", "-c", prepare, str(root), uid, *map(str, command)]


def _looked_at() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if LOOKED_AT.fullmatch(name)}


def _files() -> list[Path]:
    """Files that the variables name, and the installers' own configuration where a build (by root) looks for it."""
    named = [Path(value) for value in _looked_at().values() if value.startswith("/")]
    usual = [Path("/etc/pip.conf"), Path("/etc/npmrc"), Path.home() / ".npmrc", Path.home() / ".config" / "pip"]
    return sorted({path for path in (*named, *usual) if path.exists()})
