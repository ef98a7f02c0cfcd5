"""Whether bubblewrap works on this machine, and with which flags: asked by starting a tiny sandbox."""

from __future__ import annotations

import asyncio
import shutil
import time
from contextlib import suppress

from codeforge import Health, Unavailable
from codeforge_sandbox_bubblewrap.mounts import system

PROGRAM = "bwrap"
PATIENCE = 10.0
FRESH = 60.0
"""Seconds for which what worked counts as working."""
COMMON = ("--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try")
TRIES = (
    (*COMMON, "--unshare-user", "--disable-userns"),
    (*COMMON, "--unshare-user"),
    COMMON,  # only root, or a bwrap with rights of its own, does without a user namespace
)
"""The best first: without more user namespaces inside, less of the kernel can be reached."""
FIXES = {
    None: "Install it: apt-get install bubblewrap, dnf install bubblewrap, or pacman -S bubblewrap.",
    "namespace": "Allow user namespaces: sysctl kernel.unprivileged_userns_clone=1, on Ubuntu also "
    "kernel.apparmor_restrict_unprivileged_userns=0; a container needs seccomp=unconfined, apparmor=unconfined and "
    "systempaths=unconfined among its security_opt.",
}
_known: tuple[float, str, tuple[str, ...]] | None = None


async def health(name: str) -> Health:
    """How bubblewrap is."""
    try:
        version, told = await _look()
    except Unavailable as error:
        fix = FIXES["namespace" if shutil.which(PROGRAM) else None]
        return Health(name=name, ok=False, detail=str(error), fix=fix)
    alone = "" if "--disable-userns" in told else ", but more user namespaces can be made inside"
    return Health(name=name, ok=True, detail=f"bubblewrap confines agents and checks{alone}", version=version)


async def flags() -> tuple[str, ...]:
    """The program and the flags with which it works here. Raises `Unavailable`."""
    _, found = await _look()
    return found


async def _look() -> tuple[str, tuple[str, ...]]:
    global _known
    if _known and time.monotonic() - _known[0] < FRESH:
        return _known[1:]
    program = shutil.which(PROGRAM)
    if program is None:
        raise Unavailable("bubblewrap is not installed.")
    code, version = await _run(program, "--version")
    why = ""
    for tried in TRIES:
        code, said = await _run(
            program, *tried, "--die-with-parent", *system(), "--proc", "/proc", "--dev", "/dev", "true"
        )
        if not code:
            _known = time.monotonic(), version.split()[-1] if version else "", (program, *tried)
            return _known[1:]
        why = why or said
    raise Unavailable(f"bubblewrap does not work here: {why.splitlines()[0] if why else 'it gave no reason'}.")


async def _run(*command: str) -> tuple[int, str]:
    """Exit code and output of a command, which runs on this machine as it is."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={"PATH": "/usr/bin:/bin"},
    )
    try:
        async with asyncio.timeout(PATIENCE):
            said, _ = await process.communicate()
    except TimeoutError:
        return 1, "it did not end"
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    return process.returncode or 0, said.decode(errors="replace").strip()
