"""``./dev bench [NAME...]``: every figure beside a baseline that was measured in the same run."""

import importlib
import sys

from bench.rows import show
from rich.console import Console

NAMES = (
    "startup",
    "start",
    "warm",
    "events",
    "workspace",
    "dispatch",
    "gateway",
    "peers",
    "runs",
    "fleet_events",
    "sockets",
    "claims",
    "takeover",
    "agents",
)


def main() -> None:
    console, rows = Console(width=None if sys.stdout.isatty() else 130), []
    for name in sys.argv[1:] or NAMES:
        with console.status(f"measuring {name}"):
            rows += importlib.import_module(f"bench.{name}").measure()
    console.print(show(rows))


main()
