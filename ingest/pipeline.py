"""Reads files and folders: yields windows of pages with their passages, and what could not be read, event by event.

Pages are read in this process or in worker processes; the events are the same. The memory used does not grow with the
length of documents, and a file that cannot be read costs one event. Nothing is written.
"""

import logging
import re
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from pagelens.core.errors import ReadError, UsageError
from pagelens.core.protocols import TokenCounter
from pagelens.core.types import Document, Kind, Page, Passage
from pagelens.ingest.events import Event, Failed, MembersListed, PageWindow, Skipped, Unchanged
from pagelens.ingest.files.digest import DigestFunction, digest
from pagelens.ingest.files.formats import claimed_kind
from pagelens.ingest.files.walk import Source, short_reason, walk
from pagelens.ingest.inline_reader import InlineReader
from pagelens.ingest.lookahead import PendingFile, as_read_errors, lookahead, protected, refreshed
from pagelens.ingest.members.extraction import Member, list_members
from pagelens.ingest.members.member_paths import member_path, outer_file
from pagelens.ingest.ocr.engines import Ocr
from pagelens.ingest.page_processing import FileOpener, LoadReader, OnWait, ProcessingOptions, ReadJob
from pagelens.ingest.reader_options import DEFAULT_READER_OPTIONS, ReaderOptions
from pagelens.ingest.readers import registry
from pagelens.ingest.text.passages import passage_inputs, photo_description, split_into_passages
from pagelens.ingest.workers.member_reader import MemberReader
from pagelens.ingest.workers.reading_plan import SCALE_UP_AFTER
from pagelens.ingest.workers.worker_pool import DEFAULT_LIMITS, WorkerLimits, WorkerPool
from pagelens.ingest.workers.worker_source import NewWorkers, WorkerSource

log = logging.getLogger(__name__)

NextPage = Callable[[str], int | None]
"""A SHA-256 to the first page that is not indexed yet: n >= 1, 0 where all are indexed, None where none is known."""

PathsToMerge = Callable[[Path, Kind, str], Sequence[Path] | None]
"""A file, its kind and the SHA-256 of its bytes, which are indexed already, to the other paths of these bytes, where
the document must be read again because its title or caption depends on its paths; None where it need not be."""

ListMembers = Callable[[Path], list[Member]]
"""Returns the members of a container. Raises ReadError."""

LacksMembers = Callable[[Path, str], bool]
"""A file and the SHA-256 of its bytes, which are indexed already, to whether files inside it are not."""

_MAX_CACHED_WORDS = 100_000
MAX_NESTED_MEMBERS = 10_000  # of a file, members of members counted
_ALWAYS_CONTAINERS = ("ZIP", "TAR", "mbox")
_ATTACHED = re.compile(r"^Attachment: ", re.M)  # in the caption of a page, as `readers.pdf.forms` writes it


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
    paths_to_merge: PathsToMerge = lambda *_: None,
    lacks_members: LacksMembers = lambda *_: False,
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
    `paths_to_merge` is asked, likewise, about files whose bytes are indexed.
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
    find_members: ListMembers = partial(list_members, options=settings.reader_options)
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
        find_members = MemberReader(source or NewWorkers(), processing, settings.limits).list
    else:
        opener = InlineReader(processing, protected(on_wait))
    run = _IngestRun(
        next_page=next_page,
        paths_to_merge=paths_to_merge,
        lacks_members=lacks_members,
        list_members=find_members,
        count_tokens=_CachingTokenCounter(count_tokens),
        settings=settings,
        opener=opener,
        digest=digest,
    )
    return _events(paths, run)


@dataclass(slots=True)
class _IngestRun:
    next_page: NextPage
    paths_to_merge: PathsToMerge
    lacks_members: LacksMembers
    list_members: ListMembers
    count_tokens: TokenCounter
    settings: PipelineSettings
    opener: FileOpener
    digest: DigestFunction
    members: Counter[Path] = field(default_factory=Counter)  # of each file around them
    completed: set[str] = field(default_factory=set)  # digests of documents whose last window was consumed

    def plan(self, pending: PendingFile) -> ReadJob | None:
        """Return what is to be read of a file, None where nothing is."""
        assert pending.sha256 is not None and pending.kind is not None, pending
        first = self.next_page(pending.sha256)
        if first != 0 and pending.sha256 not in self.completed:
            return pending.job(first or 1)
        others = self.paths_to_merge(pending.source.path, pending.kind, pending.sha256)
        return None if others is None else pending.job(1, tuple(others))


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
        for item in lookahead(walk(paths, options), run.opener, run.plan, options, run.digest):
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
        job = run.plan(pending)
        if pending.announced is not None and pending.announced != job:
            run.opener.cancel(pending.announced)
        if job is None:
            yield Unchanged(path, sha256)
            if run.lacks_members(path, sha256):
                members = _members(path, run)
                yield _listed(path, sha256, members)
                yield from _member_events(pending, members, run)
            return
        members = yield from _windows(pending, job, run)
        run.completed.add(sha256)
        yield from _member_events(pending, members, run)
    except ReadError as error:
        if sha256 is None and not pending.source.named and claimed_kind(path) is None:
            yield Skipped(path, error.code, short_reason(error))
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


def _member_events(pending: PendingFile, members: Sequence[Member], run: _IngestRun) -> Iterator[Event]:
    """Yield the events of each member of a container, of at most `MAX_NESTED_MEMBERS` in one file."""
    path = pending.source.path
    file = outer_file(path)
    for member in members:
        run.members[file] += 1
        if run.members[file] > MAX_NESTED_MEMBERS:
            reason = f"more than {MAX_NESTED_MEMBERS:,} files in {file.name}, those in its archives counted: unpack it"
            yield Skipped(member_path(path, "*"), "too-many", reason)
            return
        source = Source(member_path(path, member.name), named=False)
        if member.kind is None:
            yield Skipped(source.path, member.code, member.reason)
            continue
        inner = PendingFile(source, stamp=pending.stamp, kind=member.kind, sha256=member.sha256, size=member.size)
        yield from _file_events(inner, run)


def _listed(path: Path, sha256: str, members: Sequence[Member]) -> MembersListed:
    paths = tuple(member_path(path, member.name) for member in members)
    return MembersListed(path, sha256, paths, sum(member.kind is not None for member in members))


def _members(path: Path, run: _IngestRun) -> list[Member]:
    """Return the members of a container; where they cannot be listed, one that says why."""
    try:
        with as_read_errors(path):
            return run.list_members(path)
    except ReadError as error:
        return [Member("*", None, code=error.code, reason=str(error))]


def _has_members(document: Document, pages: Sequence[Page]) -> bool:
    """Tell whether a document is a container, by what its reader found: attached files, or an archive."""
    if document.kind not in ("pdf", "text"):
        return False
    return (
        document.metadata.get("format") in _ALWAYS_CONTAINERS
        or "attachments" in document.metadata
        or (document.kind == "pdf" and any(_ATTACHED.search(page.caption) for page in pages))
    )


def _windows(
    pending: PendingFile, job: ReadJob, run: _IngestRun
) -> Generator[PageWindow | MembersListed, None, list[Member]]:
    """Yield the document's windows from the job's page on, before the last one the list of its members, if it has any;
    return the members. Raises ReadError, also where the file changed meanwhile."""
    path, stamp, size, first = pending.source.path, pending.stamp, run.settings.window, job.first
    with ExitStack() as stack:
        with as_read_errors(path, stamp):
            file = stack.enter_context(run.opener.open(job))
        document = file.document
        count = document.page_count
        if not 1 <= first <= count:
            raise ReadError("damaged", f"expected to go on from page {first}, found {count} pages: read it again")
        if count > (most := run.settings.reader_options.max_pages):
            raise ReadError(
                "too-large",
                f"expected at most {most:,} pages, found {count:,}: split it, or `pagelens retry --max-pages {count}`",
            )
        is_container, members = False, list[Member]()
        while first <= count:
            end = min((first - 1) // size * size + size, count)
            with as_read_errors(path, stamp):
                processed = file.pages(first, end)
                if len(processed) != end - first + 1:
                    raise ReadError("damaged", f"expected pages {first} to {end}, found {len(processed)} of them")
            pages = tuple(page for page, _ in processed)
            is_container |= _has_members(document, pages)
            if is_container and end == count and (members := _members(path, run)):
                assert pending.sha256 is not None
                yield _listed(path, pending.sha256, members)
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
    return members


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
