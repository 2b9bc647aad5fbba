"""The second pass of indexing with words first: pages that are found by their words get their rows in other lanes."""

from collections.abc import Iterator, Sequence, Set

from pagelens.api.engine.embedding import Embedder
from pagelens.api.engine.indexing import OnProgress, RenderImage
from pagelens.api.engine.results import FailedFile, IndexReport, Progress
from pagelens.api.engine.stored_pages import DocumentSlice, FindFile, StoredPageEmbedding, byte_share
from pagelens.core.errors import ReadError
from pagelens.index.catalog.reads import DocumentRow
from pagelens.index.writer import CollectionWriter, UnembeddedPages


class SecondPass:
    """Makes the rows that pages of a collection lack, in the session of its writer.

    Pages whose file is gone, changed or may not be read get the rows that need no image; those whose file goes while it
    is rendered, or whose encoding fails, get none. The next run looks again.
    """

    def __init__(
        self,
        writer: CollectionWriter,
        embedders: Sequence[Embedder],
        render: RenderImage,
        find_file: FindFile,
        *,
        on_progress: OnProgress,
        threads: int | None = None,
    ) -> None:
        """`threads`: see `StoredPageEmbedding`."""
        self._writer, self._on_progress = writer, on_progress
        self._not_rendered: dict[str, FailedFile] = {}  # by path
        self._embedding = StoredPageEmbedding(
            writer.filler,
            embedders,
            render,
            find_file,
            on_wait=lambda part: self._report(part.row),
            on_left=lambda part, exc: self._leave(part.row, exc),
            threads=threads,
        )

    def run(self, report: IndexReport, first: Set[str] = frozenset()) -> None:
        """Embed what is not embedded, documents of the SHA-256 in `first` before others; add to the report of the run.

        Raises what encoders raise; what was committed until then is kept.
        """
        remaining = self._writer.unembedded_pages(first)
        if not remaining:
            return
        self._documents, self._pages, self._done = len(remaining), 0, 0.0
        self._total = sum(byte_share(part.row, len(part.pages)) for part in remaining)
        self._report(remaining[0].row)
        for batch in self._embedding.run(self._slices(remaining)):
            for part, errors in batch:
                report.problem_pages += [(part.row.path, number, str(error)) for number, error in errors.items()]
                self._pages += len(part.keys)
                self._done += byte_share(part.row, len(part.keys))
                self._report(part.row)
        self._writer.filler.commit()
        report.embedded += self._pages
        report.not_rendered += self._not_rendered.values()

    def _leave(self, row: DocumentRow, exc: ReadError) -> None:
        self._not_rendered[row.path] = FailedFile(row.path, exc.code, str(exc))

    def _report(self, row: DocumentRow) -> None:
        self._on_progress(
            Progress(
                path=row.path,
                files=0,
                files_total=self._documents,
                bytes=min(int(self._done), int(self._total)),
                bytes_total=int(self._total),
                pages=self._pages,
                waits_for="encoding",
                second_pass=True,
            )
        )

    def _slices(self, remaining: Sequence[UnembeddedPages]) -> Iterator[DocumentSlice]:
        """Yield the parts with the lanes that can be filled now."""
        image_lanes = self._embedding.image_lanes
        for row, lanes, pages in remaining:
            if lanes & image_lanes:
                try:
                    self._embedding.find(row)
                except ReadError as exc:
                    self._leave(row, exc)
                    lanes = lanes - image_lanes
            if lanes:
                yield DocumentSlice(row, pages, lanes, last=True)
