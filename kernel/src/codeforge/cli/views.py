"""Shows a run while it works: lines above a line of figures on a terminal, plain lines everywhere else."""

from __future__ import annotations

import sys
import time
from contextlib import AbstractContextManager
from types import TracebackType
from typing import TYPE_CHECKING, Any

from codeforge.cli import lines
from codeforge.cli.words import count, duration, money, say

if TYPE_CHECKING:
    from rich.table import Table


class View(AbstractContextManager["View"]):
    """Plain lines on stderr; also the root of the other view."""

    def event(self, event: dict[str, Any]) -> None:
        """Something happened."""
        for text, _ in lines.of(event):
            self.line(text)

    def line(self, text: str, style: str = "") -> None:
        """A line of our own."""
        say(text)

    def figures(self, run: dict[str, Any]) -> None:
        """The run as the server sees it now."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass


class LiveView(View):
    """Coloured lines, and below them state, elapsed time, tokens and cost."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.live import Live

        self._console = Console(stderr=True, highlight=False)
        self._state, self._figures, self._started = "queued", "", time.monotonic()
        self._live = Live(get_renderable=self._status, console=self._console, refresh_per_second=8, transient=True)

    def __enter__(self) -> LiveView:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def event(self, event: dict[str, Any]) -> None:
        if event["kind"] == "state":
            self._state = event["data"]["state"].replace("_", " ")
        for text, style in lines.of(event):
            self.line(text, style)

    def line(self, text: str, style: str = "") -> None:
        from rich.text import Text

        self._console.print(Text(text, style=style), soft_wrap=True)

    def figures(self, run: dict[str, Any]) -> None:
        self._figures = figures(run["usage"])

    def _status(self) -> Table:
        from rich.spinner import Spinner
        from rich.table import Table

        if not hasattr(self, "_spinner"):
            self._spinner = Spinner("dots")
        grid = Table.grid(padding=(0, 1))
        shown = f"{self._state} · {duration(time.monotonic() - self._started)}"
        grid.add_row(self._spinner, f"[bold]{shown}[/bold]" + (f" · {self._figures}" if self._figures else ""))
        return grid


def figures(usage: dict[str, Any]) -> str:
    """Tokens and cost in words; empty before the first call."""
    if not usage["calls"]:
        return ""
    tokens = usage["prompt_tokens"] + usage["completion_tokens"]
    return f"{count(usage['calls'], 'model call')} · {tokens:,} tokens · {money(usage['cost_micro'])}"


def view() -> View:
    """The view that suits stderr."""
    return LiveView() if sys.stderr.isatty() else View()
