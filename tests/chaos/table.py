"""The table of stories, for the terminal and for the docs."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from rich.table import Table

from chaos.stories import Outcome

MARK = "<!-- table -->"
HEADS = ("story", "faults", "runs", "executions", "take-over p50 / max (s)", "events", "refused", "verdict")


def _cells(outcome: Outcome) -> tuple[str, ...]:
    hurts = ", ".join(f"{number} {kind}" for kind, number in sorted(outcome.hurts.items()))
    runs = ", ".join(f"{number} {state}" for state, number in sorted(outcome.runs.items()))
    wrong = "; ".join(f"{name}: {len(found)}" for name, found in outcome.wrong.items() if found)
    return (
        f"{outcome.story.name} ({outcome.seconds:.0f} s)",
        f"{sum(outcome.hurts.values())}: {hurts}",
        f"{sum(outcome.runs.values())}: {runs}",
        str(outcome.executions),
        outcome.take_over(),
        f"{outcome.events} ({outcome.reconnects} reconnects)",
        f"{outcome.refused} ({outcome.messages} messages in hand)",
        wrong or "all kept",
    )


def show(outcomes: Iterable[Outcome]) -> Table:
    """For a terminal."""
    table = Table(*HEADS, show_lines=True)
    for outcome in outcomes:
        table.add_row(*_cells(outcome))
    return table


def markdown(outcomes: list[Outcome], file: Path) -> None:
    """Put the table behind the mark in ``file``."""
    head = file.read_text().partition(MARK)[0] if file.exists() else ""
    lines = [f"| {' | '.join(HEADS)} |", "|" + " --- |" * len(HEADS)]
    lines += [f"| {' | '.join(_cells(outcome))} |" for outcome in outcomes]
    seed = f"\nSeed {outcomes[0].story.seed}.\n"
    file.write_text(f"{head}{MARK}\n{seed}\n" + "\n".join(lines) + "\n")
