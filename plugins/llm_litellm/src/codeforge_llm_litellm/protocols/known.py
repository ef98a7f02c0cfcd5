"""The protocols that the gateway speaks, and which of them each kind of provider speaks itself."""

from __future__ import annotations

from codeforge_llm_litellm.protocols import Protocol
from codeforge_llm_litellm.protocols.chat import Chat
from codeforge_llm_litellm.protocols.messages import Messages
from codeforge_llm_litellm.protocols.responses import Responses
from codeforge_llm_litellm.providers import Source

PROTOCOLS: dict[str, Protocol] = {one.name: one for one in (Chat(), Messages(), Responses())}
NATIVE = {"openai": ("chat", "responses"), "anthropic": ("messages",)}
"""Kind of provider -> what it speaks, where that is not what its way of being spoken to says already."""


def protocol(name: str) -> Protocol:
    """The protocol of this name, which is ``Call.protocol``."""
    return PROTOCOLS[name]


def native(source: Source) -> tuple[str, ...]:
    """The protocols that a provider speaks itself, so that bytes pass through.

    The setting ``protocols`` of a provider says it where it knows more than its kind, like a server of one's
    own that speaks Anthropic's messages, too.
    """
    said = source.settings.get("protocols")
    if isinstance(said, list) and (chosen := tuple(name for name in PROTOCOLS if name in said)):
        return chosen
    return NATIVE.get(source.kind, ("chat",) if source.way.speaks == "openai" else ())


def way(source: Source | None, asked: str) -> tuple[str, bool]:
    """By which engine a call in the protocol ``asked`` is answered, and whether it is put into a chat for that.

    Without a source it is answered from a cassette; these hold chats.
    """
    spoken = native(source) if source else ()
    if asked in spoken:
        return "passthrough", False
    engine = "litellm" if source else "replay"
    return "passthrough" if "chat" in spoken else engine, asked != "chat"
