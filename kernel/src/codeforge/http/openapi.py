"""The OpenAPI 3.1 document, made of the same operations that answer."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from functools import cache
from typing import Any

from aiohttp import web
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from codeforge import __version__
from codeforge.http import field_docs
from codeforge.http.api import PREFIX, Operation
from codeforge.http.encode import as_json
from codeforge.http.problems import CONTENT_TYPE, Problem, phrase

REF = "#/components/schemas/{model}"
ABOUT = (
    "Sign in with a bearer token (`codeforge tokens new`, or POST /tokens). Errors are problem documents (RFC 9457). "
    "Lists give `next` where they go on. Every event of all runs also comes over the WebSocket `/api/v1/stream` "
    "(parameters `after` and `run`), as JSON arrays of the shape Event."
)


def routes(operations: tuple[Operation, ...]) -> list[web.RouteDef]:
    """The route of the document."""
    written = cache(lambda: as_json(document(operations)))

    async def read_openapi(request: web.Request) -> web.Response:
        return web.Response(body=written(), content_type="application/json")

    return [web.get(f"{PREFIX}/openapi.json", read_openapi)]


def document(operations: Iterable[Operation]) -> dict[str, Any]:
    """The whole document."""
    operations = list(operations)
    bodies: set[Any] = {(o.body, "validation") for o in operations if o.body}
    answers: set[Any] = {(model, "serialization") for o in operations for model in (o.answer, Problem) if model}
    names, schemas = models_json_schema(sorted(bodies | answers, key=str), ref_template=REF)
    refs = {model: ref for (model, _), ref in names.items()}
    field_docs.describe(schemas.get("$defs", {}))
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, refs)
    return {
        "openapi": "3.1.0",
        "info": {"title": "CodeForge", "version": __version__, "description": ABOUT},
        "servers": [{"url": PREFIX}],
        "security": [{"bearer": []}, {"session": []}],
        "paths": paths,
        "components": {
            "schemas": schemas.get("$defs", {}),
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "session": {"type": "apiKey", "in": "cookie", "name": "codeforge"},
            },
        },
    }


def _operation(operation: Operation, refs: dict[Any, Any]) -> dict[str, Any]:
    def content(model: type[BaseModel], *types: str) -> dict[str, Any]:
        return {"content": {name: {"schema": refs[model]} for name in types}}

    good: dict[str, Any] = {"description": phrase(operation.status)}
    if operation.answer:
        good |= content(operation.answer, "application/json")
        good["content"] |= {name: {"schema": {"type": "string"}} for name in operation.also}
    bad = {str(s): {"description": phrase(s), **content(Problem, CONTENT_TYPE)} for s in sorted(_errors(operation))}
    if operation.down and operation.answer:
        bad["503"]["content"] |= content(operation.answer, "application/json")["content"]
    summary, _, more = (inspect.getdoc(operation.call) or "").replace("``", "`").partition("\n")
    words = {"summary": summary.rstrip("."), "description": more.strip() or summary}
    body: dict[str, Any] = {}
    if operation.body:
        body["requestBody"] = {"required": operation.default is None, **content(operation.body, "application/json")}
    return {
        "operationId": operation.call.__name__,
        "tags": [operation.call.__module__.rpartition(".")[2]],
        **words,
        "parameters": _parameters(operation),
        **body,
        "responses": {str(operation.status): good, **bad},
        **({"security": []} if operation.public else {}),
    }


def _errors(operation: Operation) -> set[int]:
    errors = {400, 403, 422, 503, *operation.errors}
    if not operation.public:
        errors |= {401}
    if operation.body:
        errors |= {413, 415}
    if operation.once:
        errors |= {409, 413}
    return errors


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    schema = operation.params.model_json_schema(ref_template=REF)
    found = []
    for name, given in schema.get("properties", {}).items():
        shape = dict(given)
        where = "header" if name in operation.headers else "path" if f"{{{name}}}" in operation.path else "query"
        words = {"description": shape.pop("description")} if "description" in shape else {}
        shape.pop("title", None)
        if "anyOf" in shape:  # of a value or null; what is not there is not sent as null
            shape |= shape.pop("anyOf")[0]
            shape.pop("default", None)
        required = name in schema.get("required", ())
        found.append(
            {"name": operation.headers.get(name, name), "in": where, "required": required, **words, "schema": shape}
        )
    return found
