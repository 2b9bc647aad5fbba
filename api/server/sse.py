"""Server-Sent Events (HTML standard, section 9.2)."""

from starlette.requests import Request

MEDIA_TYPE = "text/event-stream"
KEEP_ALIVE_SECONDS = 15.0  # between two comments on a stream without events


def wants_events(request: Request) -> bool:
    """Return whether the Accept header asks for events and not for JSON."""
    kinds = [part.partition(";")[0].strip().lower() for part in request.headers.get("accept", "").split(",")]
    return MEDIA_TYPE in kinds and "application/json" not in kinds


def format_event(name: str, data: str) -> str:
    """Return one event. `data` must have no line breaks (JSON has none)."""
    return f"event: {name}\ndata: {data}\n\n"
