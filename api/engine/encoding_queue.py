"""A queue that encodes windows of pages in threads, while further pages are read and earlier ones are written.

Events leave the queue in the order in which they were put. The number of windows in it is bounded, and so is memory.
"""

from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path

from pagelens.api.engine.embedding import Embedder, PageBatch
from pagelens.api.engine.file_names import path_to_text
from pagelens.core.errors import ReadError
from pagelens.core.tables.outlines import TableOutline, outline_tables
from pagelens.core.types import ImageArray, Page
from pagelens.encode.batching import usable_cores
from pagelens.index.catalog.tables import as_stored
from pagelens.index.records import DocumentPages
from pagelens.ingest.events import Event, Failed, PageWindow
from pagelens.ingest.readers.photos.perceptual_hash import perceptual_hash

MAX_THREADS = 2
"""Windows encoded at once. Encoders already spread the batches of a window over all cores; a second window uses the
cores that are idle before and after, and while a window of a single batch (a photo) is encoded."""
SPARE_WINDOWS = 1  # further windows in the queue, so that no thread is idle while the first one is written


class EncodingQueue:
    """A queue of events, for use by one thread; windows among the events are encoded in the background.

    A context manager: on exit, windows that are not yet being encoded are dropped.
    """

    def __init__(self, embedders: Sequence[Embedder] | None, *, threads: int | None = None) -> None:
        """`embedders`: None where the vectors of the windows are made later. `threads`: windows encoded at once; None:
        as many as the cores can use, at most `MAX_THREADS`."""
        threads = threads or min(MAX_THREADS, usable_cores())
        self._embedders = embedders
        self._max_windows = threads + SPARE_WINDOWS
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="window")
        self._events: deque[tuple[Event, Future[DocumentPages] | None]] = deque()
        self._windows = 0  # among the events

    def __enter__(self) -> "EncodingQueue":
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def __bool__(self) -> bool:
        return bool(self._events)

    def put(self, event: Event) -> None:
        """Append an event; a window is encoded as soon as a thread is free."""
        future = self._pool.submit(encode_window, self._embedders, event) if isinstance(event, PageWindow) else None
        self._events.append((event, future))
        self._windows += future is not None

    @property
    def is_due(self) -> bool:
        """Whether the first event must be taken before another is put: it is ready, or the queue is full."""
        if not self._events:
            return False
        future = self._events[0][1]
        return future is None or future.done() or self._windows >= self._max_windows

    def holds(self, sha256: str) -> bool:
        """Tell whether an event about a file of this digest is in the queue."""
        return any(
            sha256 == (event.document.sha256 if isinstance(event, PageWindow) else getattr(event, "sha256", None))
            for event, _ in self._events
        )

    @property
    def path(self) -> Path:
        """The file of the first event."""
        return self._events[0][0].path

    def is_ready(self, seconds: float) -> bool:
        """Wait at most `seconds` for the first event; return whether it is ready."""
        future = self._events[0][1]
        return future is None or not wait([future], seconds).not_done

    def take(self) -> tuple[Event, DocumentPages | None]:
        """Wait for the first event and return it, a window with its encoded pages; an event of its failure where
        encoding raised ReadError. Raises what else encoding raised."""
        event, future = self._events.popleft()
        self._windows -= future is not None
        try:
            return event, future.result() if future is not None else None
        except ReadError as exc:
            assert isinstance(event, PageWindow), event
            return Failed(event.path, exc.code, str(exc), event.document.sha256), None


def encode_window(embedders: Sequence[Embedder] | None, window: PageWindow) -> DocumentPages:
    """Return the pages of a window with their rows for each lane, ready for the collection's writer; without any row
    where there are no embedders yet (None)."""
    batch = PageBatch(
        kind=window.document.kind,
        texts=[page.text for page in window.pages],
        passages=window.passages,
        inputs=window.inputs,
        images=window.images,
    )
    for embedder in embedders or ():
        embedder.embed(batch)
    return DocumentPages(
        document=window.document,
        path=path_to_text(window.path),
        pages=window.pages,
        passages=window.passages,
        vectors=batch.vectors,
        last=window.last,
        tokens=batch.tokens,
        guesses={window.pages[position].number: guesses for position, guesses in batch.guesses.items()},
        perceptual_hashes=perceptual_hashes([page.number for page in window.pages], window.images),
        tables=stored_tables(window.pages) if embedders is not None else {},
        embedded=embedders is not None,
    )


def stored_tables(pages: Sequence[Page]) -> dict[int, Sequence[TableOutline]]:
    """Return the tables of pages that have words, by number: those of their words and boxes as they are read back."""
    return {page.number: outline_tables(as_stored(page.text)) for page in pages if len(page.text.spans)}


def perceptual_hashes(pages: Sequence[int], images: Sequence[ImageArray | None]) -> dict[int, int]:
    """Return the perceptual hashes of pages that have an image, by number or key; none of an image of one colour."""
    found = zip(pages, images, strict=True)
    return {page: bits for page, image in found if image is not None and (bits := perceptual_hash(image))}
