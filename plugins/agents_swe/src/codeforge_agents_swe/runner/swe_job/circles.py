"""Notices an agent that does the same again and again to the same effect."""

from __future__ import annotations

import hashlib
import json

ROUNDS = 6
"""So many times the same is no accident."""
LONGEST = 3
"""Steps of the longest circle that is looked for."""
WAITING = 10.0
"""Seconds from which on a step may be waiting for something, which is no circle."""


class Stuck(Exception):
    """The agent goes in circles; the words say in which."""


class Circles:
    def __init__(self) -> None:
        self._steps: list[str] = []

    def add(self, commands: list[str], results: list[str], seconds: float) -> None:
        """One more step. Raises `Stuck` when the last steps are one circle, gone round `ROUNDS` times."""
        if seconds >= WAITING:
            self._steps.clear()
            return
        self._steps.append(hashlib.sha256(json.dumps([commands, results]).encode()).hexdigest())
        for length in range(1, LONGEST + 1):
            last = self._steps[-length * ROUNDS :]
            if len(last) == length * ROUNDS and last[length:] == last[:-length]:
                steps = "the same step" if length == 1 else f"the same {length} steps"
                raise Stuck(f"{steps} to the same effect {ROUNDS} times, the last: {' && '.join(commands)[:200]}")
