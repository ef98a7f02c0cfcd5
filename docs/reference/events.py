"""The kinds of events, from the docstring that defines their data."""

from __future__ import annotations

import re

import codeforge.events
from codeforge.events import Kind
from reference import sources
from reference.tables import code, prose, table

OURS = {
    Kind.ASKED: "The agent asks leave; `by` has answered at once, or is null and a person is to answer.",
    Kind.STATE: "The run is in another state now.",
    Kind.MESSAGE: "A person said something to the run.",
    Kind.PROGRESS: "CodeForge says what it is doing.",
    Kind.CHECK: "A line of the check's output.",
    Kind.CHECKED: "The check has ended; `exit` is null when it ran into its time limit.",
    Kind.CHANGE: "The work was kept as commit `head` on top of `base`.",
    Kind.REVIEW: "A person gave a verdict.",
    Kind.DELIVERED: "The accepted change is in the branch.",
    Kind.ANSWERED: "A person has answered what the agent asked; null: the agent does not ask it any more.",
}
"""What the code says nowhere in a sentence."""
_ENTRY = re.compile(r"([a-z/]+) \{([^}]*)\}([;.])")


def kinds() -> str:
    """Each kind, who says it, and what its data holds."""
    data, ours = {}, False
    written: dict[str, str] = {}
    for names, found, end in _ENTRY.findall(" ".join((Kind.__doc__ or "").split())):
        for name in names.split("/"):
            data[name], written[name] = found, "CodeForge" if ours else "the agent"
        ours = ours or end == "."
    makers = {node.name: sources.docstring(node) for node in sources.functions(sources.tree(codeforge.events).body)}
    rows = [
        (code(k), written[k], ", ".join(map(code, data[k].split(", "))), OURS.get(k) or prose(makers[k])) for k in Kind
    ]
    return table(("kind", "from", "data", "meaning"), rows)
