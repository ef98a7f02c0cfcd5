"""The model gateway: one door for three protocols, a key per run, usage and cost per call."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING

from codeforge import hookimpl

if TYPE_CHECKING:
    from aiohttp import web

    from codeforge import Forge, Health, Llm

# litellm is never imported here, only by the child process in engine.py; aiohttp only where a server needs it


@hookimpl
def register_llms(forge: Forge) -> Iterable[Llm]:
    from codeforge_llm_litellm.gateway import Gateway

    return [Gateway(forge)]


@hookimpl
def register_routes(forge: Forge) -> Iterable[web.RouteDef]:
    from codeforge_llm_litellm.door import routes
    from codeforge_llm_litellm.gateway import Gateway

    return routes(Gateway.of(forge))


@hookimpl
def register_health_checks(forge: Forge) -> Iterable[Health]:
    from codeforge_llm_litellm.gateway import Gateway

    return Gateway.of(forge).health()


@hookimpl
def lifespan(forge: Forge) -> AbstractAsyncContextManager[None]:
    from codeforge_llm_litellm.gateway import Gateway

    return Gateway.of(forge).opened()
