"""The catalog: documents, paths, pages, segments, failures, through SQLAlchemy. The only commit point.

A reader's transaction sees one whole commit, however long it looks. On SQLite, or on PostgreSQL
(`pagelens.index.catalog.databases`); the statements are the same. This module knows nothing of vectors or of lexical indexes.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine, Select, create_engine, delete, event, func, insert, inspect, select, update
from sqlalchemy.exc import DatabaseError, DBAPIError, InterfaceError, OperationalError

from pagelens.core.errors import CollectionDamaged, StoreError
from pagelens.core.types import Document, Guess, PageText, Passage
from pagelens.index.catalog import tables as t

IN_LIMIT = 10_000  # keys in one statement; SQLite stops at 32,766 parameters
KEY_BLOCK = 1_024  # document keys reserved at a time; a killed writer's are skipped, so that no key means two documents


def open_engine(path: Path, *, writable: bool | None = None) -> Engine:
    """Return an engine on the SQLite file: write-ahead log, every commit synced, transactions begun by us.

    Where the folder cannot be written to (a shared disk, a DVD), or `writable` is false, the file is read as it stands.
    """
    if writable is None:
        writable = os.access(path.parent, os.W_OK) and (not path.exists() or os.access(path, os.W_OK))
    if not writable:
        # Without its shared-memory file a write-ahead log cannot be joined; then nobody here is writing either.
        mode = "mode=ro" if path.with_name(path.name + "-shm").exists() else "mode=ro&immutable=1"
        engine = create_engine(f"sqlite:///file:{quote(str(path))}?{mode}&uri=true", connect_args={"timeout": 30.0})
    else:
        engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": 30.0})

    def on_connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver begins nothing by itself; see on_begin
        keeping = ("journal_mode=WAL", "synchronous=FULL") if writable else ()
        for pragma in (*keeping, "foreign_keys=ON", "cache_size=-16000"):
            connection.execute(f"PRAGMA {pragma}")

    def on_begin(connection: Connection) -> None:
        connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN"))

    event.listen(engine, "connect", on_connect)
    event.listen(engine, "begin", on_begin)
    return engine


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """One transaction: committed at the end, rolled back on any error; a broken file is CollectionDamaged, a server
    that is not there StoreError."""
    try:
        with engine.begin() as connection:
            yield connection
    except (DatabaseError, InterfaceError) as exc:
        if engine.dialect.name != "sqlite":
            if isinstance(exc, OperationalError | InterfaceError):
                raise _unreachable(engine, exc) from exc
        elif "malformed" in str(exc) or "not a database" in str(exc):
            raise CollectionDamaged(
                f"{engine.url.database} is not the catalog that was written: {exc.orig}. Restore it, or index anew."
            ) from exc
        raise


def _unreachable(engine: Engine, exc: DBAPIError) -> StoreError:
    where, said = engine.url.render_as_string(hide_password=True), " ".join(str(exc.orig).split())
    return StoreError(
        f"expected the catalog's database at {where}, found: {said.rstrip('.')}. Is it running, and are address "
        "and password right (PGPASSWORD, or PAGELENS_CATALOG_URL)? What was committed is kept: run the command again."
    )


def generation(connection: Connection) -> int:
    """Return the number of commits so far."""
    return int(connection.execute(select(t.state.c.generation)).scalar_one())


def advance(connection: Connection) -> int:
    """Count one more commit and return its generation."""
    connection.execute(update(t.state).values(generation=t.state.c.generation + 1))
    return generation(connection)


def reserve_documents(connection: Connection) -> range:
    """Return `KEY_BLOCK` document keys that no document ever had."""
    start = int(connection.execute(select(t.state.c.next_document)).scalar_one())
    connection.execute(update(t.state).values(next_document=start + KEY_BLOCK))
    return range(start, start + KEY_BLOCK)


@dataclass(frozen=True, slots=True)
class DocumentRow:
    """A document as the catalog has it, with every path it was found under."""

    key: int
    document: Document
    paths: tuple[str, ...]

    @property
    def path(self) -> str:
        """The path people are shown: the first in order."""
        return self.paths[0] if self.paths else self.document.title


@dataclass(frozen=True, slots=True)
class PageRow:
    """A page as the catalog has it."""

    key: int
    number: int
    label: str | None
    width: float
    height: float
    text: PageText
    caption: str
    problem: str
    passages: tuple[Passage, ...]
    guesses: tuple[Guess, ...] = ()


@dataclass(frozen=True, slots=True)
class Failure:
    """A file that could not be read, why, when last tried and how often."""

    path: str
    sha256: str | None
    code: str
    reason: str
    at: str
    attempts: int


def read_documents(connection: Connection, keys: Sequence[int] | None = None) -> dict[int, DocumentRow]:
    """Return live documents by key: those asked for, or all."""
    rows = select(t.documents).where(t.documents.c.live == 1).order_by(t.documents.c.key)
    names = select(t.paths.c.document, t.paths.c.path).order_by(t.paths.c.path)
    if keys is not None:
        rows, names = rows.where(t.documents.c.key.in_(keys)), names.where(t.paths.c.document.in_(keys))
    found: dict[int, list[str]] = {}
    for key, path in connection.execute(names):
        found.setdefault(key, []).append(path)
    return {row.key: _document_row(row, found.get(row.key, [])) for row in connection.execute(rows)}


def _document_row(row: Any, names: list[str]) -> DocumentRow:
    date = datetime.fromisoformat(row.date) if row.date else None
    document = Document(row.sha256, row.kind, row.title, row.page_count, row.size, date, row.metadata)
    return DocumentRow(row.key, document, tuple(names))


def read_pages(connection: Connection, keys: Sequence[int]) -> dict[int, PageRow]:
    """Return pages by key, with their words and boxes."""
    rows = connection.execute(select(t.pages).where(t.pages.c.key.in_(keys)))
    return {row.key: _page_row(row) for row in rows}


def _page_row(row: Any) -> PageRow:
    return PageRow(
        key=row.key,
        number=row.number,
        label=row.label,
        width=row.width,
        height=row.height,
        text=t.unpack_words(row.text, row.words, row.source, row.confidence),
        caption=row.caption,
        problem=row.problem,
        passages=t.unpack_passages(row.passages),
        guesses=tuple(Guess(*guess) for guess in row.guesses),
    )


def read_rows(connection: Connection, query: Select[Any]) -> list[dict[str, object]]:
    """Return what a query finds as dictionaries."""
    return [dict(row) for row in connection.execute(query).mappings()]


def page_keys(connection: Connection) -> NDArray[np.int64]:
    """Return the sorted keys of all pages, staged ones too."""
    rows = connection.execute(select(t.pages.c.key).order_by(t.pages.c.key)).scalars()
    return np.fromiter(rows, np.int64)


def page_count(connection: Connection) -> int:
    """Return the number of all pages, staged ones too."""
    return int(connection.execute(select(func.count()).select_from(t.pages)).scalar_one())


def labels(connection: Connection, documents: Sequence[int], label: str) -> list[int]:
    """Return the keys of the given documents' pages with this printed label, case-insensitive."""
    rows = select(t.pages.c.key).where(t.pages.c.document.in_(documents), func.lower(t.pages.c.label) == label.lower())
    return [int(key) for key in connection.execute(rows).scalars()]


def read_looks(connection: Connection, keys: Sequence[int] | None = None) -> dict[int, int]:
    """Return what live pages look like, 64 bits by page key: of those asked for, or of all that have a picture."""
    if not inspect(connection).has_table(t.looks.name):
        return {}  # an older collection that cannot be written to
    rows = select(t.looks.c.page, t.looks.c.hash).join(t.documents, t.documents.c.key == t.looks.c.document)
    rows = rows.where(t.documents.c.live == 1).order_by(t.looks.c.page)
    if keys is not None:
        rows = rows.where(t.looks.c.page.in_(keys))
    return {page: bits % (1 << 64) for page, bits in connection.execute(rows)}


def find_document(connection: Connection, sha256: str) -> Any | None:
    """Return the row (key, live, pages_in) of the document with these bytes, staged or live."""
    columns = (t.documents.c.key, t.documents.c.live, t.documents.c.pages_in)
    return connection.execute(select(*columns).where(t.documents.c.sha256 == sha256)).first()


def document_at(connection: Connection, path: str) -> int | None:
    """Return the key of the document that a path leads to."""
    return connection.execute(select(t.paths.c.document).where(t.paths.c.path == path)).scalar()


def record_failure(connection: Connection, path: str, sha256: str | None, code: str, reason: str) -> None:
    """Remember why a file could not be read; a file that failed before counts one more attempt."""
    before = connection.execute(select(t.failures.c.attempts).where(t.failures.c.path == path)).scalar() or 0
    connection.execute(delete(t.failures).where(t.failures.c.path == path))
    at = datetime.now(UTC).isoformat(timespec="seconds")
    row = {"path": path, "sha256": sha256, "code": code, "reason": reason, "at": at, "attempts": before + 1}
    connection.execute(insert(t.failures).values(row))


def read_failures(connection: Connection) -> list[Failure]:
    """Return the recorded failures in order of their paths."""
    rows = connection.execute(select(t.failures).order_by(t.failures.c.path))
    return [Failure(row.path, row.sha256, row.code, row.reason, row.at, row.attempts) for row in rows]


def read_problems(connection: Connection) -> list[tuple[str, int, str]]:
    """Return (title, number, problem) of live pages that were read in part or not at all."""
    p, d = t.pages.c, t.documents.c
    rows = select(d.title, p.number, p.problem).join(t.documents, d.key == p.document)
    found = connection.execute(rows.where(p.problem != "", d.live == 1).order_by(p.key))
    return [(row.title, row.number, row.problem) for row in found]


def count_textless(connection: Connection) -> int:
    """Return how many live pages have no words on them."""
    p, d = t.pages.c, t.documents.c
    query = select(func.count()).select_from(t.pages).join(t.documents, d.key == p.document)
    return int(connection.execute(query.where(p.source == "none", d.live == 1)).scalar_one())
