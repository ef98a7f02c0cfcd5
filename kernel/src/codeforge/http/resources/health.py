"""Whether the server is alive: the one question that needs no sign-in."""

from codeforge import __version__
from codeforge.forge import Forge
from codeforge.http import schemas
from codeforge.http.api import operation
from codeforge.store import tables as t


@operation("GET", "/health", public=True)
async def read_health(forge: Forge) -> schemas.Alive:
    """Say that the server answers and that its database does."""
    await forge.store.read(None, lambda door: door.one(t.Tenant))
    return schemas.Alive(ok=True, version=__version__)


OPERATIONS = (read_health,)
