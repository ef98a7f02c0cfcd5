"""Schedules: tasks that are submitted again and again."""

from codeforge.forge import Forge
from codeforge.http import schemas
from codeforge.http.api import operation
from codeforge.http.once import Made
from codeforge.http.schemas import Id
from codeforge.model import Principal


@operation("GET", "/schedules")
async def list_schedules(forge: Forge, who: Principal) -> schemas.Page[schemas.Schedule]:
    """List all schedules, by name."""
    return schemas.Page(items=[schemas.Schedule.of(schedule) for schedule in await forge.schedules.list(who)])


async def _added(forge: Forge, who: Principal, made: Made) -> schemas.Schedule:
    return schemas.Schedule.of(await forge.schedules.get(who, made["schedule"]))


@operation("POST", "/schedules", status=201, errors=(404, 409), once=_added)
async def add_schedule(forge: Forge, who: Principal, body: schemas.NewSchedule) -> schemas.Schedule:
    """Submit a task again and again, at the times of a cron expression in a time zone."""
    return schemas.Schedule.of(await forge.schedules.add(who, **body.model_dump()))


@operation("GET", "/schedules/{id}", errors=(404,))
async def read_schedule(forge: Forge, who: Principal, id: Id) -> schemas.Schedule:
    """Read one schedule: when it comes next, and what became of the last time."""
    return schemas.Schedule.of(await forge.schedules.get(who, id))


@operation("PATCH", "/schedules/{id}", errors=(404, 409))
async def edit_schedule(forge: Forge, who: Principal, id: Id, body: schemas.ScheduleEdit) -> schemas.Schedule:
    """Change a schedule, or switch it on and off. Times that went by while it was off do not count."""
    return schemas.Schedule.of(await forge.schedules.edit(who, id, **body.model_dump(exclude_unset=True)))


@operation("DELETE", "/schedules/{id}", status=204, errors=(404,))
async def remove_schedule(forge: Forge, who: Principal, id: Id) -> None:
    """Forget a schedule; the tasks that it submitted stay."""
    await forge.schedules.remove(who, id)


OPERATIONS = (list_schedules, add_schedule, read_schedule, edit_schedule, remove_schedule)
