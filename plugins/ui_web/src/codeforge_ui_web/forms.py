"""Forms: what was sent as plain text fields, and answers that lead on or stay in place."""

from __future__ import annotations

from decimal import Decimal

from aiohttp import web

from codeforge import Invalid


def by_script(request: web.Request) -> bool:
    """Whether htmx asks for a piece, and not the browser for a whole page."""
    return "HX-Request" in request.headers


def go(request: web.Request, path: str) -> web.Response:
    """Lead the browser on to another page of this server."""
    if by_script(request):
        return web.Response(headers={"HX-Redirect": path})
    raise web.HTTPSeeOther(path)


def done(request: web.Request, path: str) -> web.Response:
    """Stay where one is: the page shows by itself what became of it. Without scripts, load ``path`` again."""
    return web.Response(status=204) if by_script(request) else go(request, path)


async def fields(request: web.Request) -> dict[str, str]:
    """The text fields of the form; files are left out, line ends are those of text files."""
    try:
        sent = await request.post()
    except (UnicodeDecodeError, LookupError) as error:
        raise Invalid("The form is no UTF-8: send it from CodeForge's own page.") from error
    return {name: value.replace("\r\n", "\n") for name, value in sent.items() if isinstance(value, str)}


def whole(given: dict[str, str], name: str, what: str, *, least: int = 1) -> int:
    """A whole number, from ``least`` on. Raises `Invalid`."""
    text = given.get(name, "").strip().replace(",", "")
    if not text.isdecimal() or len(text) > 10 or not least <= int(text) < 2**31:
        raise Invalid(f"{what} must be a whole number{' above zero' if least else ''}.", field=name)
    return int(text)


def seconds(given: dict[str, str], name: str) -> int:
    """Minutes of the form, such as 1.5, as seconds. Raises `Invalid`."""
    try:
        found = round(float(given.get(name, "")) * 60)
    except (ValueError, OverflowError):
        found = 0
    if not 0 < found <= 7 * 86_400:
        raise Invalid("The time limit is a number of minutes, up to a week: 60, or 1.5.", field=name)
    return found


def micro(given: dict[str, str], name: str, what: str) -> int:
    """Dollars of the form, such as 2.50, as micro-dollars. Raises `Invalid`."""
    try:
        found = Decimal(given.get(name, "").strip().removeprefix("$").replace(",", "")) * 1_000_000
    except ArithmeticError:
        found = Decimal(-1)
    if not found.is_finite() or not 0 <= found <= 10**15 or found != found.to_integral_value():
        raise Invalid(f"{what} is a sum in dollars, such as 2.50, with at most six places.", field=name)
    return int(found)


def micro_or_none(given: dict[str, str], name: str, what: str) -> int | None:
    """`micro`, or None for an empty field. Raises `Invalid`."""
    return micro(given, name, what) if given.get(name, "").strip() else None
