"""What a running server leaves in its data folder, so that other commands on this machine find it and may use it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from codeforge.errors import Unauthorized

if TYPE_CHECKING:
    from codeforge.forge import Forge

SERVER, TOKEN = "server.json", "cli-token"


@dataclass(frozen=True, slots=True)
class Present:
    """A server that says it runs: where, and as which process."""

    url: str
    pid: int


def found(folder: Path) -> Present | None:
    """The server of this data folder, or None when none runs."""
    try:
        told = json.loads((folder / SERVER).read_text(encoding="utf-8"))
        present = Present(url=str(told["url"]), pid=int(told["pid"]))
        the_same = told.get("started") == _started(present.pid)
    except (OSError, ValueError, KeyError, TypeError, OverflowError):
        return None
    return present if the_same and _alive(present.pid) else None


def _started(pid: int) -> str | None:
    """When a process started, as the system counts: its number alone may be another program's by now."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[19]
    return None


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def token(folder: Path) -> str | None:
    """The local bearer token, or None when no server has made one yet."""
    with suppress(OSError, UnicodeDecodeError):
        return (folder / TOKEN).read_text(encoding="ascii").strip() or None
    return None


@contextmanager
def published(folder: Path, url: str) -> Iterator[None]:
    """Say in the data folder that this process serves it, as long as the block lasts."""
    _write(folder / SERVER, json.dumps({"url": url, "pid": os.getpid(), "started": _started(os.getpid())}))
    try:
        yield
    finally:
        (folder / SERVER).unlink(missing_ok=True)


async def local_token(forge: Forge) -> str:
    """The local token of this server's data folder, made anew when there is none or it is good no more."""
    folder = forge.settings.data_dir
    if secret := token(folder):
        with suppress(Unauthorized):
            await forge.accounts.by_token(secret)
            return secret
    who = await forge.accounts.admin()
    _, secret = await forge.accounts.new_token(who, "command line on this machine", ("read", "write", "admin"))
    _write(folder / TOKEN, secret)
    return secret


def _write(path: Path, text: str) -> None:
    """Replace a file at once, readable by its owner alone."""
    new = path.with_name(f"{path.name}.{os.getpid()}")
    with os.fdopen(os.open(new, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    new.replace(path)
