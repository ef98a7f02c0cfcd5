"""Counts the tokens of a message before it is asked: by the provider where it can, else by our own estimate."""

from __future__ import annotations

from dataclasses import replace

from codeforge_llm_litellm import sse
from codeforge_llm_litellm.call import Call
from codeforge_llm_litellm.counting import tokens
from codeforge_llm_litellm.engines.passthrough import Passthrough
from codeforge_llm_litellm.gateway import Gateway
from codeforge_llm_litellm.transcript import number
from codeforge_llm_litellm.trouble import Trouble

MOST = 2**20
"""Bytes that a provider's count may have."""


async def count(gateway: Gateway, call: Call) -> int:
    """The tokens of a message's request. It is no call of a model: it costs nothing and is not written down."""
    asked = {name: value for name, value in call.body.items() if name != "max_tokens"}  # it says nothing to read
    engine = gateway.engine(call)
    if isinstance(engine, Passthrough):
        data = bytearray()
        try:
            async with engine.answer(replace(call, body=asked), below="/count_tokens") as answer:
                async for block in answer.blocks:
                    data += block[:MOST]
                    if len(data) > MOST:
                        break
        except Trouble:  # a provider that is away, or counts nothing, shall stop nobody from counting
            data.clear()
        if found := number(sse.parsed(b"data:" + data.replace(b"\n", b" ")).get("input_tokens")):
            return found
    return tokens(asked)
