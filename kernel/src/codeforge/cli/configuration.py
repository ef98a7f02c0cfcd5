"""Settings for the command line: flags before all other sources, with errors that name the setting and its source."""

from __future__ import annotations

import difflib
import os
import tomllib
from typing import TYPE_CHECKING, Any

from codeforge.errors import Invalid

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

    from codeforge.settings import Settings


def settled(**flags: Any) -> Settings:
    """The settings; flags that are None were not given. Raises `Invalid`: which one, what it is, what is allowed."""
    from pydantic import ValidationError

    from codeforge.settings import Settings, config_file

    given = {name: value for name, value in flags.items() if value is not None}
    try:
        return Settings(**given)
    except ValidationError as error:
        sentences = [_sentence(fault, set(given), set(Settings.model_fields)) for fault in error.errors()]
        raise Invalid(" ".join(sentences)) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Invalid(f"{config_file()} is not valid TOML ({error}): mend that line.") from None
    except RuntimeError:
        raise Invalid("This user has no home folder: set HOME to an absolute path.") from None
    except OSError as error:
        raise Invalid(f"{config_file()} cannot be read ({error.strerror}): mend its rights.") from None


def _sentence(fault: ErrorDetails, flags: set[str], known: set[str]) -> str:
    from codeforge.settings import SECRET, config_file

    name = str(fault["loc"][0]) if fault["loc"] else "?"
    if fault["type"] == "extra_forbidden":
        near = difflib.get_close_matches(name, known, 1)
        return f"There is no setting {name} ({config_file()})" + (f": did you mean {near[0]}?" if near else ".")
    value = "what it is" if name in SECRET else repr(fault["input"])
    allowed = fault["msg"].removeprefix("Value error, ").removeprefix("Input should be ").rstrip(".")
    return f"The setting {name} ({_source(name, flags)}) is {value}, but must be {allowed}."


def _source(name: str, flags: set[str]) -> str:
    from codeforge.secret_files import path_of
    from codeforge.settings import config_file

    if name in flags:
        return "--" + name.replace("_", "-")
    variable = f"CODEFORGE_{name.upper()}"
    if variable in (key.upper() for key in os.environ):
        return variable
    return str(path_of(name) if path_of(name).exists() else config_file())
