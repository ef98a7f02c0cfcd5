"""Which ACP agents there are: the table ``plugins.agents_acp`` of CodeForge's settings, checked when it is read."""

from __future__ import annotations

import re
import shlex
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator

from codeforge import Invalid

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
IN_STATE = "{state}/"
"""How the path of a file begins that belongs to what is kept between a task's runs."""
_PLACES = re.compile(r"\{(gateway|anthropic|key|model|window|max_output|shell|workspace|home|state)\}")


def _words(command: object) -> object:
    return shlex.split(command) if isinstance(command, str) else command


class Agent(BaseModel):
    """One agent: a command line that speaks the protocol on its standard input and output."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    command: Annotated[tuple[str, ...], BeforeValidator(_words), Field(min_length=1)]
    """As a shell would read it, or a list of words. Not through a shell."""

    env: dict[str, str] = Field(default={})
    """Environment variables. Names in braces are filled in, such as {gateway}, {key} and {model} (see `_PLACES`)."""

    files: dict[str, str] = Field(default={})
    """Files to lay into its empty HOME before it starts, by their paths there; filled in likewise, without {key}.

    A path that begins with ``{state}/`` is one in the folder that is kept between the runs of a task.
    """

    auth: str = ""
    """The way to sign in that the agent is to use, by its id, where it wants one before it works."""

    @model_validator(mode="before")
    @classmethod
    def _command_alone(cls, value: object) -> object:
        return {"command": value} if isinstance(value, str | list | tuple) else value

    @field_validator("command")
    @classmethod
    def _without_key(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if any("{key}" in word for word in value):
            raise ValueError("the key does not belong into a command line, which others can read: put it into env")
        return value

    @field_validator("files")
    @classmethod
    def _at_home(cls, value: dict[str, str]) -> dict[str, str]:
        for path, text in value.items():
            if not {"", ".", ".."}.isdisjoint(path.removeprefix(IN_STATE).split("/")):
                raise ValueError(f"{path!r} is no path within HOME")
            if "{key}" in text:
                raise ValueError(f"the key does not belong into a file ({path}): put it into env")
        return value


class AcpSettings(BaseModel):
    """The settings of this plugin."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    agents: dict[str, Agent] = Field(default={})
    """Agents by the name under which CodeForge offers them. One that CodeForge knows is changed by it."""

    patience: float = Field(default=60.0, gt=0)
    """Seconds for which an agent's model calls may fail, one after the other, until the run fails."""

    call_timeout: float = Field(default=300.0, gt=0)
    """Seconds for which a model may be silent."""

    start_timeout: float = Field(default=60.0, gt=0)
    """Seconds that an agent may take to start, and to open a session."""

    @field_validator("agents")
    @classmethod
    def _named(cls, value: dict[str, Agent]) -> dict[str, Agent]:
        for name in value:
            if not NAME.fullmatch(name):
                raise ValueError(f"{name!r} is no name for an agent: use small letters, digits, '.', '_' and '-'")
        return value


def read(table: dict[str, Any]) -> AcpSettings:
    """The settings in ``table``. Raises `Invalid`, which names the setting."""
    try:
        return AcpSettings.model_validate(table)
    except ValidationError as error:
        fault = error.errors()[0]
        place = ".".join(map(str, ("plugins", "agents_acp", *fault["loc"])))
        raise Invalid(f"The setting {place} is wrong: {fault['msg'].removeprefix('Value error, ')}.") from None


def filled(text: str, places: dict[str, str]) -> str:
    """``text`` with what belongs in the places of its names; other braces stay."""
    return _PLACES.sub(lambda found: places[found[1]], text)
