"""The REST API, from its OpenAPI document."""

from __future__ import annotations

from typing import Any

from codeforge.http.api import PREFIX
from codeforge.http.openapi import document
from codeforge.http.resources import OPERATIONS
from reference.tables import code, table


def operations() -> str:
    """Each method on each path: what it does, what it takes and what it answers."""
    scopes = {(o.method, o.path): _scope(o) for o in OPERATIONS}
    rows = []
    for path, methods in document(OPERATIONS)["paths"].items():
        for method, said in methods.items():
            name = f"{method.upper()} {PREFIX}{path}"
            rows.append((code(name), said["summary"] + ".", _taken(said), _given(said), scopes[method.upper(), path]))
    return table(("request", "what it does", "takes", "answers", "scope"), rows)


def _scope(operation: Any) -> str:
    if operation.public:
        return "none"
    return operation.scope or ("read" if operation.method == "GET" else "write")


def _taken(said: dict[str, Any]) -> str:
    query = [code(p["name"]) for p in said["parameters"] if p["in"] != "path"]
    body = said.get("requestBody")
    return ", ".join(([_shape(body["content"])] if body else []) + query)


def _given(said: dict[str, Any]) -> str:
    status, good = next((status, answer) for status, answer in said["responses"].items() if status < "300")
    return " ".join([status, _shape(good["content"]) if "content" in good else ""]).strip()


def _shape(content: dict[str, Any]) -> str:
    return code(content["application/json"]["schema"]["$ref"].rsplit("/", 1)[-1].strip("_").replace("_", " of ", 1))
