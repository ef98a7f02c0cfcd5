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


def main() -> int:
    """One that fails says so, and takes nothing of the others along."""
    console, rows, failed = Console(width=None if sys.stdout.isatty() else 130), [], 0
    for name in sys.argv[1:] or NAMES:
        with console.status(f"measuring {name}"):
            try:
                rows += importlib.import_module(f"bench.{name}").measure()
            except Exception as error:
                console.print(f"{name} was not measured: {type(error).__name__}: {error}")
                failed = 1
    console.print(show(rows))
    return failed


sys.exit(main())
