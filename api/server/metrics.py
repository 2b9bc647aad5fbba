"""What `/metrics` tells, for Prometheus. Routes are templates, never addresses: a label is no log."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from pagelens.api.server.service import Service

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """The counters of one app."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        names = ["method", "route", "status"]
        self._requests = Counter("pagelens_requests", "Requests answered.", names, registry=self.registry)
        self._seconds = Histogram(
            "pagelens_request_seconds", "Time to the last byte.", ["route"], buckets=SECONDS, registry=self.registry
        )
        self.in_flight = Gauge("pagelens_requests_in_flight", "Requests being answered.", registry=self.registry)
        self._jobs = Gauge("pagelens_jobs", "Jobs by state.", ["state"], registry=self.registry)
        self._kept = Gauge("pagelens_kept_results", "Look-ups in the kept results.", ["found"], registry=self.registry)
        self._ready = Gauge("pagelens_ready", "1 once models are loaded and warm.", registry=self.registry)
        self._worker = Gauge("pagelens_worker_starts", "Starts of the indexing process.", registry=self.registry)

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answer."""
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def text(self, service: Service, *, hits: int, misses: int) -> bytes:
        """Return everything in the text format."""
        for state, count in service.queue.counts().items():
            self._jobs.labels(state).set(count)
        self._kept.labels("yes").set(hits)
        self._kept.labels("no").set(misses)
        self._ready.set(service.readiness.warmed)
        self._worker.set(service.worker.starts if service.worker else 0)
        return generate_latest(self.registry)
