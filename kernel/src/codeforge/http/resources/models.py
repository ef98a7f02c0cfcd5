"""Models: what can be chosen, and whether it answers."""

from codeforge.forge import Forge
from codeforge.http import schemas, trying
from codeforge.http.api import operation
from codeforge.http.schemas import Id
from codeforge.model import Principal


@operation("GET", "/models")
async def list_models(forge: Forge, who: Principal, project_id: Id = "") -> schemas.Page[schemas.Model]:
    """List the models that can be used now, with the aliases of the tenant or, where one is named, of a project."""
    return schemas.Page(items=[schemas.Model.of(model) for model in await forge.models.list(who, project_id)])


@operation("POST", "/models/try", errors=(404,))
async def try_model(forge: Forge, who: Principal, body: schemas.Try) -> schemas.Trial:
    """Send one short prompt to a model or an alias through the gateway; it is paid and written down like any call."""
    found = await trying.attempt(forge, who, body.model, body.prompt, project_id=body.project_id)
    facts = {name: getattr(found, name) for name in ("ok", "model", "answer", "detail", "milliseconds")}
    return schemas.Trial(**facts, usage=schemas.Usage.of(found.usage))


OPERATIONS = (list_models, try_model)
