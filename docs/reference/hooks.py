"""The hooks, by their three kinds, from the page that defines them."""

from __future__ import annotations

import ast

from codeforge import hookspecs
from reference import sources
from reference.tables import prose

KINDS = {
    "Offers": "Plain functions. They hand over objects and do no work.",
    "Decisions": "Plain functions, pure and quick. The first answer that is not `None` counts.",
    "Moments": "`async def`. All are told, one after the other.",
}


def kind(function: sources.Function) -> str:
    """Offers, Decisions or Moments."""
    if isinstance(function, ast.AsyncFunctionDef):
        return "Moments"
    return "Decisions" if "hookspec(firstresult=True)" in sources.decorators(function) else "Offers"


def hooks() -> list[sources.Function]:
    """All hooks in their order."""
    return list(sources.functions(sources.tree(hookspecs).body))


def every() -> str:
    """Each hook with its signature and docstring, below its kind."""
    parts = []
    for name, words in KINDS.items():
        parts.append(f"### {name}\n\n{words}")
        parts += [_one(hook) for hook in hooks() if kind(hook) == name]
    return "\n\n".join(parts)


def _one(hook: sources.Function) -> str:
    return (
        f"#### {hook.name}\n\n```python\n{sources.signature(hookspecs, hook)}\n```\n\n{prose(sources.docstring(hook))}"
    )
