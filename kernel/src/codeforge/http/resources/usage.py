"""Use of models: calls, tokens and cost."""

from codeforge.forge import Forge
from codeforge.http import schemas
from codeforge.http.api import operation
from codeforge.model import Principal


@operation("GET", "/usage")
async def read_usage(forge: Forge, who: Principal) -> schemas.UsageReport:
    """Read what was used so far, in all and by model, provider and project."""

    async def by(column: str) -> dict[str, schemas.Usage]:
        return {name: schemas.Usage.of(usage) for name, usage in (await forge.calls.by(who, column)).items()}

    return schemas.UsageReport(
        total=schemas.Usage.of(await forge.calls.total(who)),
        by_model=await by("model"),
        by_provider=await by("provider"),
        by_project=await by("project_id"),
    )


OPERATIONS = (read_usage,)
