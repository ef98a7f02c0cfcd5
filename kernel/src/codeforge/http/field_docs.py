"""What stands under each field of a shape in the source, for the OpenAPI document.

pydantic can collect this too, but does it when a class is made, which would cost every start a third of a second.
"""

from __future__ import annotations

import ast
import inspect
import sys
from itertools import pairwise
from types import ModuleType
from typing import Any

from codeforge.http import problems, schemas


def describe(components: dict[str, dict[str, Any]]) -> None:
    """Give every property of the component schemas its description, where the source has one."""
    kinds = {kind.__name__: kind for kind in (problems.Problem, *vars(schemas).values()) if inspect.isclass(kind)}
    modules = {sys.modules[kind.__module__] for kind in kinds.values()}
    docs = {place: text for module in modules for place, text in _docs(module).items()}
    for name, component in components.items():
        lines = inspect.getmro(kinds.get(name.split("_")[0], object))  # Page_Project_ is a Page
        for field, schema in component.get("properties", {}).items():
            if text := next((docs[c.__name__, field] for c in lines if (c.__name__, field) in docs), ""):
                schema.setdefault("description", text)


def _docs(module: ModuleType) -> dict[tuple[str, str], str]:
    found = {}
    for shape in ast.parse(inspect.getsource(module)).body:
        for field, text in pairwise(shape.body if isinstance(shape, ast.ClassDef) else ()):
            if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant):
                words = inspect.cleandoc(str(text.value.value)).replace("``", "`")
                found[shape.name, ast.unparse(field.target)] = words  # type: ignore[attr-defined]
    return found
