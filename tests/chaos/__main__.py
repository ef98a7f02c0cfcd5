"""``./dev chaos [--kills N] [--seed S] [--story NAME] [--write FILE]``: the long form, with a table at its end."""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from chaos.stories import WEIGHTS, Story, tell
from chaos.table import markdown, show

SHARES = {"kills": 35, "freezes": 10, "cuts": 10, "messages": 10, "disk and clock": 5, "everything": 30}
"""Which part of the faults, in percent, each story has."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="dev chaos", description=__doc__)
    parser.add_argument("--kills", type=int, default=1000, help="faults in all stories together")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--story", choices=WEIGHTS, action="append", help="only this one; may be given again")
    parser.add_argument("--at-once", type=int, default=Story.at_once, help="runs at a time")
    parser.add_argument("--pause", type=float, default=1.5, help="seconds between two faults, on average")
    parser.add_argument("--write", type=Path, help="put the table into this Markdown file")
    asked = parser.parse_args()
    console = Console(width=None if sys.stdout.isatty() else 160)
    console.print(f"seed {asked.seed}")
    stories = asked.story or list(SHARES)
    whole = sum(SHARES[name] for name in stories)
    folder = Path(tempfile.mkdtemp(prefix="codeforge-chaos-"))
    outcomes = []
    for name in stories:
        faults = max(1, round(asked.kills * SHARES[name] / whole))
        story = Story(name=name, faults=faults, seed=asked.seed, at_once=asked.at_once, pause=asked.pause)
        with console.status(name) as status:
            place = folder / name.replace(" ", "-")
            outcomes.append(asyncio.run(tell(story, place, lambda text, n=name: status.update(f"{n}: {text}"))))
        console.print(show(outcomes[-1:]))
        for check, wrong in outcomes[-1].wrong.items():
            for sentence in wrong:
                console.print(f"[red]{check}[/red]: {sentence} (seed {asked.seed}, logs in {place})")
    console.print(show(outcomes))
    if asked.write:
        markdown(outcomes, asked.write)
    return 0 if all(outcome.well for outcome in outcomes) else 1


if __name__ == "__main__":
    raise SystemExit(main())
