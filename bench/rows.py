"""A figure beside its baseline of the same run, and the table that shows them."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import NamedTuple

from rich.table import Table


class Row(NamedTuple):
    """One figure beside its baseline of the same run; ``ratio`` is value / baseline."""

    name: str
    value: float
    unit: str
    baseline_name: str
    baseline: float
    ratio: float


def row(name: str, value: float, unit: str, baseline_name: str, baseline: float) -> Row:
    return Row(name, value, unit, baseline_name, baseline, value / baseline)


def percentiles(name: str, baseline_name: str, figures: Sequence[tuple[float, float]], at: Sequence[int]) -> list[Row]:
    """Rows in ms from (ours, baseline) pairs in ms."""
    columns = list(zip(*figures, strict=True))
    found = []
    for percent in at:
        ours, bare = (statistics.quantiles(column, n=100)[percent - 1] for column in columns)
        found.append(row(f"{name} p{percent}", ours, "ms", baseline_name, bare))
    return found


def show(rows: Sequence[Row]) -> Table:
    """The rows as a table."""
    table = Table("measured", "value", "beside", "value", "ratio")
    for one in rows:
        digits = 0 if one.value >= 100 else 2
        table.add_row(
            one.name,
            f"{one.value:,.{digits}f} {one.unit}",
            one.baseline_name,
            f"{one.baseline:,.{digits}f} {one.unit}",
            f"{one.ratio:.2f}",
        )
    return table
