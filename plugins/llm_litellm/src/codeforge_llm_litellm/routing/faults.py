"""Why a model gave no answer, as a route sees it: may another one be asked, and when may this one?"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from codeforge_llm_litellm.routing.resets import reset
from codeforge_llm_litellm.trouble import Trouble

LIMITED = 429
_BUSY = (LIMITED, 503, 529)  # these may say when to come back
_OF_PROVIDER = frozenset({401, 402, 403, 404, 408, LIMITED})
_OWN = frozenset({"client_gone", "run_ended", "cassette_miss", "cassette_broken"})
_TOO_LONG = re.compile(
    rb"context.?(length|window)|maximum context|prompt is too long|input is too long|input token count"
    rb"|too many (input )?tokens|reduce the length of|ContextWindowExceeded",
    re.IGNORECASE,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """A failed attempt. ``kind`` is "error", "timeout", "context" or "budget", or "" for one that no other model mends.

    ``words`` go on behind the model's name; ``until`` is when its provider takes calls again, where that was said.
    """

    kind: str
    words: str
    until: float | None = None
    limited: bool = False

    @property
    def of_model(self) -> bool:
        """Whether it speaks against the model, and not against this one call."""
        return self.kind in ("error", "timeout")


def of_trouble(trouble: Trouble, now: float) -> Fault:
    """The fault behind a call that got no answer at all."""
    if trouble.code in _OWN:
        return Fault(kind="", words=trouble.code)
    if trouble.status == 402 and trouble.code != "provider_error":
        return Fault(kind="budget", words="is over its budget")
    if trouble.code == "provider_timeout":
        return Fault(kind="timeout", words="did not begin to answer in time")
    if trouble.code == "provider_error":
        return _of_refusal(trouble.status, trouble.head, trouble.message.encode(errors="replace"), now)
    words = {"provider_unreachable": "cannot be reached", "provider_cut": "broke off"}
    return Fault(kind="error" if trouble.status >= 500 else "", words=words.get(trouble.code, "failed"))


def of_answer(status: int, headers: Mapping[str, str], body: bytes, now: float) -> Fault | None:
    """The fault that an answer tells of; None for a good one."""
    return _of_refusal(status, headers, body, now) if status >= 400 else None


def _of_refusal(status: int, headers: Mapping[str, str], body: bytes, now: float) -> Fault:
    if status in (400, 413, 422) and _TOO_LONG.search(body):
        return Fault(kind="context", words="has too small a window")
    until = reset(headers, body, now) if status in _BUSY else None
    kind = "error" if status in _OF_PROVIDER or status >= 500 else ""
    return Fault(kind=kind, words=f"answered {status}", until=until, limited=status == LIMITED)
