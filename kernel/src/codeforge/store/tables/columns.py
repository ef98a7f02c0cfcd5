"""Columns that the tables have in common."""

from __future__ import annotations

import json
from typing import Any

from peewee import CharField, TextField


class Json(TextField):
    """A value kept as JSON text, alike on every database."""

    def db_value(self, value: Any) -> str | None:
        return None if value is None else json.dumps(value, ensure_ascii=False, separators=(",", ":"))

    def python_value(self, value: str | None) -> Any:
        return None if value is None else json.loads(value)


def key() -> CharField:
    return CharField(primary_key=True, max_length=64)


def ref(**options: Any) -> CharField:
    return CharField(max_length=64, index=True, **options)
