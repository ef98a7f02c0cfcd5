"""The sandbox offer: what confines everything that works for a run, its agent and its check alike."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

from codeforge.errors import Invalid
from codeforge.model import Health

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

NONE = "none"
"""The sandbox that confines nothing."""
_NAME = re.compile(r"\.?([a-z0-9_]([a-z0-9_-]*[a-z0-9])?\.)*[a-z0-9_]([a-z0-9_-]*[a-z0-9])?")


@dataclass(frozen=True, kw_only=True, slots=True)
class Bounds:
    """What the processes of a run may take: ``memory_mb`` and ``processes`` (threads count) together, ``file_mb`` in
    one file, ``cpu_seconds`` each.
    """

    memory_mb: int = 4096
    processes: int = 512
    file_mb: int = 2048
    cpu_seconds: int = 14_400


@dataclass(frozen=True, kw_only=True, slots=True)
class Confinement:
    """What a run is to be confined to.

    ``workspace``, ``home`` and ``state`` are written to; ``readable`` is read beside the system's programs; nothing
    else of the disk is seen. ``folder`` is for the sandbox's own things: it makes it, and it goes with the run's
    folder. ``gateway`` is the model gateway's base URL (".../llm/v1"), which takes ``key``; ``allowed_hosts`` are
    the only other places to be reached (see `hosts`).
    """

    run_id: str
    folder: Path
    workspace: Path
    home: Path
    state: Path
    readable: tuple[Path, ...] = ()
    gateway: str
    key: str = field(repr=False)
    allowed_hosts: tuple[str, ...] = ()
    bounds: Bounds = field(default_factory=Bounds)


@dataclass(frozen=True, kw_only=True, slots=True)
class EmptySandbox:
    """A sandbox with nothing in it, for a process that runs already, such as the fork of an agent's warm parent.

    ``command`` starts it, with one end of a socket pair as its standard input. ``enter`` is a Python file, which with
    what lies beside it needs the standard library only, of every Python from 3.10 on. In a process with one thread
    its function ``enter(socket, told)`` takes the other end, and returns inside, in a child that is confined as what
    is started inside would be, with the descriptors that were open; the process itself must pass on SIGTERM and end as
    its child does. It raises where it cannot do that, and the run starts from cold.
    """

    command: tuple[str, ...]
    enter: Path
    told: str


class Confined(ABC):
    """A sandbox that was entered. ``words`` tell people in one sentence what confines the run.

    ``gateway`` is the model gateway's base URL as it is seen from inside; ``env`` what the environment of everything
    inside needs beside its own, such as a proxy. Without ``apart`` what runs in it is not kept apart at all.
    """

    gateway: str
    words: str
    apart = True
    outside: str
    """The gateway's base URL as this process sees it."""
    env: Mapping[str, str] = {}

    @abstractmethod
    def command(self, command: list[str], *, cwd: Path, env: Mapping[str, str]) -> list[str]:
        """What to start so that ``command`` runs inside, in the folder ``cwd`` with exactly ``env``.

        SIGTERM to its process group must reach the command, and its end must leave nothing behind.
        """

    def empty(self, program: Path, *, cwd: Path) -> EmptySandbox | None:
        """An empty sandbox in which ``program`` would find what it needs to start, in the folder ``cwd``.

        None where nothing can move into a sandbox: every start is a cold one then.
        """
        return None

    @abstractmethod
    def stand_between(self, server: str, key: str) -> None:
        """From now on what comes from inside for the gateway goes to ``server`` ("http://127.0.0.1:4711") instead, by
        the same paths and with ``key`` alone: for a back end that stands between its agent and the gateway.
        """

    @property
    def trouble(self) -> str:
        """Why the sandbox ended what ran in it, for people; empty when it did not."""
        return ""


class Sandbox(ABC):
    """One way to confine runs, under a name of its own."""

    name: str

    @abstractmethod
    async def check(self) -> Health:
        """Whether it can be had on this machine, or what is missing and how to get it. Asked before each run."""

    @abstractmethod
    def enter(self, confinement: Confinement) -> AbstractAsyncContextManager[Confined]:
        """Confine a run for as long as the block lasts. Raises `Unavailable` when that is impossible."""


class Unconfined(Sandbox):
    """No sandbox at all, through the same door as the others."""

    name = NONE

    async def check(self) -> Health:
        return Health(name=self.name, ok=True, detail="Confines nothing.")

    @asynccontextmanager
    async def enter(self, confinement: Confinement) -> AsyncIterator[Confined]:
        yield _Free(confinement.gateway)


class _Free(Confined):
    words = "Nothing confines this run: it can do what the worker's user can."
    apart = False

    def __init__(self, gateway: str) -> None:
        self.gateway = self.outside = gateway

    def stand_between(self, server: str, key: str) -> None:
        """Nothing is between here: the agent is told the server itself."""

    def command(self, command: list[str], *, cwd: Path, env: Mapping[str, str]) -> list[str]:
        return command


def hosts(given: Iterable[str]) -> tuple[str, ...]:
    """Hosts that a sandbox may let through, as they are kept: lower case, each once. Raises `Invalid`.

    "example.org" is that host, ".example.org" every host below it; both on ports 80 and 443, and with ":8443" on
    that port instead. An address stands with its port ("10.0.0.5:3141", "[fd00::5]:443") and is the only way to let
    something private through.
    """
    return tuple(dict.fromkeys(_host(one) for one in given if one.strip()))


def _host(given: str) -> str:
    text = given.strip().lower().rstrip(".")
    name, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal():
        name, port = text, ""
    bare = name.removeprefix("[").removesuffix("]")
    if not port or (port.isascii() and 0 < int(port[:6]) < 65536):
        try:
            ip_address(bare)
        except ValueError:
            labels = name.removeprefix(".").split(".")
            if len(name) < 254 and max(map(len, labels)) < 64 and _NAME.fullmatch(name) and not labels[-1].isdecimal():
                return text
        else:
            if port and (":" in bare) == name.startswith("["):
                return text
    raise Invalid(
        f"{given.strip()[:80]} is no host: give a name such as example.org, .example.org for all below it, a name with "
        "a port, or an address with its port such as 10.0.0.5:3141.",
        field="allowed_hosts",
    )
