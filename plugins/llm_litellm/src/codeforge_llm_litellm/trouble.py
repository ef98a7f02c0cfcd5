"""Why a call got no answer, whichever protocol tells it."""

from __future__ import annotations

from collections.abc import Mapping


class Trouble(Exception):
    """A call that cannot be answered: an HTTP status, a stable ``code`` and a sentence for a person.

    ``sent`` says whether the provider had the whole request and may bill it. ``retry`` False tells clients
    that asking again is no use, where the status alone would make them. ``head`` is what the answer's head
    carries besides, such as ``Retry-After`` (seconds).
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        sent: bool = False,
        retry: bool = True,
        head: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.sent, self.retry = status, code, message, sent, retry
        self.head = dict(head or {})

    def headers(self) -> dict[str, str]:
        """What the answer's head carries besides."""
        return self.head if self.retry else {**self.head, "x-should-retry": "false"}
