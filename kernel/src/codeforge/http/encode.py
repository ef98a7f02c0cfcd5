"""Values as JSON, whatever characters they hold: a file name that is no UTF-8 must not break the answer about it."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel, TypeAdapter
from pydantic_core import PydanticSerializationError

from codeforge.events import Event

_EVENTS = TypeAdapter(list[Event])
_EVENT = TypeAdapter(Event)


def as_json(value: Any) -> bytes:
    """Plain values as JSON."""
    return json.dumps(value, separators=(",", ":")).encode()


def model_json(model: BaseModel) -> bytes:
    """A model as JSON."""
    try:
        return model.model_dump_json().encode()
    except PydanticSerializationError:
        return as_json(model.model_dump(mode="json"))


def event_json(event: Event) -> str:
    """One event as a line of JSON."""
    return _text(_EVENT, event)


def events_json(events: list[Event]) -> str:
    """A batch of events as one JSON array."""
    return _text(_EVENTS, events)


def _text(adapter: TypeAdapter[Any], value: Any) -> str:
    try:
        return adapter.dump_json(value).decode()
    except PydanticSerializationError:
        return json.dumps(adapter.dump_python(value, mode="json"))
