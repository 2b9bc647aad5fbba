"""`pagelens reembed`: the pages of a collection, read from its catalog, embedded for other lanes.

Texts and passages are those that are at rest; pictures are rendered from the files, where an encoder looks at them.
What is done in which order, and what a kill leaves, is `pagelens.index.admin.reembed`'s to say; no file is parsed here.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pagelens.api.engine.embedding import Batch, Embedder, embed
from pagelens.api.engine.indexing import OnProgress, Render, image_side
from pagelens.api.engine.originals import Originals
from pagelens.api.engine.results import FailedFile, Progress
from pagelens.core.errors import ReadError
from pagelens.core.types import ImageArray
from pagelens.index.admin.reembed import CollectionReembedding, ReembeddedPages
from pagelens.index.catalog.reads import DocumentRow, PageRow
from pagelens.ingest.files.digest import os_read_error
from pagelens.ingest.text.passages import passage_inputs

BATCH_PAGES = 32  # embedded at once

OnRenderFailure = Callable[[FailedFile], None]


@dataclass(slots=True)
class ReembedReport:
    """What a move did."""

    profile: str
    profile_before: str
    made: list[str]  # lanes with new vectors
    kept: list[str]  # lanes whose model makes the same vectors
    left_out: list[str]  # lanes that the collection no longer has
    resumed: bool  # an earlier move to the same lanes was gone on with
    unchanged: bool  # there was nothing to do
    documents: int = 0  # embedded in this run
    pages: int = 0
    half_read: int = 0  # documents that indexing had not finished: the next `pagelens index` reads them again
    unpictured: list[FailedFile] = field(default_factory=list)  # their pages are missing from lanes of pictures
    seconds: float = 0.0


class Reembedding:
    """One move, from the first page to the switch."""

    def __init__(
        self,
        move: CollectionReembedding,
        embedders: Sequence[Embedder],
        render: Render,
        *,
        tell: OnProgress,
        warn: OnRenderFailure,
    ) -> None:
        """`embedders` fill the move's new lanes; `warn` is told each file whose pages cannot be pictured, at once."""
        self._move = move
        self._embedders = embedders
        self._files = _Files(render, Originals(move.files, move.layout, kept=False).find, image_side(embedders))
        self._tell, self._warn = tell, warn
        new, old = {lane.name for lane in move.new}, set(move.before.lanes)
        self.report = ReembedReport(
            profile=move.after.profile,
            profile_before=move.before.profile,
            made=[name for name in move.after.lanes if name in new],
            kept=[name for name in move.after.lanes if name not in new],
            left_out=sorted(old - set(move.after.lanes)),
            resumed=move.resumed,
            unchanged=move.unchanged,
        )

    def run(self) -> ReembedReport:
        """Embed what waits, then switch. Raises what encoders raise; what was committed until then is kept."""
        started = time.monotonic()
        self._look_again()
        waiting = self._move.waiting()
        size = sum(_share(row, len(keys)) for row, keys in waiting)
        self._files_total, self._bytes_total, self._bytes = len(waiting), int(size), 0.0
        for load in _loads(waiting):
            self._embed(load)
        self._move.finish()
        self.report.half_read = self._move.half_read
        self.report.seconds = time.monotonic() - started
        return self.report

    def _look_again(self) -> None:
        """Give documents that could not be pictured before another try where their file is back; name the others."""
        again = []
        for row in self._move.unpictured():
            try:
                self._files.find(row)
                again.append(row.key)
            except ReadError as exc:
                self._note(FailedFile(row.path, exc.code, str(exc)))
        self._move.again(again)

    def _embed(self, load: Sequence["_Piece"]) -> None:
        pages: list[PageRow] = []
        inputs: list[Sequence[str]] = []
        pictures: list[ImageArray | None] = []
        problems: dict[int, str] = {}
        for piece in load:
            some = self._move.pages(piece.keys)
            pages += some
            inputs += [passage_inputs(piece.row.document, page.text, page.passages) for page in some]
            found, errors = self._files.pictures(piece.row, [page.number for page in some])
            pictures += found
            problems |= {page.key: _problem(errors[page.number]) for page in some if page.number in errors}
            self._note_errors(piece.row, errors, every=len(errors) == len(some))
        texts, spans = [page.text for page in pages], [page.passages for page in pages]
        made = embed(self._embedders, Batch(load[0].row.document.kind, texts, spans, inputs, pictures))
        guesses = {pages[place].key: found for place, found in made.guesses.items()}
        self._move.add(ReembeddedPages([page.key for page in pages], made.vectors, made.tokens, guesses, problems))
        for piece in load:
            self._advance(piece)

    def _note_errors(self, row: DocumentRow, errors: Mapping[int, ReadError], *, every: bool) -> None:
        """Name a file none of whose pages can be pictured, or the pages of it that cannot."""
        if every:
            errors = dict(list(errors.items())[:1])
        for number, exc in errors.items():
            self._note(FailedFile(row.path if every else f"{row.path} p.{number}", exc.code, str(exc)))

    def _note(self, file: FailedFile) -> None:
        if file not in self.report.unpictured[-1:]:  # a long document is met in several batches, one after another
            self.report.unpictured.append(file)
            self._warn(file)

    def _advance(self, piece: "_Piece") -> None:
        self.report.pages += len(piece.keys)
        self.report.documents += piece.last
        self._bytes += _share(piece.row, len(piece.keys))
        self._tell(
            Progress(
                path=piece.row.path,
                files=self.report.documents,
                files_total=self._files_total,
                bytes=min(int(self._bytes), self._bytes_total),
                bytes_total=self._bytes_total,
                pages=self.report.pages,
            )
        )


@dataclass(frozen=True, slots=True)
class _Piece:
    """Some pages of a document."""

    row: DocumentRow
    keys: Sequence[int]  # page keys
    last: bool  # of those that wait


def _loads(waiting: Iterable[tuple[DocumentRow, Sequence[int]]]) -> Iterator[list[_Piece]]:
    """Yield what waits in loads of at most `BATCH_PAGES` pages of one kind: photos, too, are embedded many at once."""
    load: list[_Piece] = []
    room = BATCH_PAGES
    for row, keys in waiting:
        start = 0
        while start < len(keys):
            if not room or (load and load[0].row.document.kind != row.document.kind):
                yield load
                load, room = [], BATCH_PAGES
            some = keys[start : start + room]
            start += len(some)
            room -= len(some)
            load.append(_Piece(row, some, last=start == len(keys)))
    if load:
        yield load


def _problem(error: ReadError) -> str:
    return f"its picture could not be made: {error}"


def _share(row: DocumentRow, pages: int) -> float:
    """Return the bytes of a file that so many of its pages stand for."""
    return row.document.size * pages / max(1, row.document.page_count)


class _Files:
    """Pictures of pages, from files whose bytes are those that were indexed."""

    def __init__(self, render: Render, find: Callable[[DocumentRow], Path], side: int) -> None:
        """`side` is 0 where nobody looks at pictures."""
        self._render, self._find = render, find
        self._side = side
        self._found: tuple[int, Path, _Stamp] | None = None  # of the document last asked for

    def find(self, row: DocumentRow) -> Path:
        """Return where a document's file is. Raises ReadError: vanished, changed, denied."""
        if self._found is not None and self._found[0] == row.key and _stamp(self._found[1]) == self._found[2]:
            return self._found[1]
        path = self._find(row)
        self._found = row.key, path, _stamp(path)
        return path

    def pictures(
        self, row: DocumentRow, numbers: Sequence[int]
    ) -> tuple[list[ImageArray | None], dict[int, ReadError]]:
        """Return a picture for each page, or None and by page number the error, where there was to be one."""
        pictures: list[ImageArray | None] = [None] * len(numbers)
        if not self._side:
            return pictures, {}
        errors: dict[int, ReadError] = {}
        try:
            path = self.find(row)
            for place, number in enumerate(numbers):
                try:
                    pictures[place] = self._render(path, row.document.kind, number, self._side)
                except ReadError as exc:
                    errors[number] = exc
            self.find(row)  # still the same bytes
        except ReadError as exc:
            return [None] * len(numbers), dict.fromkeys(numbers, exc)
        return pictures, errors


_Stamp = tuple[int, int, int]
"""Size in bytes, nanoseconds of the last change, inode: what changes when a file does."""


def _stamp(path: Path) -> _Stamp:
    try:
        status = path.stat()
    except (OSError, ValueError) as exc:
        raise os_read_error(exc) from exc
    return status.st_size, status.st_mtime_ns, status.st_ino
