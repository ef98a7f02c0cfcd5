"""The settings, each with its type, default and sentence."""

from __future__ import annotations

import codeforge.settings
from codeforge.settings import Settings
from reference import sources
from reference.tables import code, prose, table

SPOKEN = {
    "data_dir": "the user's data folder",
    "agents_dir": "`agents` in the data folder",
    "key_file": "`secret.key` in the data folder",
}
"""Defaults that depend on the machine."""


def rows() -> list[tuple[str, str, str, str]]:
    """(name, type, default, sentence) of each setting, in the order of the class."""
    node = sources.class_of(codeforge.settings, "Settings")
    written = {line.split(":", 1)[0]: (line, words) for line, words in sources.fields(codeforge.settings, node)}
    found = []
    for name, field in Settings.model_fields.items():
        line, words = written[name]
        kind = line.split(": ", 1)[1].split(" = ", 1)[0].removeprefix("Annotated[").split(", NoDecode")[0]
        default = SPOKEN.get(name) or _written(field.default)
        found.append((name, kind, default, prose(words)))
    return found


def _written(default: object) -> str:
    if default is None:
        return "none"
    if default in ("", (), {}):
        return "empty"
    if isinstance(default, tuple):
        return code(",".join(map(str, default)))
    return code(
        str(default).lower() if isinstance(default, bool) else f"{default:g}" if isinstance(default, float) else default
    )


def every() -> str:
    """The settings as a table."""
    heads = ("setting", "in the environment", "type", "default", "what it is")
    lines = [(code(n), code(f"CODEFORGE_{n.upper()}"), code(kind), default, said) for n, kind, default, said in rows()]
    return table(heads, lines)
