"""Reembedding: the pages of a collection, read from its catalog, are embedded for other lanes (`pagelens reembed`).

Texts and passages are the stored ones; page images are rendered from the files where an embedder needs them. The order
of commits, and what a killed run leaves, are described in `pagelens.index.admin.reembed`.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pagelens.api.engine.embedding import Embedder, PageBatch, max_image_side
from pagelens.api.engine.indexing import OnProgress, RenderImage
from pagelens.api.engine.originals import Originals
from pagelens.api.engine.results import FailedFile, Progress
from pagelens.core.errors import ReadError
from pagelens.core.types import ImageArray
from pagelens.index.admin.reembed import CollectionReembedding, ReembeddedPages
from pagelens.index.catalog.reads import DocumentRow, PageRow
from pagelens.ingest.files.digest import FileStamp, file_stamp
from pagelens.ingest.text.passages import passage_inputs

BATCH_PAGES = 32  # embedded at once

OnRenderFailure = Callable[[FailedFile], None]


@dataclass(slots=True)
class ReembedReport:
    """What reembedding did."""

    profile: str
    previous_profile: str
    new_lanes: list[str]  # lanes with new vectors
    kept_lanes: list[str]  # lanes whose model makes the same vectors
    removed_lanes: list[str]
    resumed: bool  # an earlier, interrupted run for the same lanes was continued
    unchanged: bool  # there was nothing to do
    documents: int = 0  # embedded in this run
    pages: int = 0
    unfinished_documents: int = 0  # that indexing had not finished: the next `pagelens index` reads them again
    render_failures: list[FailedFile] = field(default_factory=list)  # their pages are missing from lanes of images
    seconds: float = 0.0


class Reembedding:
    """One reembedding run, from the first page to the switch to the new lanes."""

    def __init__(
        self,
        collection: CollectionReembedding,
        embedders: Sequence[Embedder],
        render: RenderImage,
        *,
        on_progress: OnProgress,
        on_render_failure: OnRenderFailure,
    ) -> None:
        """`embedders` fill the new lanes; `on_render_failure` is called at once for a file that cannot be rendered."""
        self._collection = collection
        self._embedders = embedders
        find_file = Originals(collection.files, collection.layout, kept=False).find
        self._renderer = _Renderer(render, find_file, max_image_side(embedders))
        self._on_progress, self._on_render_failure = on_progress, on_render_failure
        new, old = {lane.name for lane in collection.new}, set(collection.before.lanes)
        self.report = ReembedReport(
            profile=collection.after.profile,
            previous_profile=collection.before.profile,
            new_lanes=[name for name in collection.after.lanes if name in new],
            kept_lanes=[name for name in collection.after.lanes if name not in new],
            removed_lanes=sorted(old - set(collection.after.lanes)),
            resumed=collection.resumed,
            unchanged=collection.unchanged,
        )

    def run(self) -> ReembedReport:
        """Embed the remaining pages, then switch. Raises what encoders raise; what was committed until then is kept."""
        started = time.monotonic()
        self._retry_failures()
        remaining = self._collection.pending_pages()
        byte_count = sum(_byte_share(row, len(keys)) for row, keys in remaining)
        self._files_total, self._bytes_total, self._bytes = len(remaining), int(byte_count), 0.0
        for batch in _batches(remaining):
            self._embed(batch)
        self._collection.finish()
        self.report.unfinished_documents = self._collection.unfinished_documents
        self.report.seconds = time.monotonic() - started
        return self.report

    def _retry_failures(self) -> None:
        """Schedule documents again that could not be rendered before and whose file is back; report the others."""
        found = []
        for row in self._collection.documents_without_images():
            try:
                self._renderer.find(row)
                found.append(row.key)
            except ReadError as exc:
                self._report_failure(FailedFile(row.path, exc.code, str(exc)))
        self._collection.requeue(found)

    def _embed(self, slices: Sequence["_DocumentSlice"]) -> None:
        pages: list[PageRow] = []
        inputs: list[Sequence[str]] = []
        images: list[ImageArray | None] = []
        problems: dict[int, str] = {}
        for part in slices:
            rows = self._collection.pages(part.keys)
            pages += rows
            inputs += [_inputs(part.row, page) for page in rows]
            rendered, errors = self._renderer.render(part.row, [page.number for page in rows])
            images += rendered
            problems |= {page.key: _problem(errors[page.number]) for page in rows if page.number in errors}
            self._report_errors(part.row, errors, all_pages=len(errors) == len(rows))
        batch = PageBatch(
            kind=slices[0].row.document.kind,
            texts=[page.text for page in pages],
            passages=[page.passages for page in pages],
            inputs=inputs,
            images=images,
        )
        for embedder in self._embedders:
            embedder.embed(batch)
        self._collection.add(
            ReembeddedPages(
                pages=[page.key for page in pages],
                vectors=batch.vectors,
                tokens=batch.tokens,
                guesses={pages[position].key: guesses for position, guesses in batch.guesses.items()},
                problems=problems,
            )
        )
        for part in slices:
            self._advance(part)

    def _report_errors(self, row: DocumentRow, errors: Mapping[int, ReadError], *, all_pages: bool) -> None:
        """Report a file once if none of its pages can be rendered, else each page that cannot."""
        if all_pages:
            errors = dict(list(errors.items())[:1])
        for number, exc in errors.items():
            path = row.path if all_pages else f"{row.path} p.{number}"
            self._report_failure(FailedFile(path, exc.code, str(exc)))

    def _report_failure(self, file: FailedFile) -> None:
        if file not in self.report.render_failures[-1:]:  # the batches of a long document follow one another
            self.report.render_failures.append(file)
            self._on_render_failure(file)

    def _advance(self, part: "_DocumentSlice") -> None:
        self.report.pages += len(part.keys)
        self.report.documents += part.last
        self._bytes += _byte_share(part.row, len(part.keys))
        self._on_progress(
            Progress(
                path=part.row.path,
                files=self.report.documents,
                files_total=self._files_total,
                bytes=min(int(self._bytes), self._bytes_total),
                bytes_total=self._bytes_total,
                pages=self.report.pages,
            )
        )


@dataclass(frozen=True, slots=True)
class _DocumentSlice:
    """Consecutive pages of a document."""

    row: DocumentRow
    keys: Sequence[int]  # page keys
    last: bool  # whether no page of the document remains after these


def _batches(remaining: Iterable[tuple[DocumentRow, Sequence[int]]]) -> Iterator[list[_DocumentSlice]]:
    """Yield batches of at most `BATCH_PAGES` pages of one kind, so that many photos are embedded at once too."""
    batch: list[_DocumentSlice] = []
    room = BATCH_PAGES
    for row, keys in remaining:
        start = 0
        while start < len(keys):
            if not room or (batch and batch[0].row.document.kind != row.document.kind):
                yield batch
                batch, room = [], BATCH_PAGES
            taken = keys[start : start + room]
            start += len(taken)
            room -= len(taken)
            batch.append(_DocumentSlice(row, taken, last=start == len(keys)))
    if batch:
        yield batch


def _inputs(row: DocumentRow, page: PageRow) -> tuple[str, ...]:
    words = page.description.words if page.description else ""
    return passage_inputs(row.document, page.text, page.passages, words)


def _problem(error: ReadError) -> str:
    return f"its picture could not be made: {error}"


def _byte_share(row: DocumentRow, page_count: int) -> float:
    """Return the share of a file's bytes that so many of its pages stand for."""
    return row.document.size * page_count / max(1, row.document.page_count)


class _Renderer:
    """Renders pages from files whose bytes are those that were indexed."""

    def __init__(self, render: RenderImage, find_file: Callable[[DocumentRow], Path], image_side: int) -> None:
        """`image_side` is 0 where no embedder needs images."""
        self._render, self._find_file = render, find_file
        self._image_side = image_side
        self._last_found: tuple[int, Path, FileStamp] | None = None  # document key, file, its stamp

    def find(self, row: DocumentRow) -> Path:
        """Return the file of a document. Raises ReadError: vanished, changed, denied."""
        if self._last_found is not None:
            key, path, stamp = self._last_found
            if key == row.key and file_stamp(path) == stamp:
                return path
        path = self._find_file(row)
        self._last_found = row.key, path, file_stamp(path)
        return path

    def render(self, row: DocumentRow, numbers: Sequence[int]) -> tuple[list[ImageArray | None], dict[int, ReadError]]:
        """Return an image or None for each page, and by page number the errors of those that cannot be rendered."""
        images: list[ImageArray | None] = [None] * len(numbers)
        if not self._image_side:
            return images, {}
        errors: dict[int, ReadError] = {}
        try:
            path = self.find(row)
            for position, number in enumerate(numbers):
                try:
                    images[position] = self._render(path, row.document.kind, number, self._image_side)
                except ReadError as exc:
                    errors[number] = exc
            self.find(row)  # the bytes have not changed meanwhile
        except ReadError as exc:
            return [None] * len(numbers), dict.fromkeys(numbers, exc)
        return images, errors
