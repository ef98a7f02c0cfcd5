"""What stands under each field of a shape in the source, for the OpenAPI document.

pydantic can collect this too, but does it when a class is made, which would cost every start a third of a second.
"""

from __future__ import annotations

import ast
import inspect
from itertools import pairwise
from types import ModuleType
from typing import Any

from codeforge.http import problems, schemas


def describe(components: dict[str, dict[str, Any]]) -> None:
    """Give every property of the component schemas its description, where the source has one."""
    docs = _docs(schemas) | _docs(problems)
    for name, component in components.items():
        shape = name.split("_")[0]  # Page_Project_ is a Page
        for field, schema in component.get("properties", {}).items():
            if text := _find(docs, shape, field):
                schema.setdefault("description", text)


def _find(docs: dict[tuple[str, str], str], shape: str, field: str) -> str:
    kind = getattr(schemas, shape, getattr(problems, shape, None))
    return (
        next((docs[c.__name__, field] for c in inspect.getmro(kind) if (c.__name__, field) in docs), "") if kind else ""
    )


def _docs(module: ModuleType) -> dict[tuple[str, str], str]:
    found = {}
    for shape in ast.parse(inspect.getsource(module)).body:
        for field, text in pairwise(shape.body if isinstance(shape, ast.ClassDef) else ()):
            if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant):
                words = inspect.cleandoc(str(text.value.value)).replace("``", "`")
                found[shape.name, ast.unparse(field.target)] = words  # type: ignore[attr-defined]
    return found
