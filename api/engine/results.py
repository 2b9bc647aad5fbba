"""What the engine gives back. Plain values; `as_json` turns any of them into what `--json` prints."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from pagelens.core.types import Evidence, Guess, Kind, LaneRank, Metadata, PageRef, TextSource


@dataclass(frozen=True, slots=True)
class FoundPage:
    """A page found: which, how well, by which lanes, and why."""

    ref: PageRef
    label: str | None
    title: str
    kind: Kind
    document: str  # SHA-256
    page_count: int
    score: float
    lanes: Mapping[str, LaneRank]
    named: bool  # the query named this page or document
    evidence: Sequence[Evidence]
    source: TextSource = "layer"  # where its words come from
    confidence: float | None = None  # of OCR, 0 to 1
    estimated: bool = False  # the page number: the format has no pages of its own
    duplicates: Sequence[PageRef] = ()  # further hits that are the same to a reader, folded behind this one
    neighbours: Sequence["NeighbourPage"] = ()  # the pages before and behind it, where they were asked for
    continued_from: PageRef | None = None  # the page before, where the words it was found by begin on that,
    continues_on: PageRef | None = None  # and the page behind, where they go on on that
    guesses: Sequence[Guess] = ()  # what the builtin image encoder takes a photo for; approximate


@dataclass(frozen=True, slots=True)
class NeighbourPage:
    """A page beside one that was found."""

    ref: PageRef
    label: str | None
    text: str


@dataclass(frozen=True, slots=True)
class SearchResults:
    """The best pages for a query, best first."""

    query: str
    hits: Sequence[FoundPage]
    query_references: Sequence[str]  # what the query named, in words ("page 12 of report.pdf")
    pages_searched: int  # what the filters left; 0: they left nothing
    missing: Mapping[str, str] = field(default_factory=dict)  # lanes that cannot be served here, and why
    approximate: Sequence[str] = ()  # lanes whose hits are guesses: the builtin `image` lane


@dataclass(frozen=True, slots=True)
class FailedFile:
    """A file that could not be read, and why."""

    path: str
    code: str
    reason: str


@dataclass(slots=True)
class IndexReport:
    """What an indexing run did."""

    documents: int = 0  # new or changed ones that are in now
    pages: int = 0  # of those
    wordless: int = 0  # of those, pages that hold no words: scans, photos
    unchanged: int = 0
    linked: int = 0  # further paths to documents that were here
    forgotten: list[str] = field(default_factory=list)  # files gone, with --prune
    failed: list[FailedFile] = field(default_factory=list)
    failed_before: list[FailedFile] = field(default_factory=list)  # not tried again: the bytes are the same
    skipped: list[FailedFile] = field(default_factory=list)  # of kinds PageLens does not read
    problem_pages: list[tuple[str, int, str]] = field(default_factory=list)
    seconds: float = 0.0


IndexStage = Literal["reading", "ocr", "encoding", "writing"]
"""What an indexing run waits for: pages read and drawn, text read from pictures, vectors, the disk."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an indexing run is."""

    path: str
    files: int
    files_total: int
    bytes: int
    bytes_total: int
    pages: int  # read in this run
    waits_for: IndexStage = "reading"  # most of the latest seconds
    page: int = 0  # of `path`, that is waited for; 0: none is


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
    gone: Sequence[str]  # paths of files that are no longer there
    failures: Sequence[FailedFile]
    problem_pages: Sequence[tuple[str, int, str]]
    duplicate_groups: Sequence[Sequence[PageRef]] = ()  # pages and photos that are the same to a reader, in groups


def as_json(value: Any) -> Any:
    """Turn results into JSON values: dataclasses and named tuples to objects, pages to `report.pdf p.12` and parts."""
    if isinstance(value, PageRef):
        return {"page": str(value), "path": value.path, "number": value.number}
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: as_json(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return as_json(value._asdict())
    if isinstance(value, Mapping):
        return {str(key): as_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(item) for item in value]
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, Path) else value
