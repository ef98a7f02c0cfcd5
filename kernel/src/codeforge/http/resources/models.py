"""Models: what can be chosen."""

from codeforge.forge import Forge
from codeforge.http import schemas
from codeforge.http.api import operation
from codeforge.model import Principal


@operation("GET", "/models")
async def list_models(forge: Forge, who: Principal) -> schemas.Page[schemas.Model]:
    """List the models that can be used now."""
    return schemas.Page(items=[schemas.Model.of(model) for model in await forge.models.list(who)])


OPERATIONS = (list_models,)
