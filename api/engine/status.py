"""What a collection holds, what could not be read, and why. Loads no model."""

from pathlib import Path

from pagelens.retrieve.deduplication import find_duplicate_groups
from pagelens.api.engine.file_names import text_to_path
from pagelens.api.engine.results import DocumentStatus, FailedFile, Status
from pagelens.core.keys import document_of, number_of
from pagelens.core.types import PageRef
from pagelens.index.catalog.reads import DocumentRow
from pagelens.index.layout import Manifest
from pagelens.index.reader import Snapshot


def collection_status(snapshot: Snapshot, manifest: Manifest, root: Path) -> Status:
    """Return the state of a collection as of one commit."""
    return Status(
        collection=str(root),
        profile=manifest.profile,
        models={"words": "BM25", **{name: str(lane.space) for name, lane in manifest.lanes.items()}},
        generation=snapshot.generation,
        documents=[_document_status(row) for row in snapshot.documents.values()],
        pages=snapshot.page_count,
        textless_pages=snapshot.count_pages_without_text(),
        passages=len(snapshot.vectors("text")) if "text" in manifest.lanes else 0,
        bytes_on_disk=sum(path.stat().st_size for path in root.rglob("*") if path.is_file()),
        gone=[path for row in snapshot.documents.values() for path in row.paths if not text_to_path(path).exists()],
        failures=[FailedFile(one.path, one.code, one.reason) for one in snapshot.failures()],
        problem_pages=snapshot.unread_pages(),
        duplicate_groups=[
            [PageRef(snapshot.documents[document_of(page)].path, number_of(page)) for page in group]
            for group in find_duplicate_groups(snapshot)
        ],
    )


def _document_status(row: DocumentRow) -> DocumentStatus:
    one = row.document
    return DocumentStatus(one.sha256, one.title, one.kind, one.page_count, row.paths, one.date, one.metadata)
