"""OpenHands' idea of the model: its messages and tools as ever, its calls through the gateway."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from codeforge_agent.job import Job
from litellm import ModelResponse
from litellm.types.utils import ChatCompletionMessageToolCall, Choices, Function, Message, Usage
from openhands.sdk import LLM
from openhands.sdk.llm.exceptions import LLMContextWindowExceedError
from pydantic import PrivateAttr

from .answer import Answer
from .calls import Calls, TooLong

ROOM = 0.75
"""The share of a model's window that the conversation may fill; tools and answers take the rest."""
LETTERS = 4
"""Letters of a token, about: counting better would need tables that are fetched."""


class GatewayLLM(LLM):  # type: ignore[misc]
    """Nothing of litellm's ways to a provider is used, and of its tries, keys and prices none but ours."""

    _calls: Calls = PrivateAttr()

    def _transport_call(self, *, messages: Any, tools: Any = None, **_: Any) -> ModelResponse:
        try:
            return _response(self._calls.ask(messages, tools), self.model)
        except TooLong as error:
            raise LLMContextWindowExceedError(str(error)) from None

    async def _atransport_call(self, *, messages: Any, tools: Any = None, **_: Any) -> ModelResponse:
        return await asyncio.to_thread(self._transport_call, messages=messages, tools=tools)

    def resolve_runtime_metadata(self, *, force: bool = False) -> None:
        """Nobody is asked."""

    async def aresolve_runtime_metadata(self, *, force: bool = False) -> None:
        """Nobody is asked."""

    def get_token_count(self, messages: Sequence[Any], *_: Any, **__: Any) -> int:
        return sum(len(message.model_dump_json()) for message in messages) // LETTERS


def make_llm(job: Job, calls: Calls, usage: str) -> GatewayLLM:
    """The model for one ``usage`` of it. Its prices are dollars a token, as the SDK's sums want them."""
    llm = GatewayLLM(
        model=f"openai/{job.model}",  # a prefix that it knows; the gateway is told the true name
        usage_id=usage,
        api_mode="chat",
        num_retries=1,  # of ours there are more
        timeout=None,
        reasoning_effort=None,
        max_input_tokens=int(job.window * ROOM) if job.window else None,
        input_cost_per_token=_dollars(job.input_price),
        output_cost_per_token=_dollars(job.output_price),
    )
    llm._calls = calls
    return llm


def _dollars(price: int | None) -> float:
    """Of a token, from micro-dollars per million. Never None: the SDK would look for a price by the model's name."""
    return (price or 0) / 1e12


def _response(answer: Answer, model: str) -> ModelResponse:
    calls = [
        ChatCompletionMessageToolCall(
            id=call.id or f"call_{number}", type="function",
            function=Function(name=call.name, arguments=call.arguments.strip() or "{}"),
        )
        for number, call in sorted(answer.calls.items())
    ]  # fmt: skip
    thought = answer.thought or None
    message = Message(role="assistant", content=answer.text, tool_calls=calls or None, reasoning_content=thought)
    finish = "length" if answer.cut else "tool_calls" if calls else "stop"
    prompt, completion = answer.usage or (0, 0)
    usage = Usage(prompt_tokens=prompt, completion_tokens=completion, total_tokens=prompt + completion)
    return ModelResponse(model=model, choices=[Choices(index=0, finish_reason=finish, message=message)], usage=usage)
