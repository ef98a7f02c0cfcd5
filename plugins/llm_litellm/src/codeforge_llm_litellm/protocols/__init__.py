"""Protocols: in which form agents ask and are answered, one file each, behind one small interface."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from codeforge_llm_litellm.transcript import Transcript
from codeforge_llm_litellm.trouble import Trouble


class Protocol(ABC):
    """One protocol: what its requests say, how its answers are read, and how it tells that something went wrong."""

    name: ClassVar[str]
    path: ClassVar[str]
    """Where a provider that speaks it is asked, behind the ``/v1`` of its address."""
    end: ClassVar[bytes] = b""
    """What ends a stream, where the provider's own end did not come."""

    @abstractmethod
    def check(self, body: dict[str, Any]) -> None:
        """Raises `Trouble` 400 when ``body`` is no request that can be read; all else is the provider's to judge."""

    def outgoing(self, body: dict[str, Any]) -> dict[str, Any]:
        """The request as a provider that speaks this protocol gets it: so that it reports what it used."""
        return body

    @abstractmethod
    def read(self, data: dict[str, Any], transcript: Transcript) -> None:
        """Take in a body or an event; anything that is not shaped as expected is left aside."""

    @abstractmethod
    def ends(self, found: dict[str, Any]) -> bool:
        """Whether this event is the last one of a stream: the agent gets it when the call was written down."""

    def hides(self, body: dict[str, Any], found: dict[str, Any]) -> bool:
        """Whether the agent should not see this event, since only the gateway asked for it."""
        return False

    @abstractmethod
    def error(self, trouble: Trouble) -> dict[str, Any]:
        """A trouble as the body of an answer."""

    @abstractmethod
    def is_error(self, body: dict[str, Any]) -> bool:
        """Whether a body that came with an error's status has the form of this protocol's errors."""

    @abstractmethod
    def event(self, trouble: Trouble, before: dict[str, Any]) -> bytes:
        """A trouble in the middle of a stream; ``before`` holds what the events before said last, field by field."""


def asks_for_a_model(body: dict[str, Any]) -> bool:
    """Whether the request names one."""
    return isinstance(body.get("model"), str)
