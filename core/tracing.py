"""Spans of OpenTelemetry, and the id of the request that is being answered.

Spans are made where OpenTelemetry's SDK is loaded: by the program around the engine, or by `pagelens serve` with
PAGELENS_TRACES. Everywhere else nothing is imported, and a span costs a look-up.
"""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from pagelens.core.errors import UsageError

SDK = "opentelemetry.sdk.trace"

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""The id of the HTTP request that this thread or task works for; "" outside a server."""

Attribute = str | int | float | bool


class TraceSpan:
    """A span, or nothing where none is made. Ended by `end`, in any thread."""

    def __init__(self, span: Any = None) -> None:
        self._span = span

    def set(self, attributes: Mapping[str, Attribute | None]) -> None:
        """Set attributes; those that are None are left out."""
        if self._span is not None:
            self._span.set_attributes({name: value for name, value in attributes.items() if value is not None})

    def end(self, error: str = "") -> None:
        """End the span; with `error` as a failed one."""
        if self._span is None:
            return
        if error:
            from opentelemetry.trace import Status, StatusCode

            self._span.set_status(Status(StatusCode.ERROR, error))
        self._span.end()


def start_span(name: str, attributes: Mapping[str, Attribute] | None = None) -> TraceSpan:
    """Start a span below the current one. It does not become the current one, so that a generator may hold it."""
    if SDK not in sys.modules:
        return TraceSpan()
    from opentelemetry import trace

    return TraceSpan(trace.get_tracer("pagelens").start_span(name, attributes=attributes))


@contextmanager
def current_span(
    name: str, attributes: Mapping[str, Attribute] | None = None, *, headers: Mapping[str, str] | None = None
) -> Iterator[TraceSpan]:
    """Make a span the current one for the block. `headers` of a request may name its parent (W3C Trace Context)."""
    if SDK not in sys.modules:
        yield TraceSpan()
        return
    from opentelemetry import propagate, trace

    context = propagate.extract(headers) if headers else None
    with trace.get_tracer("pagelens").start_as_current_span(name, context=context, attributes=attributes) as span:
        yield TraceSpan(span)


def export_traces(service: str) -> None:
    """Send spans to the collector that OpenTelemetry's own variables name (OTEL_EXPORTER_OTLP_ENDPOINT and others).

    Raises UsageError where the SDK is not installed.
    """
    try:
        from opentelemetry import trace
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as exc:
        raise UsageError(
            f"expected OpenTelemetry to send traces by, {exc.name} is missing: pip install 'pagelens[otel]'"
        ) from exc
    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
