"""What people name on the command line, found: a repository by path or address, a project by name or id."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from codeforge.cli.api import Api
from codeforge.errors import NotFound


def address(path_or_url: str, here: Path) -> str:
    """An address as it is; a path of this machine made absolute, since the server works elsewhere."""
    if "://" in path_or_url or not path_or_url.strip():
        return path_or_url
    path = Path(path_or_url).expanduser()
    remote = ":" in path_or_url.split("/", 1)[0] and not path.exists()  # host:path, as ssh has it
    return path_or_url if remote else str((here / path).resolve())


def project_of(api: Api, name: str) -> dict[str, Any]:
    """The project of that name or id. Raises `NotFound` with those there are."""
    projects = list(api.pages("/projects"))
    for key in ("id", "name"):
        for project in projects:
            if project[key] == name:
                return project
    names = ", ".join(p["name"] for p in projects[:8]) + (", ..." if len(projects) > 8 else "")
    raise NotFound(f"There is no project {name}; there is {names or 'none'}.", field="project")


def prompt_of(text: str) -> str:
    """The text, or what stdin holds when it is "-"."""
    return sys.stdin.read() if text == "-" else text
