"""The public names, by the module that they come from."""

from __future__ import annotations

from importlib import import_module

import codeforge
import codeforge.testing
from reference import sources
from reference.tables import code, prose, table


def public() -> str:
    """What ``from codeforge import ...`` gives."""
    return table(("module", "names"), [(code(f"codeforge.{m}"), _list(names)) for m, names in codeforge._HOMES.items()])


def _list(names: str) -> str:
    return ", ".join(map(code, names.split()))


def testing() -> str:
    """What ``from codeforge.testing import ...`` gives, each with its first sentence."""
    rows = []
    for home, names in codeforge.testing._HOMES.items():
        module = import_module(f"codeforge.testing.{home}")
        said = {getattr(node, "name", ""): node for node in sources.tree(module).body}
        rows += [(code(name), prose(sources.docstring(said[name]).split("\n\n")[0])) for name in names.split()]  # type: ignore[arg-type]
    return table(("name", "what it is"), rows)
