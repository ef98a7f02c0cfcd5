"""Bar charts of costs and budgets, drawn on the server: where each bar stands, and the words that tell of it."""

from __future__ import annotations

from dataclasses import dataclass

from codeforge.forge.costs import Cost
from codeforge.model import Budget
from codeforge_ui_web.words import told

HEIGHT = 100.0
"""Units from the ground to the top of the dearest bar."""
LEAST = 1.5
"""Units of a bar that cost something, so that it is seen."""
GAP = 0.25
"""The part of a bar's room that stays free."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar in a chart of 1 unit width per bar and `HEIGHT` units height; ``unpriced`` says that it is not all."""

    key: str
    x: float
    y: float
    width: float
    height: float
    unpriced: bool
    words: str


def bars(costs: list[Cost]) -> list[Bar]:
    """A bar for each cost, in their order."""
    most = max([cost.cost_micro or 0 for cost in costs], default=0)
    return [_bar(number, cost, most) for number, cost in enumerate(costs)]


def _bar(number: int, cost: Cost, most: int) -> Bar:
    height = max(LEAST, HEIGHT * cost.cost_micro / most) if cost.cost_micro else 0.0
    room = 1 - GAP
    return Bar(
        cost.key,
        round(number + GAP / 2, 3),
        round(HEIGHT - height, 2),
        room,
        round(height, 2),
        bool(cost.unpriced),
        f"{cost.name}: {told(cost)}",
    )


@dataclass(frozen=True, slots=True)
class Gauge:
    """A budget as a bar of 100 units: what is spent, what is reserved behind it, and where 80 % and 100 % are.

    ``share`` is the part of the limit that is spent, in per cent; ``tone`` the colour that this deserves.
    """

    spent: float
    held: float
    warning: float
    limit: float
    share: int
    tone: str


WARNING = 0.8
"""The part of a budget at which people are told."""


def gauge(budget: Budget) -> Gauge:
    """The bar of a budget; one that is overdrawn ends with what is spent, beyond its limit."""
    limit, spent, held = budget.limit_micro, budget.spent_micro, budget.held_micro
    whole = max(limit, spent + held, 1)
    share = 100 * spent // limit if limit else 100
    tone = "bad" if share >= 100 else "wait" if share >= 100 * WARNING else "good"
    spent_, held_, warning, full = (round(100 * value / whole, 2) for value in (spent, held, WARNING * limit, limit))
    return Gauge(spent=spent_, held=held_, warning=warning, limit=full, share=share, tone=tone)
