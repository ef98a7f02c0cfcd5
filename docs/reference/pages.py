"""Reads the documents as readers do: code blocks, headings and links."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile

_FENCE = re.compile(r"^(`{3,})(\w*) *([^\n]*)\n(.*?)^\1$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)|(?:src|href|srcset)=\"([^\"]+)\"")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced code block; ``note`` is what stands behind its language: "tested", "file=NAME"."""

    language: str
    note: str
    text: str


def blocks(text: str) -> list[Block]:
    """The code blocks of a document, in order."""
    return [Block(language, note.strip(), body) for _, language, note, body in _FENCE.findall(text)]


def links(text: str) -> list[str]:
    """Where a document's links and images lead; code is left out."""
    prose = re.sub(r"`[^`\n]+`", "", _FENCE.sub("", text))
    return [one or other for one, other in _LINK.findall(prose)]


def anchors(text: str) -> set[str]:
    """What links may name behind a #: the document's headings, as GitHub writes them."""
    headings = re.findall(r"^#+ (.+)$", _FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def commands(text: str) -> Iterator[list[str]]:
    """Every call of ``codeforge`` in a document's shell blocks, as its words behind that name."""
    for block in blocks(text):
        for line in block.text.replace("\\\n", " ").splitlines() if block.language == "sh" else ():
            lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
            lexer.whitespace_split = True
            words = list(lexer)
            start = next((n for n, word in enumerate(words) if word.rpartition("/")[2] == "codeforge"), None)
            if start is not None:
                yield list(takewhile(lambda word: not set(word) <= set("();<>|&"), words[start + 1 :]))
