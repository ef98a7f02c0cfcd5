"""What people choose from: agents and models, with the notes that they should read."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from codeforge.http import FORGE, who


async def choices(request: web.Request) -> dict[str, Any]:
    """The context of every form with an agent and a model."""
    forge = request.app[FORGE]
    return {"agents": sorted(forge.offers.agents), "models": await forge.models.list(who(request))}
