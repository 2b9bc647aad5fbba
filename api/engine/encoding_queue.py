"""Windows of pages encoded in threads, while further pages are read and earlier ones are written.

Events go in and come out in one order, each window with what its embedders made of it. What is under way is bounded:
so many windows and no more, however long documents are. Knows no writer and no progress.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from pagelens.api.engine.embedding import Batch, Embedder, Rows, embed
from pagelens.encode.text.batching import usable_cores
from pagelens.ingest.events import Event, PageWindow
from pagelens.ingest.readers.photos.perceptual_hash import perceptual_hash

MOST_THREADS = 2
"""Windows encoded at once. Encoders share out a window's batches among all cores; what they do before and after, in one
thread, and windows of a single batch (a photo) leave the others idle."""
WAITING = 1  # further windows, so that no thread waits for the one that writes


@dataclass(frozen=True, slots=True)
class Encoded:
    """What is stored of a window beside its pages."""

    rows: Rows
    looks: Mapping[int, int]  # page number -> 64 bits of what its picture looks like


class EncodingQueue:
    """Events in their order; windows among them are encoded meanwhile. A context manager: leaving drops what is left.

    For one thread that puts and takes.
    """

    def __init__(self, embedders: Sequence[Embedder], *, threads: int | None = None) -> None:
        """`threads`: windows encoded at once; None: as many as pay here."""
        threads = threads or min(MOST_THREADS, usable_cores())
        self._embedders = embedders
        self._most = threads + WAITING
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="window")
        self._events: deque[tuple[Event, Future[Encoded] | None]] = deque()
        self._windows = 0  # among them

    def __enter__(self) -> "EncodingQueue":
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def __bool__(self) -> bool:
        return bool(self._events)

    def put(self, event: Event) -> None:
        """Add an event behind all others; the encoding of a window begins as soon as a thread is free."""
        future = self._pool.submit(encoded, self._embedders, event) if isinstance(event, PageWindow) else None
        self._events.append((event, future))
        self._windows += future is not None

    @property
    def is_due(self) -> bool:
        """Whether the first event is to be taken before another is put: it is ready, or there is no room."""
        if not self._events:
            return False
        future = self._events[0][1]
        return future is None or future.done() or self._windows >= self._most

    def holds(self, sha256: str) -> bool:
        """Tell whether something of these bytes is among the events."""
        return any(
            sha256 == (event.document.sha256 if isinstance(event, PageWindow) else getattr(event, "sha256", None))
            for event, _ in self._events
        )

    def is_ready(self, seconds: float) -> bool:
        """Wait so long at most for the first event; tell whether it is ready."""
        future = self._events[0][1]
        return future is None or not wait([future], seconds).not_done

    def take(self) -> tuple[Event, Encoded | None]:
        """Wait for the first event and return it, a window with what was made of it. Raises what encoding raised."""
        event, future = self._events.popleft()
        self._windows -= future is not None
        return event, future.result() if future is not None else None


def encoded(embedders: Sequence[Embedder], window: PageWindow) -> Encoded:
    """Return what is stored of a window beside its pages."""
    texts = [page.text for page in window.pages]
    batch = Batch(window.document.kind, texts, window.passages, window.inputs, window.pictures)
    looks = {
        page.number: bits
        for page, picture in zip(window.pages, window.pictures, strict=True)
        if picture is not None and (bits := perceptual_hash(picture))  # 0: it shows nothing
    }
    return Encoded(embed(embedders, batch), looks)
