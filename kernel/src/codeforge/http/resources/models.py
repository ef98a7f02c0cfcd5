"""Models: what can be chosen."""

from codeforge.forge import Forge
from codeforge.http import schemas
from codeforge.http.api import operation
from codeforge.http.schemas import Id
from codeforge.model import Principal


@operation("GET", "/models")
async def list_models(forge: Forge, who: Principal, project_id: Id = "") -> schemas.Page[schemas.Model]:
    """List the models that can be used now, with the aliases of the tenant or, where one is named, of a project."""
    return schemas.Page(items=[schemas.Model.of(model) for model in await forge.models.list(who, project_id)])


OPERATIONS = (list_models,)
