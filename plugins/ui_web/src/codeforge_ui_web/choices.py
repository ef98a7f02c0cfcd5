"""What people choose from: agents and models, with the notes that they should read."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from codeforge.http import FORGE, who

MISSING = "Not installed yet. Its first run installs it, which takes minutes, or now: codeforge agents install {}"


async def choices(request: web.Request) -> dict[str, Any]:
    """The context of every form with an agent and a model; ``missing`` are notes of agents that are not installed."""
    forge = request.app[FORGE]
    ready = await forge.agents.ready(who(request))
    missing = {name: MISSING.format(name) for name, there in ready.items() if there is False}
    return {"agents": sorted(ready), "missing": missing, "models": await forge.models.list(who(request))}
