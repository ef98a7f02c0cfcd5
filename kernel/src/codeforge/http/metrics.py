"""``/metrics`` for Prometheus, and the count of every request."""

from __future__ import annotations

import hmac
import logging
import time
from collections.abc import Iterable, Iterator
from typing import cast

from aiohttp import web
from aiohttp.typedefs import Handler
from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.core import GaugeMetricFamily

from codeforge.errors import CodeForgeError, Forbidden
from codeforge.forge import Forge
from codeforge.forge import depth as depths
from codeforge.http.auth import is_loopback, resolve
from codeforge.http.context import FORGE, WHO, public
from codeforge.http.security import REQUEST_ID
from codeforge.logs import tell

log = logging.getLogger("codeforge.http")
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
NOT_TOLD = ("/llm/", "/api/worker/", "/api/v1/health")
"""Routes without a line in the log: calls are in the database, workers and probes ask every few seconds."""
PASSED_ON = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Proto", "Via")
"""Headers of a proxy: whoever is behind it is not on this machine."""
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@web.middleware
async def measured(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Count and time the request; one that changes something is a line in the log."""
    began, status = time.perf_counter(), 500
    found: web.StreamResponse | None = None
    try:
        found = await handler(request)
        status = found.status
    except web.HTTPException as error:
        status = error.status
        raise
    finally:
        seconds = time.perf_counter() - began
        route = _route(request)
        method = request.method if request.method in METHODS else "other"
        metrics = request.app[FORGE].metrics
        metrics.requests.labels(method, route, str(status)).inc()
        if found is None or not _is_stream(found):
            metrics.request_time.labels(route).observe(seconds)
        if (method not in ("GET", "HEAD", "OPTIONS") or status >= 500) and not route.startswith(NOT_TOLD):
            by = request.get(WHO)
            tell(
                log,
                "request answered",
                request=request.get(REQUEST_ID),
                method=method,
                path=request.path[:200],
                status=status,
                by=by.user if by else None,
                seconds=round(seconds, 3),
            )
    return found


def _route(request: web.Request) -> str:
    """The path with its variables' names in it: of those there are few."""
    resource = request.match_info.route.resource
    return resource.canonical if resource else "none"


def _is_stream(found: web.StreamResponse) -> bool:
    return isinstance(found, web.WebSocketResponse) or found.content_type == "text/event-stream"


@public
async def scrape(request: web.Request) -> web.Response:
    """GET /metrics: what was counted since the start, and what the database says now."""
    await _check(request)
    forge = request.app[FORGE]
    everything = [*await _now(forge), *forge.metrics.registry.collect()]
    body = generate_latest(cast("CollectorRegistry", _Collected(everything)))
    return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE})


async def _check(request: web.Request) -> None:
    """Let in: the metrics token, a token or session with scope read, and this machine while nobody else may connect."""
    settings = request.app[FORGE].settings
    given = request.headers.get("Authorization", "")
    wanted = settings.metrics_token
    if wanted and hmac.compare_digest(given.encode(), f"Bearer {wanted.get_secret_value()}".encode()):
        return
    passed_on = any(name in request.headers for name in PASSED_ON)
    if not passed_on and not settings.allow_remote and is_loopback(request.remote or ""):
        return
    if "read" not in (await resolve(request)).scopes:
        raise Forbidden("This token has no scope read: use one that has it, or the one of the setting metrics_token.")


class _Collected:
    """What `generate_latest` takes."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        yield from self._families


async def _now(forge: Forge) -> list[Metric]:
    """The figures of this moment. Those of the database are left out while it does not answer."""
    parts = GaugeMetricFamily("codeforge_part_up", "Whether a part that the server stands on is well.", labels=["part"])
    for part in await forge.parts.look():
        parts.add_metric([part.name], int(part.ok))
    families: list[Metric] = [parts]
    try:
        depth = await forge.store.read(None, depths.depth, forge.settings.lease, forge.line.waiting)
    except CodeForgeError:
        return families
    runs = GaugeMetricFamily("codeforge_runs", "Runs that have not ended, by state.", labels=["state"])
    for state, number in depth.states.items():
        runs.add_metric([state], number)
    waiting = GaugeMetricFamily("codeforge_runs_waiting", "Queued runs by what they wait for.", labels=["reason"])
    for reason, number in depth.waiting.items():
        waiting.add_metric([reason], number)
    workers = GaugeMetricFamily("codeforge_workers", "Workers: alive, draining or gone.", labels=["state"])
    for state, number in depth.workers.items():
        workers.add_metric([state], number)
    oldest = GaugeMetricFamily("codeforge_queue_oldest_seconds", "Age of the oldest queued run.", depth.oldest)
    return [*families, runs, waiting, workers, oldest]


ROUTES = (web.get("/metrics", scrape, allow_head=False),)
