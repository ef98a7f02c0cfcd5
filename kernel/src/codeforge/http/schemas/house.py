"""The installation: whether it lives, its plugins, its tokens."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from codeforge.http.schemas.base import Shape, Text


class Alive(Shape):
    """The server answers."""

    model_config = ConfigDict(extra="ignore")

    ok: bool
    version: str


class Part(Shape):
    """Something that the server stands on."""

    name: str
    """database, migrations, broker or disk."""
    ok: bool
    detail: str
    """How it is, in one sentence when it is down."""


class Ready(Alive):
    """Whether the server can do its work. ``ok`` is false as soon as one part is down."""

    parts: list[Part]


class Plugin(Shape):
    """An installed plugin."""

    name: str
    distribution: str
    version: str
    offers: list[str]
    broken: str
    """Why it could not be loaded; empty when it was."""


Scope = Literal["read", "write", "admin"]


class Token(Shape):
    """A bearer token; its secret is not kept."""

    model_config = ConfigDict(extra="ignore")

    id: str
    name: str
    scopes: list[str]
    created_at: datetime
    expires_at: datetime | None
    used_at: datetime | None
    """When it was last used, to the minute."""


class NewToken(Shape):
    """A token to make."""

    name: Annotated[Text, Field(json_schema_extra={"minLength": 1, "maxLength": 100})]
    scopes: list[Scope] = Field(default=["read", "write"])
    days: Annotated[float, Field(gt=0, le=3650)] | None = None
    """How long it is good; null: until it is revoked."""


class FreshToken(Token):
    """A new token with its secret, which is shown this once."""

    secret: str
