"""Files in, windows of pages with their passages out, one event at a time.

Knows the catalog only through `known`, the encoder only through `count_tokens`. Writes nothing. Holds one window of
pages of one document; one bad file is one event.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from core.errors import PageLensError, ReadError, UsageError
from core.protocols import TokenCounter
from core.types import Kind, Page, Passage
from ingest.events import Event, Failed, Skipped, Unchanged, Window
from ingest.ocr import Ocr, read_pages
from ingest.passages import passage_input, split
from ingest.readers import load, sight
from ingest.signatures import claimed_kind
from ingest.sources import Source, digest, identify, unreadable, walk

log = logging.getLogger(f"pagelens.{__name__}")

Known = Callable[[str], int | None]
"""A SHA-256 to what the catalog has of it: None nothing, n >= 1 all before page n, 0 everything."""

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
) -> Iterator[Event]:
    """Read files and folders; yield what was found, in the order of `ingest.sources.walk`.

    A document comes as windows that cover its pages by the grid 1..window, window+1..2*window, ...; one half known goes
    on from the page that `known` tells (a page off the grid makes the first window shorter). `known` is asked when a
    file's turn comes, after the event before it was taken and handled.
    Where `ocr` is given, pages whose text layer is none or poor, and photos, get the text in their pictures.
    Raises UsageError; what a file does wrong is a `Failed` event. Errors of `known` and `count_tokens` pass through,
    and those of an OCR engine that cannot be had.
    """
    if window < 1:
        raise UsageError(f"expected a window of at least 1 page, found {window}")
    if passage_size < 1 or not 0 <= passage_overlap < passage_size:
        raise UsageError(f"expected 0 <= overlap < size, found size {passage_size}, overlap {passage_overlap}")
    run = _Run(known, _Remembering(count_tokens), window, passage_size, passage_overlap, ocr)
    return _events(paths, run)


@dataclass(slots=True)
class _Run:
    known: Known
    count_tokens: TokenCounter
    window: int
    size: int
    overlap: int
    ocr: Ocr | None
    done: set[str] = field(default_factory=set)  # hashes of the documents whose last window was taken


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


class _Stamp(NamedTuple):
    """What changes when a file does."""

    size: int
    modified: int  # nanoseconds
    inode: int


def _stamp(path: Path) -> _Stamp:
    try:
        status = path.stat()
    except (OSError, ValueError) as exc:
        raise unreadable(exc) from exc
    return _Stamp(status.st_size, status.st_mtime_ns, status.st_ino)


def _events(paths: Iterable[Path], run: _Run) -> Iterator[Event]:
    for found in walk(paths):
        if isinstance(found, Source):
            yield from _file_events(found, run)
        else:
            yield found


def _file_events(source: Source, run: _Run) -> Iterator[Event]:
    path, sha256 = source.path, None
    try:
        with _blaming(path):
            stamp = _stamp(path)
            kind = identify(path)
            sha256 = digest(path)
        first = 0 if sha256 in run.done else run.known(sha256)
        if first == 0:
            yield Unchanged(path, sha256)
            return
        yield from _windows(path, kind, sha256, stamp, first or 1, run)
        run.done.add(sha256)
    except ReadError as error:
        if sha256 is None and not source.named and claimed_kind(path) is None:
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


def _windows(path: Path, kind: Kind, sha256: str, stamp: _Stamp, first: int, run: _Run) -> Iterator[Window]:
    """Yield the document's windows from page `first` on. Raises ReadError once the file is found bad or changed."""
    with ExitStack() as stack:
        with _blaming(path, stamp):
            reading = stack.enter_context(load(kind).opened(path, sha256=sha256, size=stamp.size))
        document = reading.document
        count = document.page_count
        if not 1 <= first <= count:
            raise ReadError("damaged", f"expected to go on from page {first}, found {count} pages: read it again")
        pages = reading.pages(first)
        if run.ocr is not None:
            pages = read_pages(pages, kind, sight(path, kind, reading), run.ocr)
        while first <= count:
            end = min((first - 1) // run.window * run.window + run.window, count)
            with _blaming(path, stamp):
                batch = tuple(islice(pages, end - first + 1))
                if len(batch) != end - first + 1:
                    raise ReadError("damaged", f"expected pages {first} to {end}, found {len(batch)} of them")
            passages, inputs = _passages(batch, document.title, run)
            yield Window(path, document, batch, passages, inputs, last=end == count)
            first = end + 1


def _passages(
    pages: Sequence[Page], title: str, run: _Run
) -> tuple[tuple[tuple[Passage, ...], ...], tuple[tuple[str, ...], ...]]:
    """Return each page's passages and what is encoded for them. A page with a caption is found by it too."""
    passages: list[tuple[Passage, ...]] = []
    inputs: list[tuple[str, ...]] = []
    for page in pages:
        text = page.text.text
        captions = (Passage(0, 0, 0),) if page.caption else ()
        found = split(page.text, run.count_tokens, size=run.size, overlap=run.overlap)
        numbered = (replace(passage, ordinal=passage.ordinal + len(captions)) for passage in found)
        passages.append((*captions, *numbered))
        read_as = (passage_input(title, text[passage.start : passage.end]) for passage in found)
        inputs.append((page.caption, *read_as) if captions else tuple(read_as))
    return tuple(passages), tuple(inputs)


@contextmanager
def _blaming(path: Path, stamp: _Stamp | None = None) -> Iterator[None]:
    """Put the blame for what is raised inside on the file, and on its change if it is no longer what `stamp` says.

    The last resort against parsers: whatever they raise costs this file, never the rest of the run.
    """
    error: ReadError | None = None
    try:
        yield
    except ReadError as exc:
        error = exc
    except PageLensError:
        raise
    except Exception as exc:  # noqa: BLE001 - see above
        error = ReadError("damaged", f"{type(exc).__name__}: {exc}")
        error.__cause__ = exc
    if stamp is not None and _stamp(path) != stamp:
        raise ReadError("changed", "the file changed while it was read: read it again") from error
    if error is not None:
        raise error
