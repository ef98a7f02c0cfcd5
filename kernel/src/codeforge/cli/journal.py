"""The log: one line a fact in the data folder's codeforge.log, and warnings on stderr where somebody watches."""

from __future__ import annotations

import logging
import os
import traceback
from logging.handlers import RotatingFileHandler
from pathlib import Path

FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
SIZE, KEPT = 5 * 1024 * 1024, 3
_path: Path | None = None


class _Private(RotatingFileHandler):
    """A rotating file that its owner alone can read."""

    def _open(self) -> object:  # type: ignore[override]
        os.close(os.open(self.baseFilename, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600))
        return super()._open()


class _OneLine(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return super().format(record).replace("\n", "\n    ")


class _Brief(logging.Formatter):
    """The sentence alone: tracebacks are for the file."""

    def format(self, record: logging.LogRecord) -> str:
        record.message = record.getMessage()
        return self.formatMessage(record)


def keep(folder: Path, *, aloud: bool = False) -> None:
    """Write the log into ``folder``; with ``aloud`` warnings are shown on stderr as well. Without a folder that can be
    written the log is left out: whoever needs the folder says so better.
    """
    global _path
    if _path == folder / "codeforge.log":
        return
    root = logging.getLogger()
    root.setLevel(logging.INFO)
    try:
        to_file = _Private(folder / "codeforge.log", maxBytes=SIZE, backupCount=KEPT, encoding="utf-8")
    except OSError:
        to_file = None
    if to_file:
        to_file.setFormatter(_OneLine(FORMAT))
        root.addHandler(to_file)
        _path = folder / "codeforge.log"
    if aloud:
        shown = logging.StreamHandler()
        shown.setLevel(logging.WARNING)
        shown.setFormatter(_Brief("%(levelname)s: %(message)s"))
        root.addHandler(shown)


def note_crash(error: BaseException) -> Path | None:
    """Write an unexpected error into the log; gives the log's path, None when there is none."""
    if _path is None:
        return None
    logging.getLogger("codeforge").error("unexpected: %s", "".join(traceback.format_exception(error)))
    return _path
