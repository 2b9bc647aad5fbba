"""Reads files and folders: yields windows of pages with their passages, and what could not be read, event by event.

Pages are read in this process or in worker processes; the events are the same. The memory used does not grow with the
length of documents, and a file that cannot be read costs one event. Nothing is written.
"""

import logging
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from pathlib import Path

from pagelens.core.errors import ReadError, UsageError
from pagelens.core.protocols import TokenCounter
from pagelens.core.types import Document, Page, Passage
from pagelens.ingest.events import Event, Failed, PageWindow, Skipped, Unchanged
from pagelens.ingest.files.digest import DigestFunction, digest
from pagelens.ingest.files.formats import claimed_kind
from pagelens.ingest.files.walk import walk
from pagelens.ingest.inline_reader import InlineReader
from pagelens.ingest.lookahead import PendingFile, as_read_errors, lookahead, protected, refreshed
from pagelens.ingest.ocr.engines import Ocr
from pagelens.ingest.page_processing import FileOpener, LoadReader, OnWait, ProcessingOptions
from pagelens.ingest.reader_options import DEFAULT_READER_OPTIONS, ReaderOptions
from pagelens.ingest.readers import registry
from pagelens.ingest.text.passages import passage_inputs, photo_description, split_into_passages
from pagelens.ingest.workers.reading_plan import SCALE_UP_AFTER
from pagelens.ingest.workers.worker_pool import DEFAULT_LIMITS, WorkerLimits, WorkerPool
from pagelens.ingest.workers.worker_source import WorkerSource

log = logging.getLogger(__name__)

NextPage = Callable[[str], int | None]
"""A SHA-256 to the first page that is not indexed yet: n >= 1, 0 where all are indexed, None where none is known."""

_MAX_CACHED_WORDS = 100_000


@dataclass(frozen=True, slots=True)
class PipelineSettings:
    """How files are read and split. Raises UsageError where values do not fit together."""

    window: int = 32  # pages of a window at most
    passage_size: int = 200  # tokens at most
    passage_overlap: int = 50  # tokens that neighbouring passages share at most
    image_side: int = 0  # pixels of the longer side of page images at most; 0: no images
    workers: int = 0  # processes at most; 0: read in this process, without limits
    limits: WorkerLimits = DEFAULT_LIMITS
    scale_up_after: float = SCALE_UP_AFTER  # seconds spent waiting for pages until a further worker starts
    reader_options: ReaderOptions = DEFAULT_READER_OPTIONS

    def __post_init__(self) -> None:
        if self.window < 1:
            raise UsageError(f"expected a window of at least 1 page, found {self.window}")
        if self.passage_size < 1 or not 0 <= self.passage_overlap < self.passage_size:
            raise UsageError(
                f"expected 0 <= overlap < size, found size {self.passage_size}, overlap {self.passage_overlap}"
            )
        if self.workers < 0 or self.image_side < 0:
            raise UsageError(
                f"expected 0 workers or more and a side of 0 or more, found {self.workers} and {self.image_side}"
            )


def read_documents(
    paths: Iterable[Path],
    *,
    next_page: NextPage,
    count_tokens: TokenCounter,
    settings: PipelineSettings | None = None,
    ocr: Ocr | None = None,
    load_reader: LoadReader = registry.load_reader,
    on_wait: OnWait = lambda *_: None,
    digest: DigestFunction = digest,
    source: WorkerSource | None = None,
) -> Generator[Event, None, None]:
    """Read files and folders; yield events in the order of `pagelens.ingest.files.walk.walk`.

    A document comes as windows that cover its pages by the grid 1..window, window+1..2*window, ...; one that was
    indexed in part continues with the page that `next_page` returns (a page off the grid makes the first window
    shorter). `next_page` is called when a file's turn comes, after the consumer has handled the event before.
    With `ocr`, photos and pages without a usable text layer get the text recognised in their images.
    Worker processes end, or go back to `source`, when the generator is exhausted or closed; `ocr` and `load_reader`
    must be importable there. `on_wait` is called in the consumer's thread.
    Raises UsageError, and whatever the callbacks raise; UsageError or WeightsError where the OCR engine cannot be
    loaded. An error of a file is a `Failed` event.
    """
    settings = settings or PipelineSettings()
    processing = ProcessingOptions(
        ocr=ocr, image_side=settings.image_side, load_reader=load_reader, reader_options=settings.reader_options
    )
    opener: FileOpener
    if settings.workers:
        opener = WorkerPool(
            processing,
            workers=settings.workers,
            window=settings.window,
            limits=settings.limits,
            scale_up_after=settings.scale_up_after,
            on_wait=protected(on_wait),
            source=source,
        )
    else:
        opener = InlineReader(processing, protected(on_wait))
    run = _IngestRun(
        next_page=next_page,
        count_tokens=_CachingTokenCounter(count_tokens),
        settings=settings,
        opener=opener,
        digest=digest,
    )
    return _events(paths, run)


@dataclass(slots=True)
class _IngestRun:
    next_page: NextPage
    count_tokens: TokenCounter
    settings: PipelineSettings
    opener: FileOpener
    digest: DigestFunction
    completed: set[str] = field(default_factory=set)  # digests of documents whose last window was consumed

    def first_page(self, sha256: str) -> int:
        """Return the first page of these bytes to be read, 0 where nothing is to be read."""
        first = 0 if sha256 in self.completed else self.next_page(sha256)
        return 1 if first is None else first


@dataclass(slots=True)
class _CachingTokenCounter:
    """A token counter that counts each different word once: pages of a document share most of their words."""

    count_tokens: TokenCounter
    cache: dict[str, int] = field(default_factory=dict)

    def __call__(self, words: Sequence[str]) -> list[int]:
        new_words = [word for word in dict.fromkeys(words) if word not in self.cache]
        new = dict(zip(new_words, self.count_tokens(new_words), strict=True)) if new_words else {}
        counts = [new[word] if word in new else self.cache[word] for word in words]
        if len(self.cache) + len(new) > _MAX_CACHED_WORDS:
            self.cache.clear()
        self.cache.update(new)
        return counts


def _events(paths: Iterable[Path], run: _IngestRun) -> Generator[Event, None, None]:
    options = run.settings.reader_options
    with closing(run.opener):
        for item in lookahead(walk(paths, options), run.opener, run.first_page, options, run.digest):
            if isinstance(item, PendingFile):
                yield from _file_events(refreshed(item, run.opener, options, run.digest), run)
            else:
                yield item


def _file_events(pending: PendingFile, run: _IngestRun) -> Iterator[Event]:
    path, sha256 = pending.source.path, pending.sha256
    try:
        if pending.error is not None:
            raise pending.error
        assert sha256 is not None
        first = run.first_page(sha256)
        if pending.announced is not None and pending.announced.first != first:
            run.opener.cancel(pending.announced)
        if first == 0:
            yield Unchanged(path, sha256)
            return
        yield from _windows(pending, first, run)
        run.completed.add(sha256)
    except ReadError as error:
        if sha256 is None and not pending.source.named and claimed_kind(path) is None:
            yield Skipped(path, str(error))
            return
        log.info("cannot read %r: %s: %s", str(path), error.code, error)
        yield Failed(path, error.code, str(error), sha256 or _digest_of_unreadable(path, error))


def _digest_of_unreadable(path: Path, error: ReadError) -> str | None:
    """Return the digest of a file whose content is no document, so that the failure is recognised the next time."""
    if error.code not in ("empty", "mislabelled", "damaged"):
        return None  # not there, not permitted, or not a regular file: reading a pipe would never end
    try:
        return digest(path)
    except ReadError:
        return None


def _windows(pending: PendingFile, first: int, run: _IngestRun) -> Iterator[PageWindow]:
    """Yield the document's windows from page `first` on. Raises ReadError, also where the file changed meanwhile."""
    path, stamp, size = pending.source.path, pending.stamp, run.settings.window
    with ExitStack() as stack:
        with as_read_errors(path, stamp):
            file = stack.enter_context(run.opener.open(pending.job(first)))
        document = file.document
        count = document.page_count
        if not 1 <= first <= count:
            raise ReadError("damaged", f"expected to go on from page {first}, found {count} pages: read it again")
        if count > (most := run.settings.reader_options.max_pages):
            raise ReadError(
                "too-large",
                f"expected at most {most:,} pages, found {count:,}: split it, or `pagelens retry --max-pages {count}`",
            )
        while first <= count:
            end = min((first - 1) // size * size + size, count)
            with as_read_errors(path, stamp):
                processed = file.pages(first, end)
                if len(processed) != end - first + 1:
                    raise ReadError("damaged", f"expected pages {first} to {end}, found {len(processed)} of them")
            pages = tuple(page for page, _ in processed)
            passages, inputs = _passages(pages, document, run)
            yield PageWindow(
                path=path,
                document=document,
                pages=pages,
                passages=passages,
                inputs=inputs,
                images=tuple(image for _, image in processed),
                last=end == count,
            )
            first = end + 1


def _passages(
    pages: Sequence[Page], document: Document, run: _IngestRun
) -> tuple[tuple[tuple[Passage, ...], ...], tuple[tuple[str, ...], ...]]:
    """Return each page's passages and the texts to encode for them. A photo's description is its first passage."""
    descriptions = (Passage(0, 0, 0),) if photo_description(document) else ()
    size, overlap = run.settings.passage_size, run.settings.passage_overlap
    passages: list[tuple[Passage, ...]] = []
    for page in pages:
        windows = split_into_passages(page.text, run.count_tokens, size=size, overlap=overlap)
        numbered = (replace(passage, ordinal=passage.ordinal + len(descriptions)) for passage in windows)
        passages.append((*descriptions, *numbered))
    inputs = [passage_inputs(document, page.text, of_page) for page, of_page in zip(pages, passages, strict=True)]
    return tuple(passages), tuple(inputs)
