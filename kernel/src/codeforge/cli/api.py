"""A client of the REST API: blocking, from the standard library alone, so that small commands start quickly."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from codeforge.errors import (
    CodeForgeError,
    Conflict,
    Forbidden,
    Invalid,
    MergeConflict,
    NotFound,
    Unauthorized,
    Unavailable,
)

PREFIX = "/api/v1"
PATIENCE = 60.0
"""Seconds without a word from the server (which beats every 15 s in streams) after which it counts as lost."""
ERRORS: dict[str, type[CodeForgeError]] = {
    error.slug: error for error in (Invalid, Unauthorized, Forbidden, NotFound, Conflict, Unavailable)
}


class Lost(Unavailable):
    """The server does not answer (any more)."""


class Api:
    """The server at ``url`` for the holder of ``token``. Every method raises errors of `codeforge.errors`."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url.rstrip("/")
        self._token = token

    def get(self, path: str, /, **query: object) -> Any:
        """The JSON at ``path`` (below /api/v1); query values that are None are left out."""
        return self._read(self._ask("GET", path, query))

    def text(self, path: str, /, accept: str, **query: object) -> str:
        """The text at ``path``, in the content type ``accept``."""
        return self._ask("GET", path, query, accept=accept).decode(errors="replace")

    def post(self, path: str, body: object = None) -> Any:
        return self._change("POST", path, {} if body is None else body)

    def patch(self, path: str, body: object, *, etag: str | None = None) -> Any:
        return self._change("PATCH", path, body, {"If-Match": etag} if etag else {})

    def put(self, path: str, body: object) -> Any:
        return self._change("PUT", path, body)

    def delete(self, path: str, /, **query: object) -> None:
        self._ask("DELETE", path, query)

    def pages(
        self, path: str, mark: str = "before", /, *, limit: int | None = None, **query: object
    ) -> Iterator[dict[str, Any]]:
        """The items of a list, page by page, at most ``limit``; ``mark`` is the parameter that says where to go on."""
        before, left = None, limit
        while left is None or left > 0:
            page = self.get(path, **{**query, mark: before})
            items = page["items"][:left]
            yield from items
            left = None if left is None else left - len(items)
            if not (before := page["next"]):
                return

    def events(self, run_id: str, after: int) -> Iterator[dict[str, Any]]:
        """The run's events after number ``after`` as they come, until the connection ends (then just call again)."""
        headers = {"Accept": "text/event-stream"}
        with self._answer("GET", f"/runs/{part(run_id)}/events", {"after": after}, None, headers) as answer:
            data: list[str] = []
            for raw in _lines(answer):
                line = raw.decode().rstrip("\r\n")
                if line.startswith("data:"):
                    data.append(line[5:].lstrip())
                elif not line and data:
                    yield json.loads("\n".join(data))
                    data = []

    def _change(self, method: str, path: str, body: object, headers: dict[str, str] | None = None) -> Any:
        answer = self._ask(method, path, {}, body=body, headers=headers)
        return self._read(answer) if answer else None

    def _read(self, answer: bytes) -> Any:
        try:
            return json.loads(answer)
        except ValueError as error:
            raise Lost(
                f"What {self.url} answered is cut off, or not CodeForge's: see whether it runs, and at this address."
            ) from error

    def _ask(
        self,
        method: str,
        path: str,
        query: dict[str, object],
        *,
        accept: str = "application/json",
        body: object = None,
        headers: dict[str, str] | None = None,
    ) -> bytes:
        with self._answer(method, path, query, body, {"Accept": accept, **(headers or {})}) as answer:
            return b"".join(_lines(answer))

    def _answer(
        self, method: str, path: str, query: dict[str, object], body: object, headers: dict[str, str]
    ) -> HTTPResponse:
        parts = urlsplit(self.url)
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        asked = urlencode({name: value for name, value in query.items() if value is not None})
        target = parts.path + PREFIX + path + (f"?{asked}" if asked else "")
        headers = {**headers, "Authorization": f"Bearer {self._token}", "Connection": "close"}
        payload = None if body is None else json.dumps(body).encode()
        if payload is not None:
            headers["Content-Type"] = "application/json"
        try:
            connection = kind(parts.netloc, timeout=PATIENCE)
            connection.request(method, target, payload, headers)
            answer = connection.getresponse()
            if answer.status >= 300:
                raise _error(answer.status, answer.read())
        except (OSError, HTTPException, UnicodeError) as error:
            raise Lost(f"The server at {self.url} does not answer ({error}): see whether it runs.") from error
        return answer


def part(text: str) -> str:
    """What a person typed, as one part of a path."""
    return quote(text, safe="")


def _lines(answer: HTTPResponse) -> Iterator[bytes]:
    try:
        yield from answer
    except (OSError, HTTPException) as error:
        raise Lost(f"The connection to the server was cut ({error}).") from error


def _error(status: int, body: bytes) -> CodeForgeError:
    try:
        problem = json.loads(body)
        slug, detail = str(problem["type"]).rsplit("/", 1)[-1], str(problem["detail"])
    except (ValueError, KeyError, TypeError):
        return Unavailable(
            f"The server answered with HTTP {status}, which is not CodeForge's way: is this its address?"
        )
    if slug == MergeConflict.slug:
        return MergeConflict(detail, problem.get("files", []))
    return ERRORS.get(slug, CodeForgeError)(detail, field=problem.get("field"))
