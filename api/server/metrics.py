"""Metrics for Prometheus. The label `route` is a path template, so that no id of a document becomes a label.

Where several processes serve a port (`MULTIPROCESS_FOLDER` is set before this module is imported), each keeps its
values in a file there, and any of them renders the sums of all.
"""

import os

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from pagelens.api.server.service import Service
from pagelens.generate.llm.observed import ModelCall

MULTIPROCESS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"  # prometheus_client's name of the variable
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)  # seconds


class Metrics:
    """The metrics of one app."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        labels = ["method", "route", "status"]
        self._requests = Counter("pagelens_requests", "Requests answered.", labels, registry=self.registry)
        self._seconds = Histogram(
            "pagelens_request_seconds", "Time to the last byte.", ["route"], buckets=BUCKETS, registry=self.registry
        )
        self.in_flight = Gauge(
            "pagelens_requests_in_flight",
            "Requests being answered.",
            registry=self.registry,
            multiprocess_mode="livesum",
        )
        self._jobs = Gauge(
            "pagelens_jobs", "Jobs by state.", ["state"], registry=self.registry, multiprocess_mode="mostrecent"
        )
        self._cache = Gauge(
            "pagelens_search_cache", "Lookups by result.", ["result"], registry=self.registry, multiprocess_mode="sum"
        )
        self._ready = Gauge(
            "pagelens_ready",
            "Processes whose models are loaded and warm: 1, or as many as serve.",
            registry=self.registry,
            multiprocess_mode="livesum",
        )
        of_call, registry = ["model", "prompt"], self.registry
        self._calls = Counter(
            "pagelens_model_calls", "Calls of language models.", [*of_call, "outcome"], registry=registry
        )
        self._tokens = Counter("pagelens_model_tokens", "Tokens.", [*of_call, "direction"], registry=registry)
        self._pixels = Counter("pagelens_model_pixels", "Pixels of the images sent.", of_call, registry=registry)
        self._cost = Counter("pagelens_model_cost", "At the prices configured.", of_call, registry=registry)
        self._call_seconds = Histogram(
            "pagelens_model_seconds", "Time to the end of a reply.", ["model"], buckets=BUCKETS, registry=registry
        )
        self._worker = Gauge(
            "pagelens_worker_starts",
            "Starts of the indexing process.",
            registry=self.registry,
            multiprocess_mode="max",
        )

    def record_request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answered request."""
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def record_model_call(self, call: ModelCall) -> None:
        """Count one call of a language model."""
        labels = (call.model, call.prompt)
        self._calls.labels(*labels, call.outcome).inc()
        self._tokens.labels(*labels, "in").inc(call.input_tokens or 0)
        self._tokens.labels(*labels, "out").inc(call.output_tokens or 0)
        self._pixels.labels(*labels).inc(sum(width * height for width, height in call.images))
        self._cost.labels(*labels).inc(call.cost or 0.0)
        self._call_seconds.labels(call.model).observe(call.seconds)

    def render(self, service: Service, *, cache_hits: int, cache_misses: int) -> bytes:
        """Return all metrics in Prometheus' text format."""
        for state, count in service.queue.counts().items():
            self._jobs.labels(state).set(count)
        self._cache.labels("hit").set(cache_hits)
        self._cache.labels("miss").set(cache_misses)
        self._ready.set(service.readiness.warmed)
        self._worker.set(service.worker.starts if service.worker else 0)
        if MULTIPROCESS_FOLDER not in os.environ:
            return generate_latest(self.registry)
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry)
