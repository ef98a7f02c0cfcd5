"""Speaks to the gateway: one streamed chat call at a time, with its failures sorted into Again and Final."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from .job import Job
from .report import Report

TRIED_AGAIN = {408, 425, 429, 500, 502, 503, 504, 520, 522, 524, 529}
_CODES = {"budget_exceeded": 402, "rate_limit_exceeded": 429, "insufficient_quota": 429, "invalid_api_key": 401}


class CallFailed(Exception):
    """A model call came to nothing. ``status`` is the HTTP status, None when there was no answer at all."""

    def __init__(self, words: str, status: int | None = None) -> None:
        super().__init__(words)
        self.status = status


class Again(CallFailed):
    """Worth another try."""


class Final(CallFailed):
    """Not worth another try."""


class Gateway:
    """``failure`` is the last call's, None once an answer came through whole; until then the call is ``open``.

    ``usage`` holds the (prompt, completion) tokens of the last answer, None where nobody counted.
    """

    def __init__(self, job: Job, report: Report) -> None:
        self._url, self._key, self._report = urlsplit(job.gateway), job.key, report
        self._call_timeout, self._patience = job.call_timeout, job.patience
        self._failing_since: float | None = None
        self.failure: CallFailed | None = None
        self.open = False
        self.finish: str | None = None
        self.usage: tuple[int, int] | None = None

    def chat(self, model: str, messages: list[dict[str, Any]], **more: Any) -> Iterator[dict[str, Any]]:
        """The deltas of a streamed answer, thoughts told on the way. Raises `Again` or `Final`.

        What its reader is given before that is half an answer: nothing may be made of it.
        """
        self.open, self.finish, self.usage = True, None, None
        options = {"stream": True, "stream_options": {"include_usage": True}}
        for event in self._events({"model": model, "messages": messages, **options, **more}):
            if isinstance(event.get("usage"), dict):
                self._count(event["usage"])
            for choice in _objects(event.get("choices")):
                self.finish = choice.get("finish_reason") or self.finish
                for delta in _objects([choice.get("delta")]):
                    if thought := delta.get("reasoning_content") or delta.get("reasoning"):
                        self._report.stream("thought", str(thought))
                    yield delta
        if not self.finish:  # a reply that was cut off must not be applied as if it were whole
            raise self._failed("the connection broke in the middle of the answer")
        self._failing_since = self.failure = None
        self.open = False

    def _events(self, body: dict[str, Any]) -> Iterator[dict[str, Any]]:
        for line in self._lines(body):
            data = line.removeprefix(b"data:").strip()
            if not line.startswith(b"data:") or data == b"[DONE]":
                continue
            event = _parsed(data)
            if event.get("error"):
                raise self._failed(_words(data), _status(event["error"]))
            yield event

    def _lines(self, body: dict[str, Any]) -> Iterator[bytes]:
        """The lines of the answer to a POST of ``body``."""
        secure = self._url.scheme == "https"
        connect = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        connection = connect(self._url.hostname or "", self._url.port, timeout=self._call_timeout)
        try:
            headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self._key}"}
            path = self._url.path.rstrip("/") + "/chat/completions"
            connection.request("POST", path, json.dumps(body).encode(), headers)
            response = connection.getresponse()
            if response.status != 200:
                raise self._failed(_words(response.read(65536)), response.status, response.headers.get("Retry-After"))
            yield from response
        except TimeoutError:
            raise self._failed(f"no word from the model for {self._call_timeout:g} s") from None
        except (OSError, http.client.HTTPException) as error:
            raise self._failed(getattr(error, "strerror", None) or str(error) or type(error).__name__) from None
        finally:
            connection.close()

    def _failed(self, words: str, status: int | None = None, retry_after: str | None = None) -> CallFailed:
        """The failure to raise: another try is worth it only for some, and only while patience lasts."""
        now = time.monotonic()
        self._failing_since = self._failing_since or now
        left = self._failing_since + self._patience - now
        wait = float(retry_after) if retry_after and retry_after.isdecimal() else 0.0
        if (status is None or status in TRIED_AGAIN) and left > wait:
            self.failure = Again(words, status)
            time.sleep(wait)
        else:
            self.failure = Final(words, status)
        return self.failure

    def _count(self, usage: dict[str, Any]) -> None:
        details = usage.get("prompt_tokens_details")
        cached = _number(details.get("cached_tokens")) if isinstance(details, dict) else 0
        self.usage = prompt, completion = _number(usage.get("prompt_tokens")), _number(usage.get("completion_tokens"))
        self._report.tell("usage", prompt_tokens=prompt, completion_tokens=completion, cached=cached)


def _objects(value: object) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _number(value: object) -> int:
    return int(value) if isinstance(value, (int, float)) and 0 < value < 10**9 else 0


def _parsed(data: bytes) -> dict[str, Any]:
    try:
        event = json.loads(data)
    except (ValueError, RecursionError):
        event = None
    return event if isinstance(event, dict) else {}


def _words(body: bytes) -> str:
    """What the other side says in an error's body, as one line."""
    found: Any = _parsed(body)
    found = found.get("error") or found.get("detail") or found.get("message") or found
    if isinstance(found, dict):
        found = found.get("message") or found.get("detail")
    return " ".join(str(found or body.decode(errors="replace")).split())[:300]


def _status(error: Any) -> int | None:
    """The HTTP status that an error in mid-stream stands for."""
    code = str(error.get("code") if isinstance(error, dict) else None)
    return int(code) if code.isdecimal() else _CODES.get(code)
