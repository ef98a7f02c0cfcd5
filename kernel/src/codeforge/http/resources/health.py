"""Whether the server lives, and whether it can do its work: the questions that need no sign-in."""

from codeforge import __version__
from codeforge.forge import Forge
from codeforge.http import schemas
from codeforge.http.api import operation


@operation("GET", "/health", public=True)
async def read_health(forge: Forge) -> schemas.Ready:
    """Say that the server answers, and how each part is that it stands on."""
    return await _ready(forge)


@operation("GET", "/health/live", public=True)
async def read_live() -> schemas.Alive:
    """Say that the server's process answers; nothing else is asked, so that a database that is down restarts nobody."""
    return schemas.Alive(ok=True, version=__version__)


@operation("GET", "/health/ready", public=True, down=True)
async def read_ready(forge: Forge) -> schemas.Ready:
    """Say whether the server can do its work: 503, with the parts that are down, when it cannot."""
    return await _ready(forge)


async def _ready(forge: Forge) -> schemas.Ready:
    parts = await forge.parts.look()
    told = [schemas.Part(name=part.name, ok=part.ok, detail=part.detail) for part in parts]
    return schemas.Ready(ok=all(part.ok for part in parts), version=__version__, parts=told)


OPERATIONS = (read_health, read_live, read_ready)
