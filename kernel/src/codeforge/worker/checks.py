"""The project's check on a change: its command, in the workspace, with its output as events."""

from __future__ import annotations

import asyncio
import os
import time
from collections import deque
from collections.abc import Mapping
from pathlib import Path

from codeforge.events import AgentEvent, Kind
from codeforge.model import CheckResult
from codeforge.process import Process
from codeforge.worker.reporter import Reporter

LAST_LINES, LAST_CHARACTERS = 100, 8000
"""How much of a check's output an agent is told of."""


def environment(home: Path, mark: Mapping[str, str]) -> dict[str, str]:
    """What a check sees: a PATH, a private HOME and nothing of the server's own environment, which may hold keys."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "TZ") if name in os.environ}
    return {"LANG": "C.UTF-8", **kept, "HOME": str(home), "CI": "1", "PYTHONDONTWRITEBYTECODE": "1", **mark}


async def check(
    command: str, *, workspace: Path, home: Path, mark: Mapping[str, str], seconds: float, reporter: Reporter
) -> tuple[CheckResult, str]:
    """Run ``command`` by sh; gives the end of its output, too. ``exit`` is None when it took over ``seconds``."""
    started, code, last = time.monotonic(), None, deque[str](maxlen=LAST_LINES)
    try:
        async with (
            asyncio.timeout(seconds),
            Process(["sh", "-c", command], cwd=workspace, env=environment(home, mark)) as process,
        ):
            async for _, line in process.lines():
                last.append(line)
                await reporter.add(AgentEvent(Kind.CHECK, {"text": line}))
            code = await process.wait()
    except TimeoutError:
        await reporter.say(f"The check was stopped after {seconds:.0f} s.")
    result = CheckResult(command=command, exit=code, seconds=round(time.monotonic() - started, 3))
    await reporter.add(AgentEvent(Kind.CHECKED, {"command": command, "exit": result.exit, "seconds": result.seconds}))
    return result, "\n".join(last)[-LAST_CHARACTERS:]
