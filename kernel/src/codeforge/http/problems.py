"""Problem documents (RFC 9457): every error of the API in one shape, with a stable type."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from aiohttp import web
from pydantic import BaseModel

from codeforge.errors import CodeForgeError, MergeConflict

CONTENT_TYPE = "application/problem+json"
SLUGS = {
    400: "malformed",
    403: "forbidden",
    404: "not-found",
    405: "method-not-allowed",
    413: "too-large",
    429: "too-many-requests",
    500: "internal",
}
"""The last parts of types, for errors that are a bare status; never made of its words, which change with Python."""


class Problem(BaseModel):
    """What went wrong, for programs (type, status, field) and people (detail)."""

    type: str
    """What kind of error this is, stable over versions, such as /problems/not-found."""
    title: str
    """The HTTP status in words."""
    status: int
    """The HTTP status."""
    detail: str
    """One sentence for a person: what, where, what to do."""
    field: str | None = None
    """The input at fault, where there is one, such as limits.steps."""
    files: list[str] | None = None
    """The paths in conflict, when a change cannot be merged."""


def phrase(status: int) -> str:
    """The status in words."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"


def answer(problem: Problem, headers: Mapping[str, str] | None = None) -> web.Response:
    """The problem as an HTTP answer."""
    from codeforge.http.encode import as_json

    body = as_json(problem.model_dump(exclude_none=True))
    return web.Response(status=problem.status, body=body, content_type=CONTENT_TYPE, headers=headers)


def of_error(error: CodeForgeError) -> Problem:
    """The problem that an error of CodeForge is."""
    return Problem(
        type=f"/problems/{error.slug}",
        title=phrase(error.status),
        status=error.status,
        detail=str(error),
        field=error.field,
        files=error.files if isinstance(error, MergeConflict) else None,
    )


def of_status(status: int, detail: str) -> Problem:
    """The problem that a bare HTTP status is."""
    slug = SLUGS.get(status, f"http-{status}")
    return Problem(type=f"/problems/{slug}", title=phrase(status), status=status, detail=detail)
