"""The queue: what waits, in the order in which it would be taken, and why; and the limits that hold it back."""

from typing import Annotated

from pydantic import Field

from codeforge.forge import Forge
from codeforge.http import schemas
from codeforge.http.api import operation
from codeforge.model import Principal


@operation("GET", "/queue")
async def read_queue(
    forge: Forge,
    who: Principal,
    after: Annotated[int, Field(ge=0, le=10**9)] = 0,
    limit: Annotated[int, Field(ge=1, le=200)] = 50,
) -> schemas.Queue:
    """Read what waits behind position ``after``, in the order in which it would be taken, and why each run waits."""
    found = await forge.line.read(who, after=after, limit=limit)
    onward = str(found.items[-1].position) if len(found.items) == limit else None
    items = [schemas.Queued.of(item) for item in found.items]
    return schemas.Queue(items=items, next=onward, total=found.total, totals=found.totals)


@operation("GET", "/limits")
async def read_limits(forge: Forge, who: Principal) -> schemas.TenantLimits:
    """Read how many runs may go on at once: in all, by agent and by provider."""
    return schemas.TenantLimits.of(await forge.limits.get(who))


@operation("PATCH", "/limits", scope="admin")
async def edit_limits(forge: Forge, who: Principal, body: schemas.TenantLimitsEdit) -> schemas.TenantLimits:
    """Change how many runs may go on at once. What is under way goes on."""
    return schemas.TenantLimits.of(await forge.limits.edit(who, **body.model_dump(exclude_unset=True)))


OPERATIONS = (read_queue, read_limits, edit_limits)
