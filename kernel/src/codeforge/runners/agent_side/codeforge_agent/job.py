"""The job as it comes on standard input."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Job:
    """Paths are absolute; ``seconds`` counts from the start; ``state`` is kept between the turns of a task.

    Prices are micro-dollars per million tokens.
    A model may be silent for ``call_timeout`` seconds, and one that fails is asked again for ``patience`` seconds.
    """

    prompt: str
    workspace: str
    state: str
    model: str
    provider: str
    gateway: str
    key: str = field(repr=False)
    steps: int
    seconds: float
    call_timeout: float
    patience: float
    follow_up: bool
    window: int | None = None
    max_output: int | None = None
    input_price: int | None = None
    output_price: int | None = None


def read_job() -> Job:
    """Read standard input to its end and put nothing in its place: no child may find the key there."""
    job = Job(**json.loads(sys.stdin.buffer.read()))
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return job
