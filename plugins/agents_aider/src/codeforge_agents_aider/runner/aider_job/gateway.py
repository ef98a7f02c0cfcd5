"""Speaks to the gateway: one streamed chat call at a time, with its failures sorted into Again and Final."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

from .litellm_double import Again, CallFailed, Final
from .report import Report

TRIED_AGAIN = {408, 425, 429, 500, 502, 503, 504, 520, 522, 524, 529}
_CODES = {"budget_exceeded": 402, "rate_limit_exceeded": 429, "insufficient_quota": 429, "invalid_api_key": 401}


class Gateway:
    """``patience`` is how many seconds a failing model is asked again; ``call_timeout`` how long it may be silent.

    ``failure`` is the last call's, None once an answer came through whole; until then the call is ``open``.
    """

    def __init__(self, url: str, key: str, *, call_timeout: float, patience: float, report: Report) -> None:
        self._url, self._key, self._report = urlsplit(url), key, report
        self._call_timeout, self._patience = call_timeout, patience
        self._failing_since: float | None = None
        self.failure: CallFailed | None = None
        self.open = False

    def chat(self, model: str, messages: list[dict[str, Any]]) -> Answer:
        """Ask; the answer streams as it is iterated. Raises `Again` or `Final`, there too."""
        self.open = True
        body = {"model": model, "messages": messages, "stream": True, "stream_options": {"include_usage": True}}
        return Answer(self, body, self._report)

    def lines(self, body: dict[str, Any]) -> Iterator[bytes]:
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
                raise self.failed(_words(response.read(65536)), response.status, response.headers.get("Retry-After"))
            yield from response
        except TimeoutError:
            raise self.failed(f"no word from the model for {self._call_timeout:g} s") from None
        except (OSError, http.client.HTTPException) as error:
            raise self.failed(getattr(error, "strerror", None) or str(error) or type(error).__name__) from None
        finally:
            connection.close()

    def failed(self, words: str, status: int | None = None, retry_after: str | None = None) -> CallFailed:
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

    def answered(self) -> None:
        self._failing_since = self.failure = None
        self.open = False


class Answer:
    """Chunks as litellm would give them, as far as Aider looks; ``usage`` is there at the end."""

    def __init__(self, gateway: Gateway, body: dict[str, Any], report: Report) -> None:
        self._gateway, self._body, self._report = gateway, body, report
        self.usage: SimpleNamespace | None = None

    def __iter__(self) -> Iterator[SimpleNamespace]:
        finish = None
        for line in self._gateway.lines(self._body):
            data = line.removeprefix(b"data:").strip()
            if not line.startswith(b"data:") or data == b"[DONE]":
                continue
            event = _parsed(data)
            if event.get("error"):
                raise self._gateway.failed(_words(data), _status(event["error"]))
            if isinstance(event.get("usage"), dict):
                self._count(event["usage"])
            for choice in _objects(event.get("choices")):
                finish = choice.get("finish_reason") or finish
                for delta in _objects([choice.get("delta")]):
                    if thought := delta.get("reasoning_content") or delta.get("reasoning"):
                        self._report.stream("thought", str(thought))
                    if content := delta.get("content"):
                        yield _chunk(str(content), None)
        if not finish:  # a reply that was cut off must not be applied as if it were whole
            raise self._gateway.failed("the connection broke in the middle of the answer")
        self._gateway.answered()
        yield _chunk("", finish)

    def _count(self, usage: dict[str, Any]) -> None:
        details = usage.get("prompt_tokens_details")
        cached = _number(details.get("cached_tokens")) if isinstance(details, dict) else 0
        self.usage = SimpleNamespace(
            prompt_tokens=_number(usage.get("prompt_tokens")), completion_tokens=_number(usage.get("completion_tokens"))
        )
        self._report.tell("usage", cached=cached, **vars(self.usage))


def _chunk(content: str, finish: str | None) -> SimpleNamespace:
    return SimpleNamespace(choices=[SimpleNamespace(delta=SimpleNamespace(content=content), finish_reason=finish)])


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
