"""Workers: the processes that execute runs."""

from typing import Any

from codeforge.forge import Forge
from codeforge.http import schemas
from codeforge.http.api import operation
from codeforge.http.schemas import Id
from codeforge.model import Principal


@operation("GET", "/workers")
async def list_workers(forge: Forge, who: Principal) -> schemas.Page[schemas.Worker]:
    """List the workers: what they said last, and the runs they hold."""
    return schemas.Page(items=[schemas.Worker.of(worker) for worker in await forge.workers.list(who)])


@operation("POST", "/workers", status=201, errors=(409,), scope="admin")
async def add_worker(forge: Forge, who: Principal, body: schemas.NewWorker) -> schemas.FreshWorker:
    """Register a worker; its token is in this answer and nowhere else."""
    worker, secret = await forge.workers.add(who, body.name, tuple(body.labels))
    facts: dict[str, Any] = schemas.Worker.of(worker).model_dump()
    return schemas.FreshWorker(**facts, secret=secret)


@operation("PATCH", "/workers/{id}", errors=(404,), scope="admin")
async def edit_worker(forge: Forge, who: Principal, id: Id, body: schemas.WorkerEdit) -> schemas.Worker:
    """Let a worker finish what it has and take no more runs, or take some again."""
    return schemas.Worker.of(await forge.workers.drain(who, id, body.draining))


@operation("DELETE", "/workers/{id}", status=204, errors=(404, 409), scope="admin")
async def revoke_worker(forge: Forge, who: Principal, id: Id) -> None:
    """End a worker's token; what it reports from then on is refused, and its runs go to others."""
    await forge.workers.revoke(who, id)


OPERATIONS = (list_workers, add_worker, edit_worker, revoke_worker)
