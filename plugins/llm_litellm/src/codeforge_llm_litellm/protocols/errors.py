"""Reads what a provider says went wrong, whichever form it has, so that any protocol can tell it."""

from __future__ import annotations

from typing import Any

from codeforge_llm_litellm.protocols import Protocol
from codeforge_llm_litellm.trouble import Trouble


def retold(protocol: Protocol, status: int, body: dict[str, Any]) -> dict[str, Any] | None:
    """An error's body in the protocol's own form; None when it has that form already."""
    if protocol.is_error(body):
        return None
    message, code = said(body)
    return protocol.error(Trouble(status, code, message or f"The provider answered {status} and gave no reason."))


def said(body: dict[str, Any]) -> tuple[str, str]:
    """The sentence and the code of an error: OpenAI's, Anthropic's, Google's and FastAPI's."""
    error = body.get("error")
    found: dict[str, Any] = error if isinstance(error, dict) else body
    texts = (found.get("message"), error, found.get("detail"), found.get("msg"))
    message = next((text for text in texts if isinstance(text, str) and text), "")
    codes = (found.get("code"), found.get("status"), found.get("type"))
    code = next((text for text in codes if isinstance(text, str) and text), "provider_error")
    return message, code
