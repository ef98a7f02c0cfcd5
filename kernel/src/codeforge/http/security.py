"""What every answer carries and what becomes of every error: strict headers, problem documents, no stack trace."""

from __future__ import annotations

import logging

from aiohttp import web
from aiohttp.typedefs import Handler

from codeforge.errors import CodeForgeError
from codeforge.http import problems
from codeforge.http.context import ERROR_PAGE, FAILURE, Failure
from codeforge.ids import new_id
from codeforge.logs import about

log = logging.getLogger("codeforge.http")

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types codeforge-htmx"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Server": "CodeForge",
}
REQUEST_ID: web.RequestKey[str] = web.RequestKey("request_id", str)
STARTED: web.RequestKey[bool] = web.RequestKey("started", bool)
MACHINES = ("/api/", "/llm/")
"""Paths whose errors are problem documents."""


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Called for every answer just before its head is sent."""
    request[STARTED] = True
    response.headers.update(HEADERS)
    response.headers["X-Request-ID"] = request.get(REQUEST_ID, "")
    private = "no-store" if request.path.startswith(MACHINES) else "private, no-cache"
    response.headers.setdefault("Cache-Control", private)


def wants_page(request: web.Request) -> bool:
    """Whether a browser asks for a page."""
    return not request.path.startswith(MACHINES) and "text/html" in request.headers.get("Accept", "")


@web.middleware
async def answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every error as an answer; one that nobody expected is logged once and not shown."""
    request[REQUEST_ID] = new_id()
    with about(request=request[REQUEST_ID]):
        return await _answered(request, handler)


async def _answered(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except CodeForgeError as error:
        headers = {"WWW-Authenticate": "Bearer"} if error.status == 401 else {}
        return await _failed(request, problems.of_error(error), headers)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        kept = {k: v for k, v in error.headers.items() if k not in ("Content-Type", "Content-Length")}
        return await _failed(request, problems.of_status(error.status, _sentence(request, error)), kept)
    except web.RequestPayloadError:
        sentence = "The request's body broke off, or is not encoded as its headers say."
        return await _failed(request, problems.of_status(400, sentence), {})
    except ConnectionError:
        return _broken_off(request)
    except Exception:
        log.exception("%s %s failed (request %s)", request.method, request.rel_url.raw_path, request[REQUEST_ID])
        sentence = (
            f"CodeForge itself failed on this. The server's log has the reason under request {request[REQUEST_ID]}."
        )
        return await _failed(request, problems.of_status(500, sentence), {})


async def _failed(request: web.Request, problem: problems.Problem, headers: dict[str, str]) -> web.StreamResponse:
    if STARTED in request:
        return _broken_off(request)
    if request.path.startswith(MACHINES):
        return problems.answer(problem, headers)
    page = request.app.router.named_resources().get(ERROR_PAGE)
    if page and wants_page(request):
        request[FAILURE] = Failure(problem.status, problem.detail)
        handler = next(iter(page)).handler
        try:
            found = await handler(request)
            found.set_status(problem.status)
            found.headers.update(headers)
        except Exception:
            log.exception("the error page failed (request %s)", request[REQUEST_ID])
        else:
            return found
    return web.Response(status=problem.status, text=f"{problem.title}\n{problem.detail}\n", headers=headers)


def _broken_off(request: web.Request) -> web.Response:
    """End the connection, so that nobody takes half an answer for a whole one; what is returned is never sent."""
    if request.transport:
        request.transport.abort()
    return web.Response(status=500)


def _sentence(request: web.Request, error: web.HTTPException) -> str:
    if error.status == 404:
        return f"There is nothing at {request.path[:200]}."
    if isinstance(error, web.HTTPMethodNotAllowed):
        return f"{request.path[:200]} takes {', '.join(sorted(error.allowed_methods))}, not {request.method}."
    if error.status == 413:
        return f"The request's body is larger than {request.client_max_size:,} bytes: send less."
    return error.text if error.text and not error.text.startswith(f"{error.status}:") else f"{error.reason}."
