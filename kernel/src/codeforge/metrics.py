"""What one process counts and times, for Prometheus; each application has a registry of its own.

Labels are of closed or small sets (states, reasons, routes, names of providers): never a run, a person or a text.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.process_collector import ProcessCollector

SHORT = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
"""Seconds: what a database or a request takes."""
CALL = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)
"""Seconds: what a model takes."""
PHASE = (0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600, 4 * 3600, 24 * 3600)
"""Seconds: how long a run stays in a state."""


class Metrics:
    """The instruments. Figures that the database knows are read when somebody asks, in ``codeforge.http.metrics``."""

    def __init__(self) -> None:
        registry = self.registry = CollectorRegistry()
        ProcessCollector(registry=registry)

        self.claims = Counter("codeforge_runs_claimed", "Runs that workers took.", registry=registry)
        self.ended = Counter(
            "codeforge_runs_ended", "Runs that came into an end state.", ["state", "reason"], registry=registry
        )
        self.phase = Histogram(
            "codeforge_run_phase_seconds",
            "How long a run was in a state, when it left it.",
            ["state"],
            buckets=PHASE,
            registry=registry,
        )
        self.losses = Counter(
            "codeforge_lease_losses", "Leases that ran out: the worker gave no word.", registry=registry
        )
        self.fenced = Counter(
            "codeforge_reports_refused", "Reports of workers that did not hold the run any more.", registry=registry
        )
        self.events = Counter("codeforge_events_stored", "Events that were stored.", registry=registry)
        self.lag = Histogram(
            "codeforge_event_lag_seconds",
            "From a batch's first event at the worker to its commit.",
            buckets=SHORT,
            registry=registry,
        )
        self.store = Histogram(
            "codeforge_store_seconds",
            "What a unit of work on the database took, with the wait for its turn.",
            ["kind"],
            buckets=SHORT,
            registry=registry,
        )
        self.requests = Counter(
            "codeforge_http_requests", "Requests that were answered.", ["method", "route", "status"], registry=registry
        )
        self.request_time = Histogram(
            "codeforge_http_request_seconds",
            "From a request to the end of its answer; streams of events are not in it.",
            ["route"],
            buckets=SHORT,
            registry=registry,
        )
        self.calls = Counter("codeforge_model_calls", "Model calls.", ["provider", "status"], registry=registry)
        self.call_time = Histogram(
            "codeforge_model_call_seconds", "What a model call took.", ["provider"], buckets=CALL, registry=registry
        )
        self.tokens = Counter(
            "codeforge_model_tokens", "Tokens: prompt, completion, cached.", ["provider", "kind"], registry=registry
        )
        self.cost = Counter(
            "codeforge_model_cost_dollars", "Cost of the calls whose price is known.", ["provider"], registry=registry
        )
        self.unpriced = Counter(
            "codeforge_model_calls_unpriced", "Calls whose price is not known.", ["provider"], registry=registry
        )
        self.calling = Gauge("codeforge_model_calls_under_way", "Model calls under way.", registry=registry)

    @contextmanager
    def timed(self, kind: str) -> Iterator[None]:
        """Time a unit of work on the database: ``kind`` is "write" or "read"."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.store.labels(kind).observe(time.perf_counter() - began)

    def call(
        self,
        provider: str,
        status: int,
        *,
        seconds: float,
        prompt: int,
        completion: int,
        cached: int,
        cost_micro: int | None,
    ) -> None:
        """One model call has ended; ``cost_micro`` is None when its price is not known."""
        self.calls.labels(provider, str(status)).inc()
        self.call_time.labels(provider).observe(seconds)
        for kind, tokens in (("prompt", prompt), ("completion", completion), ("cached", cached)):
            self.tokens.labels(provider, kind).inc(tokens)
        if cost_micro is None:
            self.unpriced.labels(provider).inc()
        else:
            self.cost.labels(provider).inc(cost_micro / 1e6)
