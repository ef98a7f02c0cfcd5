"""Tables for spreadsheets: CSV in which no cell is a formula, whatever people called their projects."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from aiohttp import web

CSV = "text/csv"
_FORMULA = tuple("=+-@＝＋－＠")  # noqa: RUF001 (a spreadsheet takes the wide ones, too)


def answer(name: str, lines: Iterable[Sequence[object]]) -> web.Response:
    """The lines as a file ``name``.csv to download; the first one holds the headings."""
    text = io.StringIO()
    csv.writer(text).writerows([_cell(value) for value in line] for line in lines)
    body = text.getvalue().encode(errors="backslashreplace")
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return web.Response(body=body, content_type=CSV, charset="utf-8", headers=headers)


def dollars(micro: int | None) -> str:
    """Micro-dollars to the last digit; empty for what is unpriced, which no sum of a spreadsheet takes for free."""
    return "" if micro is None else f"{micro // 1_000_000}.{micro % 1_000_000:06}"


def _cell(value: object) -> object:
    """A text that a spreadsheet would calculate begins with an apostrophe, which says that it is text."""
    return f"'{value}" if isinstance(value, str) and value.lstrip().startswith(_FORMULA) else value
