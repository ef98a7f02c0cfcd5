"""Model calls: what each used and cost, what it asked and was answered."""

from codeforge.forge import Forge
from codeforge.forge.rows import moment
from codeforge.http import schemas
from codeforge.http.api import operation
from codeforge.http.schemas import Id
from codeforge.model import Principal


@operation("GET", "/runs/{id}/calls", errors=(404,))
async def list_calls(forge: Forge, who: Principal, id: Id) -> schemas.Page[schemas.Call]:
    """List a run's model calls, oldest first."""
    await forge.runs.get(who, id)
    kept = await forge.exchanges.kept(who, id)
    rows = await forge.calls.of_run(who, id)
    return schemas.Page(
        items=[
            schemas.Call(**{**row, "exchange": row["id"] in kept, "created_at": moment(row["created_at"])})
            for row in rows
        ]
    )


@operation("GET", "/calls/{id}/exchange", errors=(404,))
async def read_exchange(forge: Forge, who: Principal, id: Id) -> schemas.Exchange:
    """Read what a call asked and was answered, as a file of a cassette."""
    return schemas.Exchange(call_id=id, cassette=await forge.exchanges.of_call(who, id))


OPERATIONS = (list_calls, read_exchange)
