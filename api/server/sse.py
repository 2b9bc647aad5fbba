"""Server-Sent Events, as the HTML standard writes them."""

from starlette.requests import Request

EVENTS = "text/event-stream"
BEAT = 15.0  # seconds between two signs of life


def wants_events(request: Request) -> bool:
    """Tell whether the caller asks for events rather than for one JSON object."""
    kinds = [part.partition(";")[0].strip().lower() for part in request.headers.get("accept", "").split(",")]
    return EVENTS in kinds and "application/json" not in kinds


def event(name: str, data: str) -> str:
    """Return an event; `data` is JSON, which has no line breaks of its own."""
    return f"event: {name}\ndata: {data}\n\n"
