"""What people choose from: agents and models, with the notes that they should read."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from codeforge import Health
from codeforge.http import FORGE, who

INSTALLS = "Its first run installs it, which takes minutes, or now:"


def _note(found: Health) -> str:
    """What is missing and how to get it; a fix that is CodeForge's own command its first run does, too."""
    first = INSTALLS if found.fix.startswith("codeforge ") else ""
    return " ".join(filter(None, (found.detail, first, found.fix)))


async def choices(request: web.Request) -> dict[str, Any]:
    """The context of every form with an agent and a model; ``missing`` are notes of agents that are not ready."""
    forge = request.app[FORGE]
    missing = {name: _note(found) for name, found in (await forge.agents.missing(who(request))).items()}
    return {"agents": sorted(forge.offers.agents), "missing": missing, "models": await forge.models.list(who(request))}
