"""Settings from files: a folder holds one file for each, as Docker and Kubernetes hand out secrets."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import PydanticBaseSettingsSource

from codeforge.errors import Invalid


def folder() -> Path:
    """Where the files are: CODEFORGE_SECRETS_DIR, by default /run/secrets."""
    return Path(os.environ.get("CODEFORGE_SECRETS_DIR") or "/run/secrets")


def path_of(name: str) -> Path:
    """The file of the setting ``name``, whether it is there or not."""
    return folder() / f"codeforge_{name}"


class SecretFiles(PydanticBaseSettingsSource):
    """Reads the file of each setting. A file that is there but cannot be used is refused, never passed over: a server
    without its ``database_url`` would begin an empty database of its own.
    """

    def __call__(self) -> dict[str, Any]:
        if "CODEFORGE_SECRETS_DIR" in os.environ and not folder().is_dir():
            raise Invalid(f"There is no folder {folder()}: correct CODEFORGE_SECRETS_DIR.")
        found = {name: self.get_field_value(field, name)[0] for name, field in self.settings_cls.model_fields.items()}
        return {name: text for name, text in found.items() if text is not None}

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[str | None, str, bool]:
        """The text of a setting's file, or None when there is none."""
        return _text(path_of(field_name)), field_name, False


def _text(path: Path) -> str | None:
    try:
        text = path.read_text(encoding="utf-8").strip()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise Invalid(f"The setting's file {path} cannot be read ({error.strerror}): mend it or its rights.") from None
    except UnicodeDecodeError:
        raise Invalid(f"The setting's file {path} is no text: write the value alone into it.") from None
    if not text:
        raise Invalid(f"The setting's file {path} is empty: write the value into it, or remove it.")
    return text


def masked(address: str) -> str:
    """An address without its password, for people to read."""
    return re.sub(r"(?<=://)([^:/@]*):.*(?=@)|(?<=password=)[^&\s]*", lambda found: f"{_user(found)}•••", address)


def _user(found: re.Match[str]) -> str:
    return "" if found[1] is None else f"{found[1]}:"
