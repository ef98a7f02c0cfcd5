"""Asks a model through the gateway, streamed, and again while patience lasts."""

from __future__ import annotations

import time
from typing import Any

from codeforge_agent.gateway import Again, Gateway
from codeforge_agent.report import Report

from .answer import Answer

PAUSE, LONGEST_PAUSE = 0.25, 15.0
"""Seconds before a failed call is made again: at first, and at most."""


def ask(gateway: Gateway, report: Report, model: str, messages: list[dict[str, Any]], **more: Any) -> Answer:
    """A whole answer, its words told as they come. Raises `CallFailed` when there is none."""
    pause = PAUSE
    while True:
        answer = Answer()
        try:
            for delta in gateway.chat(model, messages, **more):
                if words := answer.add(delta):
                    report.stream("said", words)
        except Again as failure:
            report.text("log", f"The model is asked again in {pause:g} s: {failure}")
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
        else:
            answer.finish = gateway.finish
            return answer
