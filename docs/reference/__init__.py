"""The reference sections of the documents, each made from the code that it describes."""

from __future__ import annotations

import re
from collections.abc import Callable

from reference import commands, events, hooks, interfaces, life, names, rest, runs, settings, waits

SECTIONS: dict[str, Callable[[], str]] = {
    "states": runs.states,
    "moves": runs.moves,
    "reasons": runs.reasons,
    "waits": waits.waits,
    "settings": settings.every,
    "commands": commands.every,
    "rest": rest.operations,
    "events": events.kinds,
    "hooks": hooks.every,
    "interfaces": interfaces.every,
    "names": names.public,
    "testing": names.testing,
}
"""Each section by its name; the document that holds it names it in a marker."""

PICTURES: dict[str, Callable[[], str]] = {"life.svg": life.picture}
"""Each picture that is drawn from the code, by its file in the folder of images."""

_SECTION = re.compile(r"(<!-- reference: ([a-z]+) -->\n)(.*?)(<!-- end of reference -->)", re.DOTALL)


def renewed(text: str) -> str:
    """The document with every section made anew. Raises `KeyError` for a section that nobody makes."""
    return _SECTION.sub(lambda found: f"{found[1]}\n{SECTIONS[found[2]]().strip()}\n\n{found[4]}", text)


def held(text: str) -> dict[str, str]:
    """The sections that a document holds, as they stand there."""
    return {name: body.strip() for _, name, body, _ in _SECTION.findall(text)}
