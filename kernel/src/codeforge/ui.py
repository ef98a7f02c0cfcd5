"""What a plugin may add to the pages without bringing a page of its own."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Panel:
    """A small box on a run's page. ``text`` is plain text; ``href`` a path of this server or an https address."""

    title: str
    text: str = ""
    href: str = ""
