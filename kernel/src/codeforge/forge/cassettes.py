"""A cassette as a folder: one readable JSON file for each request that an agent made."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


class Cassette:
    """Writes a run's exchanges, given in the order of their calls, into ``folder``.

    Where the gateway asked several providers for one request, the agent was answered by the last: it has the file.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._numbers)

    def add(self, call_id: str, document: dict[str, Any]) -> None:
        """Write the exchange of a call."""
        ours = document["fixtures"][0].get("codeforge") or {}
        number = self._numbers.setdefault(ours.get("request_id") or call_id, len(self) + 1)
        text = json.dumps(document, ensure_ascii=False, indent=1) + "\n"
        (self._folder / f"{number:04d}.json").write_text(text, encoding="utf-8", errors="replace")
