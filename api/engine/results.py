"""What the engine returns. `as_json` turns any of it into what `--json` prints."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pagelens.api.engine.file_names import text_to_path
from pagelens.core.descriptions import Description
from pagelens.core.keys import document_of, number_of
from pagelens.core.labels import PageLabel
from pagelens.core.metadata_fields import FieldValue
from pagelens.core.query_conditions import Correction
from pagelens.core.types import Evidence, Guess, Kind, LaneRank, Metadata, PageRef, SearchStep, TextSource
from pagelens.index.catalog.reads import DocumentRow
from pagelens.index.history import CommitHistory
from pagelens.index.layout import Manifest
from pagelens.index.reader import Snapshot
from pagelens.ingest.members.member_paths import file_exists
from pagelens.retrieve.deduplication import find_duplicate_groups


@dataclass(frozen=True, slots=True)
class FoundPage:
    """A page that a search found, with its scores and its evidence."""

    ref: PageRef
    label: str | None
    title: str
    kind: Kind
    document: str  # SHA-256
    page_count: int
    score: float
    lanes: Mapping[str, LaneRank]
    named: bool  # whether the query names this page or its document
    evidence: Sequence[Evidence]
    source: TextSource = "layer"  # of the page's words
    confidence: float | None = None  # of OCR, 0 to 1
    estimated: bool = False  # whether the page number is estimated: the format has no pages of its own
    duplicates: Sequence[PageRef] = ()  # further hits that are the same to a reader
    neighbours: Sequence["NeighbourPage"] = ()  # the pages before and after it, where requested
    continued_from: PageRef | None = None  # the page before, where the quoted text begins there
    continues_on: PageRef | None = None  # the page after, where the quoted text ends there
    guesses: Sequence[Guess] = ()  # of what a photo shows, by the builtin image encoder; approximate
    gone: bool = False  # whether the document's file is no longer where it was indexed
    fields: Mapping[str, FieldValue] = field(default_factory=dict)  # what a table of metadata says of its file
    description: Description | None = None  # of the page's image by a vision model; not the document's words
    labels: Sequence[PageLabel] = ()  # that `pagelens label` gave it, the most probable first
    rerank: LaneRank | None = None  # its rank and score by the reranker


@dataclass(frozen=True, slots=True)
class NeighbourPage:
    """A page before or after one that was found."""

    ref: PageRef
    label: str | None
    text: str


class FacetValue(NamedTuple):
    """A value of a field, and how many of the files that match the filters have it."""

    value: FieldValue
    files: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Facet:
    """The values of a field over all files that match the filters, whether or not they are among the hits.

    A file is a path with a row of a metadata table, or a document without any.
    """

    field: str
    type: str  # number, date, text or list
    files: int  # that have a value
    values: Sequence[FacetValue]  # most frequent first
    others: int = 0  # further values, which are left out
    minimum: FieldValue | None = None  # of numbers and dates
    maximum: FieldValue | None = None


@dataclass(frozen=True, slots=True)
class HitGroup:
    """The hits with one value of the field that they are grouped by."""

    value: FieldValue | None  # None: the files without a value
    files: int  # with this value, of all that match the filters
    ranks: Sequence[int]  # positions of its hits in the list of hits, from 1


@dataclass(frozen=True, slots=True)
class SearchResults:
    """The best pages for a query, best first."""

    query: str
    hits: Sequence[FoundPage]
    query_references: Sequence[str]  # pages and documents that the query names ("page 12")
    pages_searched: int  # that match the filters
    missing: Mapping[str, str] = field(default_factory=dict)  # lanes that cannot be served -> reason
    approximate: Sequence[str] = ()  # lanes whose hits are guesses: the builtin `image` lane
    groups: Sequence[HitGroup] = ()  # with `group_by`, in the order of their best hits
    facets: Sequence[Facet] = ()
    labels: Mapping[str, int] = field(default_factory=dict)  # label -> pages with it, of all that match the filters
    searched_text: str = ""  # that pages were ranked by: the query without operators and fields, corrected
    corrections: Sequence[Correction] = ()  # words of the query that no page has, and what was searched for instead
    notes: Sequence[str] = ()  # what of the query is not understood, or on no page
    weak: bool = False  # whether nothing matches well: the hits are only the nearest pages
    nothing_found: str = ""  # why no page was found, as a sentence, where that is known
    steps: Sequence[SearchStep] = ()  # of a thorough search
    coverage: Mapping[str, float] = field(default_factory=dict)  # lanes that lack pages for now -> share that they have


@dataclass(frozen=True, slots=True)
class FailedFile:
    """A file that could not be read, and why."""

    path: str
    code: str
    reason: str


class UnjoinedRow(NamedTuple):
    """A row of a metadata table that was joined with no file: its number, what it calls the file, and why."""

    row: int
    name: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MetadataReport:
    """What loading a table of metadata did."""

    table: str
    rows: int
    files: int  # that have values of the table now
    fields: Mapping[str, str]  # columns and their types
    unknown: Sequence[UnjoinedRow]  # rows that match no file
    ambiguous: Sequence[UnjoinedRow]  # rows that match several files, or a file of another row
    without_row: Sequence[str]  # paths of files that no row names


@dataclass(slots=True, kw_only=True)
class DescribeReport:
    """What a run of descriptions did."""

    model: str
    language: str
    described: int = 0
    described_before: int = 0
    failed: list[FailedFile] = field(default_factory=list)
    stopped: str = ""  # why the run ended before its last page; what it had done is kept
    calls: int = 0
    input_tokens: int | None = None  # as the server counted them
    output_tokens: int | None = None
    cost: float | None = None
    seconds: float = 0.0


@dataclass(slots=True)
class IndexReport:
    """What an indexing run did."""

    documents: int = 0  # new or changed ones
    pages: int = 0  # of those
    wordless: int = 0  # of those, pages without words
    unchanged: int = 0
    linked: int = 0  # further paths of documents indexed before
    forgotten: list[str] = field(default_factory=list)  # files that no longer exist, with `prune`, or that were moved
    gone: list[str] = field(default_factory=list)  # files that no longer exist and are kept
    failed: list[FailedFile] = field(default_factory=list)
    failed_before: list[FailedFile] = field(default_factory=list)  # not read again, since their bytes have not changed
    skipped: list[FailedFile] = field(default_factory=list)  # files of folders and containers that are not read
    sidecars: int = 0  # files that were read as metadata of the photos beside them
    problem_pages: list[tuple[str, int, str]] = field(default_factory=list)
    seconds: float = 0.0
    words_seconds: float | None = None  # until all was found by its words, where words came first
    embedded: int = 0  # pages that got their vectors after they were found by their words, also those of earlier runs
    not_rendered: list[FailedFile] = field(default_factory=list)  # whose pages get no vectors of images for now
    descriptions: DescribeReport | None = None  # of the run that followed, if one was requested
    metadata: MetadataReport | None = None  # of the table of metadata, if one was loaded


IndexStage = Literal["looking", "reading", "ocr", "encoding", "writing"]
"""What an indexing run spends its time on: looking for files, reading and rendering pages, OCR, encoding, writing to
disk."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an indexing run has come."""

    path: str
    files: int
    files_total: int
    bytes: int
    bytes_total: int
    pages: int  # read in this run
    waits_for: IndexStage = "reading"  # the stage that took most of the latest seconds
    page: int = 0  # of `path`, that the run waits for; 0: none
    outcome: str = ""  # of `path`, at the moment the run is done with it: "indexed", "unchanged", why it cannot be read
    second_pass: bool = False  # in which `pages` are those that have got their vectors, of files found by words before


@dataclass(frozen=True, slots=True)
class DocumentStatus:
    """A document in the collection."""

    sha256: str
    title: str
    kind: Kind
    pages: int
    paths: Sequence[str]
    date: datetime | None
    metadata: Metadata


@dataclass(frozen=True, slots=True)
class Status:
    """What a collection holds."""

    collection: str
    profile: str
    models: Mapping[str, str]  # lane -> space in words
    generation: int
    documents: Sequence[DocumentStatus]
    pages: int
    textless_pages: int
    passages: int
    bytes_on_disk: int
    gone: Sequence[str]  # paths of files that no longer exist
    failures: Sequence[FailedFile]
    problem_pages: Sequence[tuple[str, int, str]]
    unread: Sequence[FailedFile] = ()  # files of indexed folders and containers that are not read
    history: CommitHistory | None = None  # None where none is kept
    coverage: Mapping[str, float] = field(default_factory=dict)  # lane -> share of its pages that it has, 0 to 1
    duplicate_groups: Sequence[Sequence[PageRef]] = ()  # pages and photos that are the same to a reader
    indexes: Mapping[str, str] = field(default_factory=dict)  # lane -> what serves it, in words


def _index_name(snapshot: Snapshot, lane: str) -> str:
    view = snapshot.tokens(lane) if snapshot.lanes[lane].space.multi_vector else snapshot.vectors(lane)
    return view.index_name


def collection_status(
    snapshot: Snapshot, manifest: Manifest, root: Path, history: CommitHistory | None = None
) -> Status:
    """Return what a collection holds as of one commit. Loads no model."""
    return Status(
        collection=str(root),
        profile=manifest.profile,
        models={"words": "BM25", **{name: str(lane.space) for name, lane in manifest.lanes.items()}},
        generation=snapshot.generation,
        documents=[_document_status(row) for row in snapshot.documents.values()],
        pages=snapshot.page_count,
        textless_pages=snapshot.count_pages_without_text(),
        passages=len(snapshot.vectors("text")) if "text" in manifest.lanes and "text" not in snapshot.damaged else 0,
        bytes_on_disk=sum(path.stat().st_size for path in root.rglob("*") if path.is_file()),
        gone=[path for row in snapshot.documents.values() for path in row.paths if not file_exists(text_to_path(path))],
        failures=[FailedFile(failure.path, failure.code, failure.reason) for failure in snapshot.failures()],
        unread=[FailedFile(file.path, file.code, file.reason) for file in snapshot.unread_files()],
        problem_pages=snapshot.unread_pages(),
        history=history,
        coverage=snapshot.coverage(),
        indexes={name: _index_name(snapshot, name) for name in manifest.lanes if name not in snapshot.damaged},
        duplicate_groups=[
            [PageRef(snapshot.documents[document_of(page)].path, number_of(page)) for page in group]
            for group in find_duplicate_groups(snapshot)
        ],
    )


def _document_status(row: DocumentRow) -> DocumentStatus:
    document = row.document
    return DocumentStatus(
        sha256=document.sha256,
        title=document.title,
        kind=document.kind,
        pages=document.page_count,
        paths=row.paths,
        date=document.date,
        metadata=document.metadata,
    )


def as_json(value: Any) -> Any:
    """Return a result as JSON values: records become objects, a page its name (`report.pdf p.12`), path and number."""
    if isinstance(value, PageRef):
        return {"page": str(value), "path": value.path, "number": value.number}
    if is_dataclass(value) and not isinstance(value, type):
        return {item.name: as_json(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return as_json(value._asdict())
    if isinstance(value, Mapping):
        return {str(key): as_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(item) for item in value]
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, Path) else value
