"""Whether a worker's disk has room for a run: asked before each claim, told in the log when it changes."""

from __future__ import annotations

import logging
from typing import Any

from codeforge.disk import free_mb
from codeforge.logs import tell
from codeforge.settings import Settings

log = logging.getLogger(__name__)


class Room:
    """The worker's data folder. ``projects`` is what each takes of it in MB, as it was measured last."""

    def __init__(self, settings: Settings) -> None:
        self._data_dir, self._least = settings.data_dir, settings.min_free_mb
        self._short = False
        self.projects: dict[str, int] = {}

    def enough(self) -> bool:
        """Whether a run may be taken: as much is free as the setting min_free_mb says."""
        free = self._free()
        if self._short != (free < self._least):
            self._short = not self._short
            sentence = "disk full: no run is taken" if self._short else "disk has room: runs are taken again"
            level = logging.WARNING if self._short else logging.INFO
            tell(log, sentence, level=level, free_mb=free, min_free_mb=self._least)
        return not self._short

    def facts(self) -> dict[str, Any]:
        """What a worker says of its disk: the column ``disk`` of its row."""
        free = self._free()
        return {"free_mb": free, "full": free < self._least, "projects": self.projects}

    def _free(self) -> int:
        try:
            return free_mb(self._data_dir)
        except OSError:
            return 0
