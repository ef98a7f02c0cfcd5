"""The sandbox offer: looks whether bubblewrap works here, and opens the doors of a run's sandbox for its time."""

from __future__ import annotations

import json
import os
import secrets
import socket
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import asdict
from pathlib import Path
from urllib.parse import urlsplit

from codeforge import Confined, Confinement, EmptySandbox, Health, Sandbox
from codeforge_sandbox_bubblewrap import etc, probe
from codeforge_sandbox_bubblewrap.allowed import Allowed
from codeforge_sandbox_bubblewrap.door import Way, gateway_door
from codeforge_sandbox_bubblewrap.forward import forward_proxy
from codeforge_sandbox_bubblewrap.mounts import BRIDGE, INSIDE, Mounts
from codeforge_sandbox_bubblewrap.reports import Reports

GATEWAY_PORT, PROXY_PORT = 8701, 8702
"""Inside, where nobody else listens: the sandbox has a loopback of its own."""
SHELL = "/bin/sh"
"""By its path: what starts outside must not be looked for where a run can write."""
START = 'trap "" TERM INT HUP; { echo 1000 > /proc/self/oom_score_adj; } 2>/dev/null; exec "$@"'
"""bwrap would die of a polite signal, and take all along; the bridge inside hears it and passes it on. When memory is
short, what a run takes goes before anything else."""


class Bubblewrap(Sandbox):
    """``hidden`` are folders that are never shown whole, whatever a run may read."""

    name = "bubblewrap"

    def __init__(self, *, hidden: tuple[Path, ...] = ()) -> None:
        self._hidden = (*hidden, Path.home())

    async def check(self) -> Health:
        """Starts a tiny sandbox; one that worked is not tried again for a minute."""
        return await probe.health(self.name)

    @asynccontextmanager
    async def enter(self, confinement: Confinement) -> AsyncIterator[Confined]:
        """See `Sandbox.enter`. The doors are sockets in the run's folder, served by this process."""
        flags, doors = await probe.flags(), confinement.folder / "doors"
        mounts = Mounts(confinement, hidden=self._hidden)
        doors.mkdir(mode=0o700, parents=True)
        etc.write(confinement.folder / "etc", confinement.home)
        async with AsyncExitStack() as stack:
            at = stack.enter_context(_opened(doors))
            door = gateway_door(_listening(at, "gateway"), confinement.gateway, confinement.key)
            way = await stack.enter_async_context(door)
            reports = await stack.enter_async_context(Reports.heard(_bound(at, "reports"), confinement.bounds))
            password = ""
            if confinement.allowed_hosts:
                password = secrets.token_urlsafe(24)
                proxy = forward_proxy(_listening(at, "proxy"), Allowed(confinement.allowed_hosts), password)
                await stack.enter_async_context(proxy)
            yield _Inside(confinement, flags, mounts, password, reports, way=way)


class _Inside(Confined):
    def __init__(
        self, told: Confinement, flags: tuple[str, ...], mounts: Mounts, password: str, reports: Reports, *, way: Way
    ) -> None:
        self._flags, self._mounts, self._reports, self._way = flags, mounts, reports, way
        self.outside = told.gateway
        self.gateway = f"http://127.0.0.1:{GATEWAY_PORT}{urlsplit(told.gateway).path}"
        doors, reach = [(GATEWAY_PORT, f"{INSIDE}/doors/gateway")], "no network but the model gateway"
        if password:
            doors.append((PROXY_PORT, f"{INSIDE}/doors/proxy"))
            proxy, here = f"http://run:{password}@127.0.0.1:{PROXY_PORT}", "127.0.0.1,localhost"
            names = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), proxy)
            self.env = {**names, "NO_PROXY": here, "no_proxy": here}
            reach += f" and {', '.join(told.allowed_hosts)}"
        bounds = {"doors": doors, "reports": f"{INSIDE}/doors/reports", "limits": asdict(told.bounds)}
        self._told = json.dumps(bounds, separators=(",", ":"))
        self.words = (
            f"Confined by bubblewrap: it sees its workspace and the system's programs, has {reach}, and takes at most "
            f"{told.bounds.memory_mb:,} MB of memory and {told.bounds.processes:,} processes."
        )

    def command(self, command: list[str], *, cwd: Path, env: Mapping[str, str]) -> list[str]:
        program = Path(command[0])  # a mere name is looked for inside, among what is seen there
        return self._command(command, program if program.is_absolute() else None, cwd)

    def _command(self, command: list[str], program: Path | None, cwd: Path) -> list[str]:
        mounts = self._mounts.arguments(program)
        python = os.path.realpath(sys.executable)
        return [
            SHELL, "-c", START, "sandbox", *self._flags, "--die-with-parent", "--as-pid-1", "--cap-drop", "ALL",
            "--hostname", "sandbox", *mounts, "--chdir", str(cwd), "--",
            python, "-I", "-S", f"{INSIDE}/bridge/bridge.py", self._told, "--", *command,
        ]  # fmt: skip

    def empty(self, program: Path, *, cwd: Path) -> EmptySandbox:
        """See `Confined.empty`."""
        command = self._command([], program, cwd)
        return EmptySandbox(command=tuple(command), enter=BRIDGE / "enter.py", told=self._told)

    def stand_between(self, server: str, key: str) -> None:
        self._way.server, self._way.key = server, key

    @property
    def trouble(self) -> str:
        return self._reports.trouble


@contextmanager
def _opened(folder: Path) -> Iterator[Path]:
    """``folder`` by a path that is short, however long its own is: a socket's has at most 107 characters."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield Path(f"/proc/self/fd/{handle}")
    finally:
        os.close(handle)


def _listening(folder: Path, name: str) -> socket.socket:
    made = socket.socket(socket.AF_UNIX)
    made.bind(str(folder / name))
    made.listen(64)
    made.setblocking(False)
    return made


def _bound(folder: Path, name: str) -> socket.socket:
    made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    made.bind(str(folder / name))
    made.setblocking(False)
    return made
