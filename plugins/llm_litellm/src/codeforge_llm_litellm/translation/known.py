"""Which translation a call needs."""

from __future__ import annotations

from typing import Any

from codeforge_llm_litellm.call import Call
from codeforge_llm_litellm.protocols.known import native
from codeforge_llm_litellm.translation import Telling, messages_request, responses_request
from codeforge_llm_litellm.translation.messages_answer import MessageTelling
from codeforge_llm_litellm.translation.responses_answer import ResponseTelling


def as_chat(call: Call, *, plain: bool = False) -> dict[str, Any]:
    """The call's request as a chat completion's. Raises `Trouble` 400 for what cannot be said in a chat.

    ``plain`` puts it as for no provider in particular, so that the same question is the same chat: for cassettes.
    """
    source = None if plain else call.target.source
    openai = bool(source and source.kind == "openai")
    match call.protocol:
        case "messages":
            litellm = bool(source and "chat" not in native(source))
            rich = litellm and "claude" in call.target.model.lower()
            return messages_request.chat(call.body, openai=openai, litellm=litellm, rich=rich)
        case "responses":
            return responses_request.chat(call.body, openai=openai)
    return call.body


def telling(call: Call) -> Telling:
    """What tells a chat's answer in the call's protocol."""
    if call.protocol == "messages":
        return MessageTelling(call.target.name)
    return ResponseTelling(call.target.name, call.body)
