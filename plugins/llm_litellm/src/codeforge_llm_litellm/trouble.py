"""Why a call got no answer, in the form that OpenAI's clients read."""

from __future__ import annotations

from typing import Any

TYPES = {401: "authentication_error", 402: "insufficient_quota", 403: "permission_error", 409: "conflict_error"}


class Trouble(Exception):
    """A call that cannot be answered: an HTTP status, a stable ``code`` and a sentence for a person.

    ``sent`` says whether the provider had the whole request and may bill it. ``retry`` False tells clients
    that asking again is no use, where the status alone would make them.
    """

    def __init__(self, status: int, code: str, message: str, *, sent: bool = False, retry: bool = True) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.sent, self.retry = status, code, message, sent, retry

    def body(self) -> dict[str, Any]:
        """The error as OpenAI writes it."""
        kind = TYPES.get(self.status, "invalid_request_error" if self.status < 500 else "server_error")
        return {"error": {"message": self.message, "type": kind, "param": None, "code": self.code}}

    def headers(self) -> dict[str, str]:
        """What the answer's head carries besides."""
        return {} if self.retry else {"x-should-retry": "false"}
