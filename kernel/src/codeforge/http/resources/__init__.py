"""The API's resources, by noun; every operation stands in one list."""

from codeforge.http.resources import (
    aliases,
    events,
    health,
    models,
    money,
    plugins,
    projects,
    providers,
    queue,
    runs,
    schedules,
    tasks,
    tokens,
    usage,
    workers,
)

OPERATIONS = (
    *health.OPERATIONS,
    *projects.OPERATIONS,
    *tasks.OPERATIONS,
    *runs.OPERATIONS,
    *queue.OPERATIONS,
    *schedules.OPERATIONS,
    *events.OPERATIONS,
    *models.OPERATIONS,
    *aliases.OPERATIONS,
    *providers.OPERATIONS,
    *usage.OPERATIONS,
    *money.OPERATIONS,
    *plugins.OPERATIONS,
    *tokens.OPERATIONS,
    *workers.OPERATIONS,
)
