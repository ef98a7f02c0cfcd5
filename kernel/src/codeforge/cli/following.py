"""Follows a run to its end: events by a thread that reconnects without a gap, the rest in the caller's thread."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any

from codeforge.cli.api import Api, Lost, part
from codeforge.cli.signals import Wishes
from codeforge.cli.views import View
from codeforge.errors import CodeForgeError
from codeforge.model import ENDED, RunState

LOOK = 2.0
"""Seconds between two looks at the run's figures."""
QUEUED = 15.0
"""Seconds in the queue after which a person is told what that may mean."""
GIVEN_UP = 60.0
"""Seconds without an answer after which the server counts as gone."""


def follow(find: Callable[[], Api], run_id: str, view: View, wishes: Wishes) -> dict[str, Any]:
    """Show the run until it has ended; gives it as it is then. At a wish to end the run is asked to stop, and
    followed until it has. ``find`` gives the server, again after each loss. Raises `Lost` when it stays away.
    """
    news: SimpleQueue[dict[str, Any] | CodeForgeError] = SimpleQueue()
    threading.Thread(target=_listen, args=(find, run_id, news), name="events", daemon=True).start()
    looked, stopping, patience = 0.0, False, time.monotonic() + QUEUED
    while True:
        try:
            item = news.get(timeout=0.1)
        except Empty:
            item = None
        if isinstance(item, CodeForgeError):
            raise item
        if item:
            view.event(item)
            if item["data"].get("state") == RunState.PAUSED:
                view.line(f"Somebody paused it: `codeforge runs resume {run_id}` lets it go on.", "yellow")
            patience = time.monotonic() + QUEUED if item["data"].get("state") == RunState.QUEUED else math.inf
            if item["kind"] == "state" and item["data"]["state"] in ENDED:
                return _read(find, run_id)
        if time.monotonic() > patience:
            view.line("Still queued: every worker is busy, or none runs (`codeforge up` has one).", "yellow")
            patience = math.inf
        if wishes.to_end and not stopping:
            stopping = _stop(find, run_id, view)
        if time.monotonic() - looked > LOOK and item is None:
            view.figures(_read(find, run_id))
            looked = time.monotonic()


def _stop(find: Callable[[], Api], run_id: str, view: View) -> bool:
    """Ask the run to stop; whether the server took it."""
    try:
        find().post(f"/runs/{part(run_id)}/stop")
    except Lost:
        return False
    view.line("Stopping: the agent ends and its work is kept. This takes a few seconds.", "yellow")
    return True


def _read(find: Callable[[], Api], run_id: str) -> dict[str, Any]:
    deadline = time.monotonic() + GIVEN_UP
    while True:
        try:
            run: dict[str, Any] = find().get(f"/runs/{part(run_id)}")
        except Lost:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)
        else:
            return run


def _listen(find: Callable[[], Api], run_id: str, news: SimpleQueue[dict[str, Any] | CodeForgeError]) -> None:
    """Put every event into ``news``, from number 1 on, over as many connections as it takes; an error is the last."""
    seen = 0
    while True:
        try:
            for event in find().events(run_id, seen):
                news.put(event)
                seen = event["seq"]
        except Lost:
            try:
                _read(find, run_id)  # waits until it is back
            except CodeForgeError as error:
                news.put(error)
                return
        except CodeForgeError as error:
            news.put(error)
            return
        time.sleep(0.2)
