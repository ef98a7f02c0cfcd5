"""The engine for models of other plugins, whose `Llm` answers chat completions itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from codeforge import CodeForgeError, ModelAnswer
from codeforge_llm_litellm.call import Call
from codeforge_llm_litellm.engines import Answer, Engine
from codeforge_llm_litellm.protocols.known import protocol
from codeforge_llm_litellm.trouble import Trouble


class Offered(Engine):
    """Hands the request over to the plugin; its errors become sentences, so that it can break nothing else."""

    @asynccontextmanager
    async def answer(self, call: Call) -> AsyncIterator[Answer]:
        target = call.target
        assert target.llm
        body = {**protocol("chat").outgoing(call.body), "model": target.model}
        async with AsyncExitStack() as stack:
            try:
                given = await stack.enter_async_context(target.llm.answer(call.tenant_id, target.name, body))
            except Exception as error:
                raise _trouble(target.provider, error, "provider_unreachable", sent=False) from error
            blocks = _blocks(given, target.provider)
            yield Answer(
                status=given.status, blocks=blocks, content_type=given.content_type, headers=dict(given.headers)
            )


async def _blocks(given: ModelAnswer, provider: str) -> AsyncIterator[bytes]:
    try:
        async for block in given.blocks:
            yield block
    except Exception as error:
        raise _trouble(provider, error, "provider_cut", sent=True) from error


def _trouble(provider: str, error: Exception, code: str, *, sent: bool) -> Trouble:
    if isinstance(error, CodeForgeError):
        return Trouble(max(error.status, 500), code, str(error), sent=sent)
    return Trouble(502, code, f"{provider} failed in the plugin that brings it ({type(error).__name__}).", sent=sent)
