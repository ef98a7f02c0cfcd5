"""Which faults CodeForge tries again by itself: those of infrastructure, a bounded number of times, later each time."""

from __future__ import annotations

from codeforge.model import Reason

PASSING = frozenset({Reason.SCM_UNREACHABLE, Reason.MODEL_UNREACHABLE})
"""Faults that may pass without anybody's doing. What an agent did wrong it would do wrong again, and be paid for."""
UNBEGUN = frozenset({Reason.DISK_FULL})
"""Faults that pass too, or spare another worker, as long as no agent has begun."""


def again(reason: Reason | str | None, retries: int, most: int, *, begun: bool = True) -> float | None:
    """Seconds until a run that failed for ``reason`` is tried again, after ``retries`` such tries; None: not at all.

    5, 30, 180, ... at most 900.
    """
    if reason not in (PASSING if begun else PASSING | UNBEGUN) or retries >= most:
        return None
    return min(900.0, 5.0 * float(6**retries))
