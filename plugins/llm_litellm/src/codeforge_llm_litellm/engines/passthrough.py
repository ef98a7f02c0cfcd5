"""The engine for providers that speak OpenAI's chat completions: the answer's bytes pass through as they are."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING

from codeforge_llm_litellm.call import Call
from codeforge_llm_litellm.engines import Answer, Engine
from codeforge_llm_litellm.engines.http import post

if TYPE_CHECKING:
    from aiohttp import ClientSession


# by these, routers in front of models take another model, key or address than the run may have
ROUTING = frozenset({"models", "route", "fallbacks", "api_base", "base_url", "api_key", "user_config"})


class Passthrough(Engine):
    """Sends the request on with the provider's key and its own name of the model; fields stay, `ROUTING` does not."""

    def __init__(self, session: Callable[[], ClientSession]) -> None:
        self._session = session

    def answer(self, call: Call) -> AbstractAsyncContextManager[Answer]:
        source = call.target.source
        assert source
        body = {name: value for name, value in call.body.items() if name not in ROUTING}
        body["model"] = call.target.model
        if call.stream:
            body["stream_options"] = {**(call.body.get("stream_options") or {}), "include_usage": True}
        headers = {"Authorization": f"Bearer {source.secret}"} if source.secret else {}
        base = source.base if source.way.listing == "openai" else f"{source.base}/v1"
        return post(self._session(), f"{base}/chat/completions", headers, body, source)
