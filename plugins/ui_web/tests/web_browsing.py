"""What tests in a browser share."""

from __future__ import annotations

import time


def until(page, script, wanted, seconds=30):
    """Wait until ``script`` gives ``wanted``; wait_for_function needs eval, which the policy forbids."""
    end = time.monotonic() + seconds
    while (found := page.evaluate(script)) != wanted:
        assert time.monotonic() < end, f"{script} is {found!r}, not {wanted!r}"
        page.wait_for_timeout(50)


async def live_task(stage):
    return await stage.task(await stage.project())


async def live_run(stage):
    return await stage.working(await live_task(stage))
