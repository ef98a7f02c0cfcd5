"""The pages, a module per noun; each has its ``routes()``."""

from __future__ import annotations

from aiohttp import web

from codeforge_ui_web import assets
from codeforge_ui_web.pages import (
    account,
    agents,
    aliases,
    api,
    budgets,
    calls,
    costs,
    forecast,
    installed,
    models,
    prices,
    projects,
    providers,
    queue,
    raising,
    runs,
    schedules,
    settings,
    tasks,
    tokens,
    trouble,
    workers,
)


def routes() -> list[web.RouteDef]:
    """Every page's routes, and those of the files they load."""
    nouns = (
        assets,
        account,
        projects,
        settings,
        tasks,
        forecast,
        runs,
        calls,
        raising,
        queue,
        schedules,
        workers,
        agents,
        models,
        providers,
        aliases,
        prices,
        costs,
        budgets,
        installed,
        tokens,
        api,
        trouble,
    )
    return [route for noun in nouns for route in noun.routes()]
