"""Files in, windows of pages with their passages out, one event at a time.

Knows the catalog only through `known`, the encoder only through `count_tokens`. Writes nothing. Pages are made here or
in worker processes; either way the events are the same. What is held does not grow with documents; one bad file is one
event.
"""

import logging
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from pathlib import Path

from pagelens.core.errors import ReadError, UsageError
from pagelens.core.protocols import TokenCounter
from pagelens.core.types import Document, Page, Passage
from pagelens.ingest.events import Event, Failed, Skipped, Unchanged, Window
from pagelens.ingest.files.file_types import claimed_kind
from pagelens.ingest.files.walk import digest, walk
from pagelens.ingest.inline_reader import FilesHere
from pagelens.ingest.lookahead import Digest, Turn, blaming, renewed, turns
from pagelens.ingest.ocr.page_ocr import Ocr
from pagelens.ingest.page_processing import LoadAdapter, OnWait, Opener, PageWork
from pagelens.ingest.reader_options import DEFAULT, ReaderOptions
from pagelens.ingest.readers import registry
from pagelens.ingest.text.passages import inputs_of, photo_words, split
from pagelens.ingest.workers.reading_plan import PATIENCE
from pagelens.ingest.workers.worker_pool import LIMITS, Crew, Limits

log = logging.getLogger(__name__)

Known = Callable[[str], int | None]
"""A SHA-256 to what the catalog has of it: None nothing, n >= 1 all before page n, 0 everything. Asked at any time."""

_REMEMBERED_WORDS = 100_000


def read(
    paths: Iterable[Path],
    *,
    known: Known,
    count_tokens: TokenCounter,
    window: int = 32,
    passage_size: int = 200,
    passage_overlap: int = 50,
    ocr: Ocr | None = None,
    picture_side: int = 0,
    workers: int = 0,
    limits: Limits = LIMITS,
    patience: float = PATIENCE,
    options: ReaderOptions = DEFAULT,
    load: LoadAdapter = registry.load,
    on_wait: OnWait = lambda *_: None,
    digest: Digest = digest,
) -> Generator[Event, None, None]:
    """Read files and folders; yield what was found, in the order of `pagelens.ingest.files.walk.walk`.

    A document comes as windows that cover its pages by the grid 1..window, window+1..2*window, ...; one half known goes
    on from the page that `known` tells (a page off the grid makes the first window shorter). What `known` says when a
    file's turn comes, after the event before it was taken and handled, counts.
    Where `ocr` is given, pages whose text layer is none or poor, and photos, get the text in their pictures; with a
    `picture_side` each page comes with its picture, its longer side of so many pixels at most.
    With `workers` above 0 pages are made in as many processes at most, within `limits`, all but the first started once
    pages were waited for `patience` seconds; a file or a page that goes beyond them, or crashes its process, says so
    and costs no other. The processes end when the generator is exhausted or closed. `ocr` and `load` (which finds a
    kind's adapter) must be what another process can import. With 0 workers pages are made here, without limits. The
    events are the same. `options` say how files are opened. `on_wait` hears, in the thread that iterates, what is done
    to the page that is waited for, now and then. `digest` hashes files.
    Raises UsageError; what a file does wrong is a `Failed` event. Errors of `known`, `on_wait` and `count_tokens` pass
    through, and those of an OCR engine that cannot be had.
    """
    if window < 1:
        raise UsageError(f"expected a window of at least 1 page, found {window}")
    if passage_size < 1 or not 0 <= passage_overlap < passage_size:
        raise UsageError(f"expected 0 <= overlap < size, found size {passage_size}, overlap {passage_overlap}")
    if workers < 0 or picture_side < 0:
        raise UsageError(f"expected 0 workers or more and a side of 0 or more, found {workers} and {picture_side}")
    work = PageWork(ocr, picture_side, load, options)
    files: Opener = (
        Crew(work, workers=workers, window=window, limits=limits, patience=patience) if workers else FilesHere(work)
    )
    run = _Run(known, _Remembering(count_tokens), window, passage_size, passage_overlap, files, options, digest)
    return _events(paths, run)


@dataclass(slots=True)
class _Run:
    known: Known
    count_tokens: TokenCounter
    window: int
    size: int
    overlap: int
    files: Opener
    options: ReaderOptions
    digest: Digest
    done: set[str] = field(default_factory=set)  # hashes of the documents whose last window was taken

    def first_page(self, sha256: str) -> int:
        """Return the page to be read first of these bytes, 0 where nothing is to be read."""
        first = 0 if sha256 in self.done else self.known(sha256)
        return 1 if first is None else first


@dataclass(slots=True)
class _Remembering:
    """A token counter that asks once for each different word; pages of a document share most of theirs."""

    count: TokenCounter
    costs: dict[str, int] = field(default_factory=dict)

    def __call__(self, words: Sequence[str]) -> list[int]:
        new = [word for word in dict.fromkeys(words) if word not in self.costs]
        found = dict(zip(new, self.count(new), strict=True)) if new else {}
        counts = [found[word] if word in found else self.costs[word] for word in words]
        if len(self.costs) + len(found) > _REMEMBERED_WORDS:
            self.costs.clear()
        self.costs.update(found)
        return counts


def _events(paths: Iterable[Path], run: _Run) -> Generator[Event, None, None]:
    with closing(run.files):
        for turn in turns(walk(paths, run.options), run.files, run.first_page, run.options, run.digest):
            if isinstance(turn, Turn):
                yield from _file_events(renewed(turn, run.files, run.options, run.digest), run)
            else:
                yield turn


def _file_events(turn: Turn, run: _Run) -> Iterator[Event]:
    path, sha256 = turn.source.path, turn.sha256
    try:
        if turn.error is not None:
            raise turn.error
        assert sha256 is not None
        first = run.first_page(sha256)
        if turn.announced is not None and turn.announced.first != first:
            run.files.forget(turn.announced)
        if first == 0:
            yield Unchanged(path, sha256)
            return
        yield from _windows(turn, first, run)
        run.done.add(sha256)
    except ReadError as error:
        if sha256 is None and not turn.source.named and claimed_kind(path) is None:
            yield Skipped(path, str(error))
            return
        log.info("cannot read %r: %s: %s", str(path), error.code, error)
        yield Failed(path, error.code, str(error), sha256 or _hash_of_unreadable(path, error))


def _hash_of_unreadable(path: Path, error: ReadError) -> str | None:
    """Return the hash of a file whose content is no document, so that it is known when met again."""
    if error.code not in ("empty", "mislabelled", "damaged"):
        return None  # not there, not permitted, or not a file: a pipe would never end
    try:
        return digest(path)
    except ReadError:
        return None


def _windows(turn: Turn, first: int, run: _Run) -> Iterator[Window]:
    """Yield the document's windows from page `first` on. Raises ReadError once the file is found bad or changed."""
    path, stamp = turn.source.path, turn.stamp
    with ExitStack() as stack:
        with blaming(path, stamp):
            file = stack.enter_context(run.files.opened(turn.job(first)))
        document = file.document
        count = document.page_count
        if not 1 <= first <= count:
            raise ReadError("damaged", f"expected to go on from page {first}, found {count} pages: read it again")
        while first <= count:
            end = min((first - 1) // run.window * run.window + run.window, count)
            with blaming(path, stamp):
                made = file.pages(first, end)
                if len(made) != end - first + 1:
                    raise ReadError("damaged", f"expected pages {first} to {end}, found {len(made)} of them")
            pages = tuple(one.page for one in made)
            pictures = tuple(one.picture for one in made)
            passages, inputs = _passages(pages, document, run)
            yield Window(path, document, pages, passages, inputs, pictures, last=end == count)
            first = end + 1


def _passages(
    pages: Sequence[Page], document: Document, run: _Run
) -> tuple[tuple[tuple[Passage, ...], ...], tuple[tuple[str, ...], ...]]:
    """Return each page's passages and what is encoded for them. What is known of a photo is one."""
    captions = (Passage(0, 0, 0),) if photo_words(document) else ()
    passages: list[tuple[Passage, ...]] = []
    for page in pages:
        found = split(page.text, run.count_tokens, size=run.size, overlap=run.overlap)
        numbered = (replace(passage, ordinal=passage.ordinal + len(captions)) for passage in found)
        passages.append((*captions, *numbered))
    inputs = [inputs_of(document, page.text, found) for page, found in zip(pages, passages, strict=True)]
    return tuple(passages), tuple(inputs)
