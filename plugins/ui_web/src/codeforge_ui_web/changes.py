"""A file's diff as lines with syntax colours, made in a thread and kept: reviewers come back to the same files."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from functools import lru_cache

from markupsafe import Markup, escape
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexer import Lexer
from pygments.lexers import TextLexer, get_lexer_for_filename
from pygments.util import ClassNotFound
from unidiff.errors import UnidiffParseError
from unidiff.patch import Hunk, PatchSet

from codeforge_ui_web.words import ODD, visible

MOST_LINES, MOST_CHARACTERS = 3000, 400_000
LONGEST_LINE = 2000
"""Characters; a longer line is that of a generated file, and is cut: the page says so."""
MODES = {"100644": "an ordinary file", "100755": "executable", "120000": "a symbolic link", "160000": "a submodule"}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a diff: ``kind`` is add, del, same or hunk; numbers are None where the side has no such line."""

    kind: str
    old: int | None
    new: int | None
    code: Markup


@dataclass(frozen=True, slots=True)
class Lines:
    """A file's lines, or why there are none (``note``). ``more`` says that the rest is not shown."""

    lines: tuple[Line, ...] = ()
    note: str = ""
    more: bool = False


async def shown(path: str, diff: str) -> Lines:
    """The lines of one file's unified ``diff``."""
    return await asyncio.to_thread(_lines, path, diff)


@lru_cache(maxsize=128)
def _lines(path: str, diff: str) -> Lines:
    if "\nBinary files " in f"\n{diff}" or "\nGIT binary patch" in diff:
        return Lines(note="A binary file: there are no lines to show.")
    cut = _cut(diff)
    try:
        hunks = [hunk for file in PatchSet(cut) for hunk in file]
    except UnidiffParseError:
        return Lines(tuple(Line("same", None, None, visible(text)) for text in cut.split("\n")), more=cut != diff)
    about = _mode(diff)
    if not hunks:
        empty = "\nnew file mode" in diff or "\ndeleted file mode" in diff
        note = "An empty file." if empty else "Its content is the same: only its name or its mode has changed."
        return Lines(note=f"{note} {about}".strip())
    mode = [Line("hunk", None, None, escape(about))] if about else []
    return Lines((*mode, *(line for hunk in hunks for line in _hunk(path, hunk))), more=cut != diff)


def _mode(diff: str) -> str:
    """What the diff's head says of the file's mode, where that is out of the ordinary."""
    head = diff.partition("\n@@ ")[0]
    modes = [
        MODES.get(m, m) for m in re.findall(r"^(?:new file|deleted file|old|new) mode (\d{6})$", head, re.MULTILINE)
    ]
    return "" if modes in ([], [MODES["100644"]]) else f"It is {' and was '.join(reversed(modes))}."


def _cut(diff: str) -> str:
    """The diff up to the most that is shown; its last hunk's head is made to fit."""
    lines = diff.split("\n")
    if len(lines) <= MOST_LINES and len(diff) <= MOST_CHARACTERS:
        return diff
    kept, size = [], 0
    for line in lines[:MOST_LINES]:
        size += len(line[:LONGEST_LINE])
        if size > MOST_CHARACTERS:
            break
        kept.append(line)
    starts = [n for n, line in enumerate(kept) if line.startswith("@@ ")]
    if not starts:
        return "\n".join(kept)
    body = [line for line in kept[starts[-1] + 1 :] if line[:1] in ("+", "-", " ")]
    old, new = (sum(line[0] in signs for line in body) for signs in ("- ", "+ "))
    head = re.sub(r"^@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@", rf"@@ -\1,{old} +\2,{new} @@", kept[starts[-1]])
    return "\n".join([*kept[: starts[-1]], head, *body, ""])


def _hunk(path: str, hunk: Hunk) -> list[Line]:
    """Each side is coloured by itself, so that a removed quote does not turn what follows into a string."""
    old = iter(_coloured(path, [line.value for line in hunk if not line.is_added and line.line_type != "\\"]))
    new = iter(_coloured(path, [line.value for line in hunk if not line.is_removed and line.line_type != "\\"]))
    where = (
        f"{hunk.source_start}"
        if hunk.source_start == hunk.target_start
        else f"{hunk.source_start}, now {hunk.target_start}"
    )
    out = [
        Line("hunk", None, None, escape(f"Line {where}" + (f" · {hunk.section_header}" if hunk.section_header else "")))
    ]
    for line in hunk:
        if line.line_type == "\\":
            out.append(Line("same", None, None, Markup("<i>no line end at the end of the file</i>")))
            continue
        kind = "add" if line.is_added else "del" if line.is_removed else "same"
        code = next(old) if kind == "del" else next(new)
        if kind == "same":
            next(old)
        out.append(Line(kind, line.source_line_no, line.target_line_no, code))
    return out


def _coloured(path: str, lines: list[str]) -> list[Markup]:
    """Lines as HTML; plain where no lexer knows the file or it loses count of the lines."""
    whole = [line.rstrip("\r\n") for line in lines]
    cut = [len(line) - LONGEST_LINE for line in whole]
    shown = _painted(path, [line[:LONGEST_LINE] for line in whole])
    more = Markup(' <span class="odd">{:,} more characters</span>')
    return [line + more.format(rest) if rest > 0 else line for line, rest in zip(shown, cut, strict=True)]


def _painted(path: str, plain: list[str]) -> list[Markup]:
    if any(ODD.search(line.replace("\t", "")) for line in plain):
        return [visible(line) for line in plain]
    made = highlight("\n".join(plain), _lexer(path), HtmlFormatter(nowrap=True)).split("\n")
    found = made[: len(plain)]
    if len(found) != len(plain) or any(made[len(plain) :]):
        return [visible(line) for line in plain]
    return [Markup(line) for line in found]  # noqa: S704 - Pygments has escaped it


def _lexer(path: str) -> Lexer:
    try:
        return get_lexer_for_filename(path, stripnl=False, ensurenl=False)
    except ClassNotFound:
        return TextLexer(stripnl=False, ensurenl=False)
