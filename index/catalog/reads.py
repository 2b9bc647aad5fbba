"""Queries of the catalog: documents, paths, pages and failures. The statements run on SQLite and on PostgreSQL."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Select, func, inspect, null, or_, select

from pagelens.core.descriptions import Description
from pagelens.core.errors import CollectionDamaged
from pagelens.core.keys import document_of, number_of
from pagelens.core.metadata_fields import Record
from pagelens.core.tables.outlines import VERSION, TableOutline
from pagelens.core.types import Document, Guess, PageText, Passage, no_text
from pagelens.index.catalog import checksums, description_rows, metadata_records
from pagelens.index.catalog import tables as t

DAMAGED = (
    "expected the page's entry in the catalog as it was written, found another: it is not shown. "
    "Run: pagelens doctor --repair, then index the file again"
)
IN_LIMIT = 10_000  # keys in one statement; SQLite stops at 32,766 parameters


def generation(connection: Connection) -> int:
    """Return the generation: the number of commits so far."""
    return int(connection.execute(select(t.state.c.generation)).scalar_one())


@dataclass(frozen=True, slots=True)
class DocumentRow:
    """A document in the catalog, with all its paths."""

    key: int
    document: Document
    paths: tuple[str, ...]
    records: tuple[Record, ...] = ()  # what metadata tables say of each path, in the paths' order; () where nothing

    @property
    def path(self) -> str:
        """The path shown to users: the first in order."""
        return self.paths[0] if self.paths else self.document.title


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRow:
    """A page in the catalog."""

    key: int
    number: int
    label: str | None
    width: float
    height: float
    text: PageText
    caption: str  # without the words of the description, which the catalog stores with it
    problem: str
    passages: tuple[Passage, ...]
    guesses: tuple[Guess, ...] = ()
    description: Description | None = None  # of its image by a vision model; not the document's own words
    tables: Sequence[TableOutline] | None = None  # None: not stored


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A file that could not be read: the reason, the last attempt and the number of attempts."""

    path: str
    sha256: str | None
    code: str
    reason: str
    at: str
    attempts: int


def read_documents(connection: Connection, keys: Sequence[int] | None = None) -> dict[int, DocumentRow]:
    """Return live documents by key: these, or all."""
    rows = select(t.documents).where(t.documents.c.live == 1).order_by(t.documents.c.key)
    names = select(t.paths.c.document, t.paths.c.path).order_by(t.paths.c.path)
    if keys is not None:
        rows, names = rows.where(t.documents.c.key.in_(keys)), names.where(t.paths.c.document.in_(keys))
    paths: dict[int, list[str]] = {}
    for key, path in connection.execute(names):
        paths.setdefault(key, []).append(path)
    records = metadata_records.read_records(connection, keys)
    return {row.key: _document_row(row, paths.get(row.key, []), records) for row in connection.execute(rows)}


def _document_row(row: Any, names: list[str], records: Mapping[str, Record]) -> DocumentRow:
    try:
        date = datetime.fromisoformat(row.date) if row.date else None
    except ValueError:
        date = None  # damaged; the deep check reports it
    document = Document(
        sha256=row.sha256,
        kind=row.kind,
        title=row.title,
        page_count=row.page_count,
        size=row.size,
        date=date,
        metadata=row.metadata if isinstance(row.metadata, dict) else {},
    )
    has_records = not records.keys().isdisjoint(names)
    return DocumentRow(row.key, document, tuple(names), tuple(records.get(n, {}) for n in names) if has_records else ())


def read_pages(
    connection: Connection, keys: Sequence[int], *, whole: set[int] | None = None, described: bool = True
) -> dict[int, PageRow]:
    """Return pages by key, with their words and boxes. A page whose row is damaged has no text, and `problem` says so.

    `whole`: see `checksums.damaged_pages`. `described`: whether any page has a description.
    """
    rows = connection.execute(_pages_with_outlines(connection).where(t.pages.c.key.in_(keys))).all()
    damaged = checksums.damaged_pages(connection, rows, whole)
    descriptions = description_rows.read(connection, [row.key for row in rows]) if described else {}
    return {row.key: _damaged_page(row) if row.key in damaged else _page_row(row, descriptions) for row in rows}


def _pages_with_outlines(connection: Connection) -> Select[Any]:
    if not t.has_table(connection, t.table_outlines):
        return select(t.pages, null().label("outlines"))  # a catalog of an older revision
    o = t.table_outlines.c
    current = (o.page == t.pages.c.key) & (o.version == VERSION)
    return select(t.pages, o.outlines).outerjoin(t.table_outlines, current)


def require_undamaged(rows: Iterable[PageRow]) -> None:
    """Raise CollectionDamaged if the row of any page is damaged: before its text is encoded or copied."""
    for row in rows:
        if row.problem == DAMAGED:
            raise CollectionDamaged(f"expected page {row.number} of document {document_of(row.key)} whole: {DAMAGED}")


def _damaged_page(row: Any) -> PageRow:
    return PageRow(
        key=row.key,
        number=number_of(row.key),
        label=None,
        width=595.0,
        height=842.0,
        text=no_text(),
        caption="",
        problem=DAMAGED,
        passages=(),
    )


def _page_row(row: Any, described: Mapping[int, tuple[Description, str]]) -> PageRow:
    description, applied = described.get(row.key, (None, ""))
    return PageRow(
        key=row.key,
        number=row.number,
        label=row.label,
        width=row.width,
        height=row.height,
        text=t.unpack_words(row.text, row.words, row.source, row.confidence),
        caption=description_rows.own_caption(row.caption, applied).replace(t.METADATA_MARK, "\n").strip("\n"),
        problem=row.problem,
        passages=t.unpack_passages(row.passages),
        guesses=tuple(Guess(*guess) for guess in row.guesses),
        description=description,
        tables=t.unpack_outlines(row.outlines),
    )


def read_rows(connection: Connection, query: Select[Any]) -> list[dict[str, object]]:
    """Return the rows of a query as dictionaries."""
    return [dict(row) for row in connection.execute(query).mappings()]


def page_keys(connection: Connection) -> NDArray[np.int64]:
    """Return the sorted keys of all pages, staged ones too."""
    rows = connection.execute(select(t.pages.c.key).order_by(t.pages.c.key)).scalars()
    return np.fromiter(rows, np.int64)


def read_first_captions(connection: Connection) -> dict[int, str]:
    """Return the caption of the first page of each live document, as it is stored."""
    p, d = t.pages.c, t.documents.c
    query = select(p.document, p.caption).join(t.documents, d.key == p.document).where(d.live == 1, p.number == 1)
    return {row.document: row.caption for row in connection.execute(query)}


def page_count(connection: Connection) -> int:
    """Return the number of all pages, staged ones too."""
    return int(connection.execute(select(func.count()).select_from(t.pages)).scalar_one())


def pages_with_label(connection: Connection, documents: Sequence[int], label: str) -> list[int]:
    """Return the keys of the given documents' pages with this printed label, case-insensitive."""
    rows = select(t.pages.c.key).where(t.pages.c.document.in_(documents), func.lower(t.pages.c.label) == label.lower())
    return [int(key) for key in connection.execute(rows).scalars()]


def read_perceptual_hashes(connection: Connection, keys: Sequence[int] | None = None) -> dict[int, int]:
    """Return the 64-bit perceptual hashes of live pages by key: of these pages, or of all that have an image."""
    if not t.has_table(connection, t.perceptual_hashes):
        return {}  # a catalog without the table, which cannot be written to
    rows = select(t.perceptual_hashes.c.page, t.perceptual_hashes.c.hash).join(
        t.documents, t.documents.c.key == t.perceptual_hashes.c.document
    )
    rows = rows.where(t.documents.c.live == 1).order_by(t.perceptual_hashes.c.page)
    if keys is not None:
        rows = rows.where(t.perceptual_hashes.c.page.in_(keys))
    return {page: bits % (1 << 64) for page, bits in connection.execute(rows)}


def find_document(connection: Connection, sha256: str) -> Any | None:
    """Return the row (key, live, pages_in) of the document with these bytes, staged or live."""
    columns = (t.documents.c.key, t.documents.c.live, t.documents.c.pages_in)
    return connection.execute(select(*columns).where(t.documents.c.sha256 == sha256)).first()


def document_at(connection: Connection, path: str) -> int | None:
    """Return the key of a path's document; None for an unknown path."""
    return connection.execute(select(t.paths.c.document).where(t.paths.c.path == path)).scalar()


class UnreadFile(NamedTuple):
    """A file that is not read, and why."""

    path: str
    code: str
    reason: str


def read_unread_files(connection: Connection) -> list[UnreadFile]:
    """Return the files that are not read in order of their paths; none where the catalog is of an older revision."""
    if not inspect(connection).has_table(t.unread_files.name):
        return []
    rows = connection.execute(select(t.unread_files).order_by(t.unread_files.c.path))
    return [UnreadFile(row.path, row.code, row.reason) for row in rows]


def read_failures(connection: Connection) -> list[Failure]:
    """Return the recorded failures in order of their paths."""
    rows = connection.execute(select(t.failures).order_by(t.failures.c.path))
    return [Failure(**row._asdict()) for row in rows]


@dataclass(frozen=True, slots=True)
class DoubtfulPage:
    """A page that could be read in part only, or by OCR with low confidence."""

    sha256: str
    number: int
    problem: str
    confidence: float | None


def read_doubtful_pages(connection: Connection, confidence: float, limit: int) -> list[DoubtfulPage]:
    """Return live pages with a problem or a mean OCR confidence below `confidence`, at most `limit`."""
    p, d = t.pages.c, t.documents.c
    query = select(d.sha256, p.number, p.problem, p.confidence).join(t.documents, d.key == p.document)
    doubtful = or_(p.problem != "", p.confidence < confidence)
    rows = connection.execute(query.where(d.live == 1, doubtful).order_by(p.key).limit(limit))
    return [DoubtfulPage(row.sha256, row.number, row.problem, row.confidence) for row in rows]


def read_problems(connection: Connection) -> list[tuple[str, int, str]]:
    """Return (path, number, problem) of live pages that could not be read completely."""
    p, d = t.pages.c, t.documents.c
    first_path = select(func.min(t.paths.c.path)).where(t.paths.c.document == d.key).scalar_subquery()
    rows = select(first_path.label("path"), p.number, p.problem).join(t.documents, d.key == p.document)
    found = connection.execute(rows.where(p.problem != "", d.live == 1).order_by(p.key))
    return [(row.path or "", row.number, row.problem) for row in found]


def count_pages_without_text(connection: Connection, documents: Collection[int] | None = None) -> int:
    """Return the number of live pages without text: of these documents, or of all."""
    p, d = t.pages.c, t.documents.c
    query = select(p.document).join(t.documents, d.key == p.document).where(p.source == "none", d.live == 1)
    found = connection.execute(query).scalars()
    return sum(1 for document in found if documents is None or document in documents)
