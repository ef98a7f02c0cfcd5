"""Use of models: sums of it, an agent's claim beside them, and the calls that they are made of."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import ConfigDict

from codeforge.http.schemas.base import Shape


class Usage(Shape):
    """Model use as the gateway counted it, of the calls that are settled."""

    model_config = ConfigDict(extra="ignore")

    calls: int
    prompt_tokens: int
    completion_tokens: int
    cost_micro: int | None
    """Micro-dollars; null as soon as one call had no known price."""
    cached_tokens: int
    """Of the prompts' tokens, those that came from the provider's cache."""
    written_tokens: int
    """Of the prompts' tokens, those that were written to the provider's cache."""
    reasoning_tokens: int
    """Of the completions' tokens, those that were not shown."""
    unpriced: int
    """Calls whose price is not known."""
    priced_micro: int
    """What the others cost."""
    held_micro: int
    """What is reserved for calls under way."""


class Claim(Shape):
    """What the agent said itself that its model calls used."""

    calls: int
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int
    cost_micro: int | None
    """Null where it named no cost of one."""


class RunUsage(Usage):
    """A run's use of models, with the agent's own claim beside it."""

    claimed: Claim | None
    """Null where the agent said nothing."""
    disagreement: str
    """Where the claim is another than the gateway's count, by more than rounding; empty where they agree."""


class Call(Shape):
    """One model call, as the gateway counted it."""

    model_config = ConfigDict(extra="ignore")

    id: str
    run_id: str | None
    project_id: str | None
    provider: str
    model: str
    status: int
    """The HTTP status of the answer."""
    streamed: bool
    replayed: bool
    """Answered from a cassette: no model was called."""
    protocol: str
    """How it was asked: chat, responses or messages."""
    route: str
    """Which way it took, and why."""
    state: Literal["open", "settled"]
    """While it is open, the tokens are what it may have at most, and its cost is not known."""
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int
    written_tokens: int
    reasoning_tokens: int
    held_micro: int | None
    """What was reserved for it: its worst case, in micro-dollars; null where no price was known."""
    cost_micro: int | None
    price_id: str | None
    """The version of the price that it is settled by."""
    counted: str
    """Whose figures these are: reported (the provider's), counted (ours), estimated (the worst case, because the server
    ended in the middle) or unpriced."""
    milliseconds: int
    error: str
    exchange: bool
    """Whether what it asked and was answered is kept, for `GET /calls/{id}/exchange`."""
    created_at: datetime


class Exchange(Shape):
    """What a model call asked and was answered, without secrets."""

    call_id: str
    cassette: dict[str, Any]
    """As a file of a cassette; the whole request is in it, under codeforge."""
