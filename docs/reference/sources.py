"""Reads what modules say of themselves: signatures and docstrings, as they are written."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from functools import cache
from types import ModuleType

Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def tree(module: ModuleType) -> ast.Module:
    """The module's syntax tree."""
    return ast.parse(inspect.getsource(module))


def functions(body: list[ast.stmt]) -> Iterator[Function]:
    """The functions of a module or class, in order."""
    return (node for node in body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def class_of(module: ModuleType, name: str) -> ast.ClassDef:
    """A class by its name."""
    return next(node for node in tree(module).body if isinstance(node, ast.ClassDef) and node.name == name)


def signature(module: ModuleType, function: Function) -> str:
    """``async def name(arguments) -> answer`` as it is written, in one line."""
    lines = inspect.getsource(module).splitlines()[function.lineno - 1 : function.body[0].lineno - 1]
    text = " ".join(line.split("  #")[0].strip() for line in lines)
    return text.removesuffix(":").replace("( ", "(").replace(" )", ")").replace(",)", ")")


def decorators(function: Function) -> set[str]:
    """Its decorators as they are written."""
    return {ast.unparse(decorator) for decorator in function.decorator_list}


def fields(module: ModuleType, node: ast.ClassDef) -> list[tuple[str, str]]:
    """The annotated fields of a class: how each is written, and the docstring below it or an empty text."""
    found = []
    for field, after in zip(node.body, [*node.body[1:], None], strict=True):
        if isinstance(field, ast.AnnAssign):
            written = ast.get_source_segment(inspect.getsource(module), field) or ""
            found.append((written, _docstring(after)))
    return found


def _docstring(node: ast.stmt | None) -> str:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
        return inspect.cleandoc(node.value.value)
    return ""


def docstring(node: ast.ClassDef | Function | ast.Module) -> str:
    """Its docstring, or an empty text."""
    return ast.get_docstring(node) or ""
