"""What people name on the command line, found: a repository by path or address, a project by name or id."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import Any

from codeforge.cli.api import Api
from codeforge.errors import Invalid, NotFound


def address(path_or_url: str) -> str:
    """An address as it is; a path of this machine made absolute, since the server works elsewhere."""
    if "://" in path_or_url or not path_or_url.strip():
        return path_or_url
    try:
        path = Path(path_or_url).expanduser()
        remote = ":" in path_or_url.split("/", 1)[0] and not path.exists()  # host:path, as ssh has it
        return path_or_url if remote else str((Path.cwd() / path).resolve())
    except (OSError, RuntimeError) as error:  # no such user, a link to itself, a folder that is gone
        raise Invalid(f"{path_or_url} is no usable path ({error}): give another.", field="url") from error


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
    """The text, or what stdin holds when it is "-". Raises `Invalid`."""
    try:
        if text == "-":
            text = sys.stdin.read() if sys.stdin else ""
        text.encode()
    except UnicodeError:
        raise Invalid("The text holds bytes that are no UTF-8: give it as UTF-8.", field="prompt") from None
    return text


def moment_of(text: str) -> str:
    """A time as people write it, with its offset from UTC; without one, this machine's counts. Raises `Invalid`."""
    try:
        return datetime.fromisoformat(text).astimezone().isoformat()
    except (ValueError, OverflowError):
        raise Invalid(f"{text} is no time: give one such as 2030-01-31T22:00.", field="not_before") from None
