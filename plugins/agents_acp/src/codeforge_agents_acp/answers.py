"""How a model call ended, as it can be seen from outside: by its status, and by whether its stream came to its end."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from dataclasses import dataclass

from codeforge import Reason

TAIL = 64 * 1024
"""Bytes of a stream's end that are looked at."""
_ENDS = (b"[DONE]", b'"message_stop"', b'"response.completed"', b'"response.incomplete"')
_LIMITED = re.compile(rb'"finish_reason": ?"length"|"stop_reason": ?"max_tokens"|"reason": ?"max_output_tokens"')
"""How the three protocols tell that an answer is not all that the model had to say."""
_CAPPED = re.compile(rb'"max_(?:completion_|output_)?tokens": ?(\d+)')
"""How a request says what its answer may have at most."""
SMALL = 256
"""Tokens: an answer that was asked to be no longer (a title, a probe) ends at its limit on purpose."""
_SPENT = b'"budget_exceeded"'
"""The code of an error in mid-answer when the budget does not allow the rest."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """A call that failed: ``status`` is None where there was none, ``pause`` the seconds that the provider asks for."""

    reason: Reason
    words: str
    status: int | None = None
    pause: float = 0.0


class Ending:
    """Told of a call as it goes on. Afterwards it went ``well``, or there is a ``trouble``; else it was broken off.

    ``whole`` is whether there was an answer, to be counted and paid for, even if it ran into its limit; ``tools``
    whether the request offered the model any, as steps of the work do, and calls beside it (titles) do not.
    """

    def __init__(self) -> None:
        self.well = self.whole = self.tools = self._small = False
        self.trouble: Trouble | None = None
        self._tail = b""

    def asked(self, body: bytes) -> None:
        """This is the request. Quotes within its texts are escaped, so what is looked for is never one of them."""
        self.tools = b'"tools"' in body
        capped = _CAPPED.search(body)
        self._small = bool(capped and int(capped[1]) <= SMALL)

    def refused(self, status: int, body: bytes, retry_after: str) -> None:
        """It was answered with an error."""
        pause = float(retry_after) if retry_after.isdecimal() else 0.0
        said = _message(body) or f"The provider answered {status}."
        self.trouble = Trouble(of_status(status), f"{said} (HTTP {status})", status, pause)

    def cut(self, why: str) -> None:
        """There was no answer, or not all of it."""
        self.trouble = Trouble(Reason.MODEL_UNREACHABLE, f"The model's answer broke off: {why}")

    def more(self, block: bytes) -> None:
        """A piece of an answer's body."""
        self._tail = (self._tail + block)[-TAIL:]

    @property
    def used(self) -> tuple[int, int]:
        """(prompt, completion) tokens as the provider counted them, in whichever protocol; zeros where it did not."""
        found = [_usage(line.removeprefix(b"data:").strip()) for line in self._tail.splitlines()]
        return max(one[0] for one in [(0, 0), *found]), max(one[1] for one in [(0, 0), *found])

    def end(self, *, streamed: bool) -> None:
        """The body has come to its end."""
        self.trouble = _of_stream(self._tail) if streamed else _of_body(self._tail)
        self.whole = self.trouble is None
        if self.whole and not self._small and _LIMITED.search(self._tail):
            self.trouble = Trouble(Reason.BAD_OUTPUT, "An answer of the model ran into its output limit.")
        self.well = self.trouble is None


def of_status(status: int) -> Reason:
    """Why a run failed whose model answers so."""
    if status in (401, 403):
        return Reason.MODEL_AUTH
    if status == 402:
        return Reason.BUDGET
    if status == 429:
        return Reason.QUOTA
    return Reason.MODEL_UNREACHABLE if status >= 500 or status == 408 else Reason.MODEL_REFUSED


def _of_stream(tail: bytes) -> Trouble | None:
    data = [line[5:].strip() for line in tail.splitlines() if line.startswith(b"data:")]
    for piece in data[1 if len(tail) == TAIL else 0 :]:
        if piece != b"[DONE]":
            try:
                told = json.loads(piece)
            except ValueError:
                return Trouble(Reason.BAD_OUTPUT, "The model's answer is no JSON.")
            if isinstance(told, dict) and (told.get("error") or told.get("type") == "error"):
                words = _message(piece) or "The model's answer broke off."
                if _SPENT in piece:
                    return Trouble(Reason.BUDGET, words, 402)
                return Trouble(Reason.MODEL_UNREACHABLE, words)
    if not any(end in tail for end in _ENDS):
        return Trouble(Reason.MODEL_UNREACHABLE, "The model's answer broke off.")
    return None


def _of_body(tail: bytes) -> Trouble | None:
    if len(tail) == TAIL:  # its beginning is gone
        return None
    try:
        json.loads(tail)
    except ValueError:
        return Trouble(Reason.BAD_OUTPUT, "The model's answer is no JSON.")
    return None


def _usage(piece: bytes) -> tuple[int, int]:
    with suppress(ValueError, AttributeError, TypeError):
        told = json.loads(piece)
        inner = told.get("response") or told.get("message")
        usage = told.get("usage") or (inner.get("usage") if isinstance(inner, dict) else None) or {}
        given = [int(usage.get(f"{one}_tokens") or 0) for one in ("prompt", "input", "completion", "output")]
        return max(given[:2]), max(given[2:])
    return 0, 0


def _message(body: bytes) -> str:
    """The sentence in an error's body."""
    with suppress(ValueError, AttributeError):
        told = json.loads(body)
        error = told.get("error") or told.get("response", {}).get("error") or told
        found = error if isinstance(error, str) else error.get("message") or error.get("detail")
        return str(found).strip()[:1000] if found else ""
    return ""
