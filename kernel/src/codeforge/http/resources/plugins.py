"""Plugins: what is installed, and what is broken."""

from codeforge.forge import Forge
from codeforge.http import schemas
from codeforge.http.api import operation


@operation("GET", "/plugins")
async def list_plugins(forge: Forge) -> schemas.Page[schemas.Plugin]:
    """List the installed plugins, the broken ones with their reason."""
    return schemas.Page(items=[schemas.Plugin.of(fact) for fact in forge.offers.plugins])


OPERATIONS = (list_plugins,)
