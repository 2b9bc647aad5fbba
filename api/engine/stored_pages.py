"""Embeds pages that the catalog has: texts and passages are the stored ones, images are rendered from the files.

Used by re-embedding, and by the second pass of indexing with words first. Pages are read and rendered in the caller's
thread while batches before them are encoded in others; how many batches there are at once is bounded, and so is memory.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pagelens.api.engine.embedding import Embedder, PageBatch, max_image_side
from pagelens.api.engine.encoding_queue import MAX_THREADS, SPARE_WINDOWS, perceptual_hashes
from pagelens.api.engine.indexing import RenderImage
from pagelens.core.caching import LRUCache
from pagelens.core.errors import ReadError
from pagelens.core.tables.outlines import outline_tables
from pagelens.core.types import ImageArray
from pagelens.encode.batching import usable_cores
from pagelens.index.catalog.reads import DocumentRow, PageRow
from pagelens.index.records import EmbeddedPages
from pagelens.ingest.files.digest import FileStamp, file_stamp
from pagelens.ingest.text.passages import passage_inputs

BATCH_PAGES = 32  # embedded at once, at most
FIRST_BATCH_PAGES = 4  # of the first batch, so that progress is soon seen; each following one has twice as many
WAIT_SECONDS = 0.5  # between two calls of `on_wait`
FOUND_FILES = 8  # that are not hashed again while their pages are embedded

FindFile = Callable[[DocumentRow], Path]
"""Takes a document; returns a file with its bytes. Raises ReadError: vanished, changed, denied."""


@dataclass(frozen=True, slots=True)
class DocumentSlice:
    """Pages of a document, in order, and the lanes that they get rows in."""

    row: DocumentRow
    keys: Sequence[int]  # page keys
    lanes: frozenset[str]
    last: bool  # whether no page of the document remains after these


RenderErrors = Mapping[int, ReadError]
"""Page numbers of a document to why they could not be rendered."""

OnLeft = Callable[[DocumentSlice, ReadError], None]
"""Takes a part of a document that gets no rows, and why."""


class PageStore(Protocol):
    """Where the pages are, and where their rows go: see `pagelens.index.lane_filling.LaneFiller`."""

    def pages(self, keys: Sequence[int]) -> list[PageRow]:
        """Return pages by key, in the order of `keys`."""
        ...

    def add(self, pages: EmbeddedPages) -> None:
        """Add the rows of pages."""
        ...


class StoredPageEmbedding:
    """Embeds pages of a store with some embedders."""

    def __init__(
        self,
        store: PageStore,
        embedders: Sequence[Embedder],
        render: RenderImage,
        find_file: FindFile,
        *,
        on_wait: Callable[[DocumentSlice], None] = lambda _: None,
        on_left: OnLeft | None = None,
        threads: int | None = None,
    ) -> None:
        """`render` is not called where no embedder needs images. `on_wait` is called every `WAIT_SECONDS` while a batch
        is encoded, with the first part of it. `on_left` is called for parts that get no rows: their file was gone when
        it had been rendered, or encoding raised ReadError; None: the former get rows without images, the latter is
        raised. `threads`: batches encoded at once; None: suited to the cores."""
        self._on_wait, self._on_left = on_wait, on_left
        self._threads = threads or min(MAX_THREADS, usable_cores())
        self._store, self._embedders, self._render, self._find_file = store, embedders, render, find_file
        self._found: LRUCache[tuple[Path, FileStamp]] = LRUCache(FOUND_FILES)

    @property
    def image_lanes(self) -> frozenset[str]:
        """The lanes whose rows are made of page images."""
        return frozenset(lane.name for embedder in self._embedders if embedder.image_side for lane in embedder.lanes)

    def find(self, row: DocumentRow) -> Path:
        """Return the file of a document. Raises ReadError: vanished, changed, denied."""
        known = self._found.find(row.key)
        if known is not None and file_stamp(known[0]) == known[1]:
            return known[0]
        path = self._find_file(row)
        self._found.put(row.key, (path, file_stamp(path)))
        return path

    def run(self, parts: Iterable[DocumentSlice]) -> Iterator[list[tuple[DocumentSlice, RenderErrors]]]:
        """Embed parts of documents; yield each batch of them when its rows are in the store, with its errors.

        Raises what encoders raise; the rows of batches before that are in the store.
        """
        threads = self._threads
        queue: deque[tuple[list[tuple[DocumentSlice, RenderErrors]], Future[EmbeddedPages]]] = deque()
        with ThreadPoolExecutor(threads, thread_name_prefix="batch") as pool:
            try:
                for batch in _batches(parts):
                    while len(queue) >= threads + SPARE_WINDOWS or (queue and queue[0][1].done()):
                        yield self._finish(*queue.popleft())
                    rendered, encode = self._prepare(batch)
                    if rendered:
                        queue.append((rendered, pool.submit(encode)))
                while queue:
                    yield self._finish(*queue.popleft())
            finally:
                pool.shutdown(cancel_futures=True)

    def _finish(
        self, rendered: list[tuple[DocumentSlice, RenderErrors]], future: Future[EmbeddedPages]
    ) -> list[tuple[DocumentSlice, RenderErrors]]:
        while wait([future], WAIT_SECONDS).not_done:
            self._on_wait(rendered[0][0])
        try:
            self._store.add(future.result())
        except ReadError as exc:
            if self._on_left is None:
                raise
            for part, _ in rendered:
                self._on_left(part, exc)
            return []
        return rendered

    def _prepare(
        self, batch: Sequence[DocumentSlice]
    ) -> tuple[list[tuple[DocumentSlice, RenderErrors]], Callable[[], EmbeddedPages]]:
        """Read and render the pages of a batch; return its errors, and the function that encodes it."""
        lanes = batch[0].lanes
        embedders = [one for one in self._embedders if any(lane.name in lanes for lane in one.lanes)]
        pages: list[PageRow] = []
        inputs: list[Sequence[str]] = []
        images: list[ImageArray | None] = []
        problems: dict[int, str] = {}
        rendered: list[tuple[DocumentSlice, RenderErrors]] = []
        for part in batch:
            rows = self._store.pages(part.keys)
            try:
                found, errors = self._rendered(part.row, [page.number for page in rows], max_image_side(embedders))
            except ReadError as exc:
                if self._on_left is None:
                    found, errors = [None] * len(rows), {page.number: exc for page in rows}
                else:
                    self._on_left(part, exc)
                    continue
            pages += rows
            inputs += [_inputs(part.row, page) for page in rows]
            images += found
            problems |= {
                page.key: f"its picture could not be made: {errors[page.number]}"
                for page in rows
                if page.number in errors
            }
            rendered.append((part, errors))
        embedding = PageBatch(
            kind=batch[0].row.document.kind,
            texts=[page.text for page in pages],
            passages=[page.passages for page in pages],
            inputs=inputs,
            images=images,
        )

        def encode() -> EmbeddedPages:
            for embedder in embedders:
                embedder.embed(embedding)
            keys = [page.key for page in pages]
            return EmbeddedPages(
                pages=keys,
                vectors={name: rows for name, rows in embedding.vectors.items() if name in lanes},
                tokens={name: tokens for name, tokens in embedding.tokens.items() if name in lanes},
                guesses={keys[position]: guesses for position, guesses in embedding.guesses.items()},
                problems=problems,
                perceptual_hashes=perceptual_hashes(keys, images),
                tables={page.key: outline_tables(page.text) for page in pages if len(page.text.spans)},
            )

        return rendered, encode

    def _rendered(
        self, row: DocumentRow, numbers: Sequence[int], image_side: int
    ) -> tuple[list[ImageArray | None], dict[int, ReadError]]:
        """Return an image or None for each page, and by page number the errors of those that cannot be rendered.

        Raises ReadError where the file is gone before its pages are rendered, or after it.
        """
        images: list[ImageArray | None] = [None] * len(numbers)
        if not image_side:
            return images, {}
        errors: dict[int, ReadError] = {}
        path = self.find(row)
        for position, number in enumerate(numbers):
            try:
                images[position] = self._render(path, row.document.kind, number, image_side)
            except ReadError as exc:
                errors[number] = exc
        self.find(row)  # the bytes have not changed meanwhile
        return images, errors


def _batches(parts: Iterable[DocumentSlice]) -> Iterator[list[DocumentSlice]]:
    """Yield batches of pages of one kind and the same lanes, the first ones small; many photos are embedded at once."""
    batch: list[DocumentSlice] = []
    size = room = min(FIRST_BATCH_PAGES, BATCH_PAGES)
    for part in parts:
        start = 0
        while start < len(part.keys):
            if batch and (
                not room or (batch[0].row.document.kind, batch[0].lanes) != (part.row.document.kind, part.lanes)
            ):
                yield batch
                size = min(2 * size, BATCH_PAGES)
                batch, room = [], size
            taken = part.keys[start : start + room]
            start += len(taken)
            room -= len(taken)
            batch.append(DocumentSlice(part.row, taken, part.lanes, last=part.last and start == len(part.keys)))
    if batch:
        yield batch


def _inputs(row: DocumentRow, page: PageRow) -> tuple[str, ...]:
    words = page.description.words if page.description else ""
    return passage_inputs(row.document, page.text, page.passages, words)


def byte_share(row: DocumentRow, page_count: int) -> float:
    """Return the share of a file's bytes that so many of its pages stand for."""
    return row.document.size * page_count / max(1, row.document.page_count)
