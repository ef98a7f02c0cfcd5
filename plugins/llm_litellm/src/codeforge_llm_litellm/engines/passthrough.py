"""The engine for providers that speak the agent's protocol themselves: the answer's bytes pass through as they are."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING

from codeforge_llm_litellm.call import Call
from codeforge_llm_litellm.engines import Answer, Engine
from codeforge_llm_litellm.engines.http import post
from codeforge_llm_litellm.protocols.known import protocol
from codeforge_llm_litellm.providers import Source

if TYPE_CHECKING:
    from aiohttp import ClientSession


# by these, routers in front of models take another model, key or address than the run may have
ROUTING = frozenset({"models", "route", "fallbacks", "api_base", "base_url", "api_key", "user_config"})
VERSION = "2023-06-01"
"""The version of Anthropic's messages that is asked for where the agent names none."""


class Passthrough(Engine):
    """Sends the request on with the provider's key and its own name of the model; fields stay, `ROUTING` does not."""

    def __init__(self, session: Callable[[], ClientSession]) -> None:
        self._session = session

    def answer(self, call: Call, *, below: str = "") -> AbstractAsyncContextManager[Answer]:
        """``below`` is put behind the protocol's path, for what there is besides the answer itself."""
        source = call.target.source
        assert source
        spoken = protocol(call.protocol)
        body = {name: value for name, value in spoken.outgoing(call.body).items() if name not in ROUTING}
        body["model"] = call.target.model
        if below:
            body.pop("max_tokens", None)
        base = source.base if source.way.listing == "openai" else f"{source.base}/v1"
        return post(self._session(), f"{base}/{spoken.path}{below}", _head(call, source), body, source)


def _head(call: Call, source: Source) -> dict[str, str]:
    ours: dict[str, str] = {"anthropic-version": VERSION, **call.head} if call.protocol == "messages" else {}
    if source.kind == "anthropic":
        return {**ours, "x-api-key": source.secret}
    return {**ours, "Authorization": f"Bearer {source.secret}"} if source.secret else ours
