"""The log: one line a fact in the data folder's codeforge.log or on stderr, as text or JSON, never with a secret."""

from __future__ import annotations

import json
import logging
import os
import re
import sys
import time
import traceback
from contextlib import suppress
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from codeforge import logs

if TYPE_CHECKING:
    from codeforge.settings import Settings

FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
SIZE, KEPT = 5 * 1024 * 1024, 3
_SECRET = re.compile("KEY|TOKEN|SECRET|PASSW|CREDENTIAL")
_PLAIN = re.compile(r"[^\s\"=]+")
_path: Path | None = None
_kept: tuple[Path, str] | None = None


class _Private(RotatingFileHandler):
    """A rotating file that its owner alone can read."""

    def _open(self) -> object:  # type: ignore[override]
        os.close(os.open(self.baseFilename, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600))
        return super()._open()


def _facts(record: logging.LogRecord) -> dict[str, object]:
    """What the line is about, then the facts of the line itself."""
    return {**logs.ABOUT.get(), **getattr(record, "facts", {})}


class _Text(logging.Formatter):
    """The sentence, then name=value; what goes on in further lines is indented."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 (logging's own name)
        return " ".join([super().formatMessage(record), *(f"{n}={_word(v)}" for n, v in _facts(record).items())])

    def format(self, record: logging.LogRecord) -> str:
        return logs.redact(super().format(record)).replace("\r", " ").replace("\n", "\n    ")


class _Json(logging.Formatter):
    """One JSON object: time (UTC), level, logger, message, the facts, and the stack of an error."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(record.created))}.{int(record.msecs):03d}Z",
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **_facts(record),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps({name: _clean(value) for name, value in line.items()}, ensure_ascii=False)


class _Brief(logging.Formatter):
    """The sentence alone: tracebacks are for the file."""

    def format(self, record: logging.LogRecord) -> str:
        record.message = record.getMessage()
        facts = " ".join(f"{n}={_word(v)}" for n, v in getattr(record, "facts", {}).items())
        return logs.redact(f"{self.formatMessage(record)} {facts}".rstrip())


def _clean(value: object) -> object:
    """Redacted before it is JSON, which would write some characters of a secret in another way."""
    return value if isinstance(value, int | float) else logs.redact(str(value))


def _word(value: object) -> str:
    text = logs.redact(str(value))
    return text if _PLAIN.fullmatch(text) else json.dumps(text, ensure_ascii=False)


def keep(folder: Path, settings: Settings, *, aloud: bool = False) -> None:
    """Write the log where the settings say, by default into ``folder``; with ``aloud`` warnings are shown on stderr
    as well. Without a folder that can be written the log is left out: whoever needs the folder says so better.
    """
    global _path, _kept
    if _kept == (folder, settings.log_to):
        return
    _hide_secrets(settings)
    root = logging.getLogger()
    root.setLevel(logging.INFO)
    written: logging.Handler | None = logging.StreamHandler(sys.stderr)
    if settings.log_to == "file":
        try:
            written = _Private(folder / "codeforge.log", maxBytes=SIZE, backupCount=KEPT, encoding="utf-8")
            _path = folder / "codeforge.log"
        except OSError:
            written = None
    if written:
        written.setFormatter(_Json() if settings.log_format == "json" else _Text(FORMAT))
        root.addHandler(written)
        _kept = folder, settings.log_to
    if aloud and settings.log_to == "file":
        shown = logging.StreamHandler()
        shown.setLevel(logging.WARNING)
        shown.setFormatter(_Brief("%(levelname)s: %(message)s"))
        root.addHandler(shown)


def _hide_secrets(settings: Settings) -> None:
    """What this process was given and must never write down."""
    for secret in (settings.token, settings.metrics_token):
        logs.hide(secret.get_secret_value() if secret else None)
    for address in (settings.broker_url, settings.database_url):
        with suppress(ValueError):
            logs.hide(urlsplit(address).password)
    for name, value in os.environ.items():
        if _SECRET.search(name.upper()):
            logs.hide(value)


def note_crash(error: BaseException) -> Path | None:
    """Write an unexpected error into the log; gives the log's path, None when there is none."""
    if _path is None:
        return None
    logging.getLogger("codeforge").error("unexpected: %s", "".join(traceback.format_exception(error)))
    return _path
