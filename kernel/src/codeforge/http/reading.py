"""Reads what a client sent, strictly: what is doubled, unknown or of another type is refused with a sentence."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NoReturn, TypeVar

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from pydantic import BaseModel, ValidationError

from codeforge.errors import CodeForgeError, Invalid

M = TypeVar("M", bound=BaseModel)


class Malformed(CodeForgeError):
    """The request's body is not the JSON that it should be."""

    slug, status = "malformed", 400


class WrongType(CodeForgeError):
    """The request's body is of another content type."""

    slug, status = "unsupported-media-type", 415


def parameters(request: web.Request, model: type[M], headers: Mapping[str, str]) -> M:
    """Path, query and header values as ``model``; ``headers`` are the names of the model's header fields."""
    given = dict(request.query)
    if len(given) < len(request.query):
        doubled = next(name for name in given if len(request.query.getall(name)) > 1)
        raise Invalid(f"The parameter {doubled} is given more than once: give it once.", field=doubled)
    if hidden := headers.keys() & given.keys():
        raise Invalid(f"{min(hidden)} is no parameter of the address.", field=min(hidden))
    sent = {field: request.headers[name] for field, name in headers.items() if name in request.headers}
    try:
        return model.model_validate_strings({**given, **sent, **request.match_info})
    except ValidationError as error:
        _refuse(error, "parameter", headers)


async def body(request: web.Request, model: type[M], default: M | None = None) -> M:
    """The JSON body as ``model``; ``default`` is what an empty one means."""
    raw = await request.read()
    if not raw and default is not None:
        return default
    if request.content_type != "application/json":
        raise WrongType("Send the body as JSON, with the header Content-Type: application/json.")
    _check(raw)
    try:
        return model.model_validate_json(raw, strict=True)
    except ValidationError as error:
        if error.errors()[0]["type"] == "json_invalid":
            raise Malformed(
                f"The body is no JSON: {error.errors()[0]['msg'].removeprefix('Invalid JSON: ')}."
            ) from None
        _refuse(error, "field")


async def form(request: web.Request) -> dict[str, str]:
    """The text fields of a form. Raises `Malformed`."""
    try:
        found = {name: value for name, value in (await request.post()).items() if isinstance(value, str)}
        "".join([*found, *found.values()]).encode()
    except (ValueError, LookupError, RuntimeError, HttpProcessingError):  # whatever aiohttp makes of broken parts
        raise Malformed("The form cannot be read: send it as UTF-8.") from None
    return found


def check_text(request: web.Request) -> None:
    """Refuse bytes in the address or the headers that are no text. Raises `Malformed`."""
    given = "".join([request.path_qs, *request.headers.values()])
    try:
        given.encode()
    except UnicodeEncodeError:
        raise Malformed("The address or a header holds bytes that are no UTF-8.") from None


def _check(raw: bytes) -> None:
    """Refuse what a JSON parser may let pass: doubled keys, NaN and Infinity, numbers and nesting without end."""

    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        names = [name for name, _ in found]
        if len(set(names)) < len(names):
            doubled = next(name for name in names if names.count(name) > 1)
            raise Malformed(f"The body has the key {doubled[:80]!r} more than once: give it once.")
        return dict(found)

    def constant(name: str) -> NoReturn:
        raise Malformed(f"The body holds {name}, which is no JSON: give a number.")

    try:
        json.loads(raw.decode(), object_pairs_hook=pairs, parse_constant=constant)
    except UnicodeDecodeError:
        raise Malformed("The body is no UTF-8: encode it as UTF-8.") from None
    except RecursionError:
        raise Malformed("The body is nested too deeply.") from None
    except ValueError as error:
        raise Malformed(f"The body is no JSON: {error}.") from None


def _refuse(error: ValidationError, what: str, names: Mapping[str, str] | None = None) -> NoReturn:
    found = error.errors(include_url=False, include_context=False, include_input=False)
    places = [".".join(map(str, e["loc"])) for e in found]
    places = [(names or {}).get(place, place) for place in places]
    sentences = [_sentence(place, e["msg"], what) for place, e in zip(places[:5], found[:5], strict=True)]
    raise Invalid(" ".join(sentences), field=places[0] or None) from None


def _sentence(place: str, message: str, what: str) -> str:
    message = message.removeprefix("Value error, ").removesuffix(".")
    if message == "Extra inputs are not permitted":
        return f"There is no {what} {place[:80]}: leave it out."
    if message == "Field required":
        return f"The {what} {place[:80]} is missing: give it."
    return f"{place[:80] or 'The body'}: {message[:1].lower()}{message[1:]}."
