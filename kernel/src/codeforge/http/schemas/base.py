"""What all shapes are made of: their root, pages of lists, and texts and numbers within bounds."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Generic, Self, TypeVar

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

T = TypeVar("T")
BIGGEST = 2**63 - 1


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("remove the NUL character.")
    return text


def _near(moment: datetime) -> datetime:
    if not 1900 < moment.year < 3000:
        raise ValueError("give a year of this age.")
    return moment.astimezone(UTC)


Moment = Annotated[AwareDatetime, AfterValidator(_near)]
"""A point in time with its offset from UTC."""
Text = Annotated[str, AfterValidator(_without_nul), Field(json_schema_extra={"pattern": r"^[^\u0000]*$"})]
Said = Annotated[str, Field(json_schema_extra={"minLength": 1})]
"""Words that the forge judges, in sentences of its own."""
Slug = Annotated[str, Field(json_schema_extra={"pattern": r"^[a-z0-9][a-z0-9._-]{0,62}$"})]
Name = Annotated[Text, Field(max_length=200)]
Address = Annotated[Text, Field(max_length=2000)]
Command = Annotated[Text, Field(max_length=10_000)]
Id = Annotated[str, Field(max_length=64)]
Sequence = Annotated[int, Field(ge=0, le=BIGGEST)]


class Shape(BaseModel):
    """Root of all shapes. Unknown fields are refused."""

    model_config = ConfigDict(
        extra="forbid",
        from_attributes=True,
        allow_inf_nan=False,
        defer_build=True,  # a server is asked for a few shapes, and starts without building them all
    )

    @classmethod
    def of(cls, fact: object) -> Self:
        """The shape of a fact."""
        return cls.model_validate(fact)

    def etag(self) -> str:
        """The entity tag for edits with If-Match; empty for what cannot be edited."""
        return ""


class Page(Shape, Generic[T]):
    """A part of a list."""

    items: list[T]
    next: str | None = None
    """Where the list goes on: give it as ``before`` (for events and the queue as ``after``). Null: this was the end."""
