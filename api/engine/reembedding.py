"""Reembedding: the pages of a collection, read from its catalog, are embedded for other lanes (`pagelens reembed`).

Texts and passages are the stored ones; page images are rendered from the files where an embedder needs them. The order
of commits, and what a killed run leaves, are described in `pagelens.index.admin.reembed`.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from pagelens.api.engine.embedding import Embedder
from pagelens.api.engine.indexing import OnProgress, RenderImage
from pagelens.api.engine.originals import Originals
from pagelens.api.engine.results import FailedFile, Progress
from pagelens.api.engine.stored_pages import DocumentSlice, RenderErrors, StoredPageEmbedding, byte_share
from pagelens.core.errors import ReadError
from pagelens.index.admin.reembed import CollectionReembedding
from pagelens.index.catalog.reads import DocumentRow

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
        find_file = Originals(collection.files, collection.layout, kept=False).find
        self._embedding = StoredPageEmbedding(collection, embedders, render, find_file)
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
        byte_count = sum(byte_share(row, len(keys)) for row, keys in remaining)
        self._files_total, self._bytes_total, self._bytes = len(remaining), int(byte_count), 0.0
        lanes = frozenset(self.report.new_lanes)
        for batch in self._embedding.run(DocumentSlice(row, keys, lanes, last=True) for row, keys in remaining):
            for part, errors in batch:
                self._report_errors(part.row, errors, all_pages=len(errors) == len(part.keys))
                self._advance(part)
        self._collection.finish()
        self.report.unfinished_documents = self._collection.unfinished_documents
        self.report.seconds = time.monotonic() - started
        return self.report

    def _retry_failures(self) -> None:
        """Schedule documents again that could not be rendered before and whose file is back; report the others."""
        found = []
        for row in self._collection.documents_without_images():
            try:
                self._embedding.find(row)
                found.append(row.key)
            except ReadError as exc:
                self._report_failure(FailedFile(row.path, exc.code, str(exc)))
        self._collection.requeue(found)

    def _report_errors(self, row: DocumentRow, errors: RenderErrors, *, all_pages: bool) -> None:
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

    def _advance(self, part: DocumentSlice) -> None:
        self.report.pages += len(part.keys)
        self.report.documents += part.last
        self._bytes += byte_share(part.row, len(part.keys))
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
