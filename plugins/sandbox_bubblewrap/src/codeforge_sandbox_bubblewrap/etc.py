"""The few files of /etc that a run gets for itself."""

from __future__ import annotations

import os
from pathlib import Path


def write(folder: Path, home: Path) -> None:
    """Write them to ``folder``: one user, by the name of agent, with ``home``."""
    user, group = os.getuid(), os.getgid()
    files = {
        "passwd": f"agent:x:{user}:{group}:agent:{home}:/bin/sh\n",
        "group": f"agent:x:{group}:\n",
        "hosts": "127.0.0.1 localhost\n",
        "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
    }
    folder.mkdir(mode=0o700, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
