"""A provider's limit that lasts: the agent is told when it is over, and its run waits for that without it."""

from __future__ import annotations

import math
from collections.abc import MutableMapping, Sequence

from codeforge_llm_litellm.call import Call, Stop
from codeforge_llm_litellm.gateway import Gateway
from codeforge_llm_litellm.routing.faults import Fault
from codeforge_llm_litellm.routing.rests import clock


async def wait(
    gateway: Gateway, call: Call, failed: Sequence[tuple[Stop, Fault]], head: MutableMapping[str, str]
) -> None:
    """Where every model that was asked is limited: say when the first one is free, and let the run wait until then.

    It waits so only for limits that last longer than the setting ``quota_seconds``; shorter ones are the agent's.
    """
    untils = [fault.until for _, fault in failed if fault.limited and fault.until is not None]
    if len(untils) < len(failed):
        return
    until = min(untils)
    left = until - gateway.rests.clock()
    told = next((name for name in head if name.lower() == "retry-after"), "")
    if len(failed) > 1 or not told:
        head[told or "Retry-After"] = str(math.ceil(left))
    if left > gateway.forge.settings.quota_seconds:
        names = " and ".join(stop.name for stop, _ in failed)
        detail = f"The limit of {names} is reached until {clock(until)}."
        await gateway.forge.runs.park(call.run_id, "quota", until, detail)
