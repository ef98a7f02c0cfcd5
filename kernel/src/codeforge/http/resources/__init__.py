"""The API's resources, by noun; every operation stands in one list."""

from codeforge.http.resources import (
    aliases,
    calls,
    costs,
    events,
    health,
    models,
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
    *calls.OPERATIONS,
    *queue.OPERATIONS,
    *schedules.OPERATIONS,
    *events.OPERATIONS,
    *models.OPERATIONS,
    *aliases.OPERATIONS,
    *providers.OPERATIONS,
    *usage.OPERATIONS,
    *costs.OPERATIONS,
    *plugins.OPERATIONS,
    *tokens.OPERATIONS,
    *workers.OPERATIONS,
)
