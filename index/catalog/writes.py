"""Writes to the catalog, each inside the caller's transaction.

A function that changes which document a path has returns the keys of the documents that lose their last path, or that
stay incomplete; the caller removes these in the same transaction (`remove_documents`).
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from sqlalchemy import Connection, delete, insert, select, update

from pagelens.core.keys import document_of, number_of, page_key
from pagelens.core.tables.outlines import VERSION, TableOutline
from pagelens.core.types import Guess, Page, Passage
from pagelens.index.catalog import checksums, description_rows, document_frequencies, reads
from pagelens.index.catalog import tables as t
from pagelens.index.records import DocumentPages

SUPERSEDING = "~"
"""Last character of the `sha256` of a staged document that will take the place of a live one with the same bytes,
because its title or caption depends on its paths and these changed. It gets its own SHA-256 with its last page."""

KEY_BLOCK = 1_024  # document keys reserved at a time; those of a killed writer are never used by another document


def advance_generation(connection: Connection) -> int:
    """Count one more commit and return the new generation."""
    connection.execute(update(t.state).values(generation=t.state.c.generation + 1))
    return reads.generation(connection)


def reserve_documents(connection: Connection) -> range:
    """Return `KEY_BLOCK` document keys that no document has had."""
    start = int(connection.execute(select(t.state.c.next_document)).scalar_one())
    connection.execute(update(t.state).values(next_document=start + KEY_BLOCK))
    return range(start, start + KEY_BLOCK)


def link_path(connection: Connection, path: str, sha256: str) -> set[int]:
    """Let a path lead to bytes that are indexed already, or record their known failure for it too. Return the documents
    that lose their last path."""
    document = reads.find_document(connection, sha256)
    if document is not None and document.live:
        return _take_path(connection, path, document.key)
    failure = connection.execute(select(t.failures).where(t.failures.c.sha256 == sha256)).first()
    if failure is None:
        return set()
    record_failure(connection, path, sha256, failure.code, failure.reason)
    return unlink_path(connection, path)


def insert_pages(connection: Connection, key: int, new: DocumentPages) -> set[int]:
    """Insert some pages of a document, and make it live with its last ones. Return the documents it replaces."""
    document = new.document
    older = reads.find_document(connection, document.sha256)
    is_superseding = older is not None and older.key != key
    if connection.execute(select(t.documents.c.key).where(t.documents.c.key == key)).first() is None:
        row = {
            "key": key,
            "sha256": document.sha256[:-1] + SUPERSEDING if is_superseding else document.sha256,
            "live": 0,
            "pages_in": 0,
            "staged_path": new.path,
            "kind": document.kind,
            "title": document.title,
            "page_count": document.page_count,
            "size": document.size,
            "date": document.date.isoformat() if document.date else None,
            "metadata": dict(document.metadata),
        }
        connection.execute(insert(t.documents).values(row))
        checksums.record(connection, t.documents, [row])
        if document.path_facts:
            connection.execute(insert(t.path_facts).values(document=key, digest=document.path_facts))
    rows = [
        _page_row(key, page, passages, new.guesses.get(page.number, ()))
        for page, passages in zip(new.pages, new.passages, strict=True)
    ]
    if rows:
        connection.execute(insert(t.pages), rows)
        checksums.record(connection, t.pages, rows)
    save_perceptual_hashes(connection, {page_key(key, number): bits for number, bits in new.perceptual_hashes.items()})
    save_table_outlines(connection, {page_key(key, number): found for number, found in new.tables.items()})
    progress = {"pages_in": new.pages[-1].number if new.pages else 0, "live": int(new.last), "staged_path": new.path}
    connection.execute(update(t.documents).where(t.documents.c.key == key).values(progress))
    if not new.last:
        return set()
    replaced = _supersede(connection, int(older.key), key) if older is not None and is_superseding else set()
    _state_digest(connection, key, document.sha256)
    return replaced | _take_path(connection, new.path, key) | (staged_at(connection, new.path) - {key})


def save_perceptual_hashes(connection: Connection, hashes: Mapping[int, int]) -> None:
    """Save the 64-bit perceptual hashes of pages, by page key."""
    rows = [
        {"page": page, "document": document_of(page), "hash": bits - (bits >> 63 << 64)}
        for page, bits in hashes.items()
    ]
    if rows:
        connection.execute(delete(t.perceptual_hashes).where(t.perceptual_hashes.c.page.in_(list(hashes))))
        connection.execute(insert(t.perceptual_hashes), rows)


def save_table_outlines(connection: Connection, found: Mapping[int, Sequence[TableOutline]]) -> None:
    """Save the outlines of the tables of pages, by page key."""
    rows = [
        {"page": page, "document": document_of(page), "version": VERSION, "outlines": t.pack_outlines(outlines)}
        for page, outlines in found.items()
    ]
    if rows:
        connection.execute(delete(t.table_outlines).where(t.table_outlines.c.page.in_(list(found))))
        connection.execute(insert(t.table_outlines), rows)


def _supersede(connection: Connection, old: int, key: int) -> set[int]:
    """Give the paths of a document, its labels and its descriptions to a newer one of the same bytes. Return the old
    one, removed."""
    paths = list(connection.execute(select(t.paths.c.path).where(t.paths.c.document == old)).scalars())
    description_rows.move(connection, old, key)
    move_labels(connection, old, key)
    remove_documents(connection, [old])
    if paths:
        connection.execute(insert(t.paths), [{"path": path, "document": key} for path in paths])
    return {old}


def move_labels(connection: Connection, old: int, key: int) -> None:
    """Give the labels of a document's pages to a newer one of the same bytes."""
    rows = connection.execute(select(t.page_labels).where(t.page_labels.c.document == old)).all()
    connection.execute(delete(t.page_labels).where(t.page_labels.c.document == old))
    moved = [{**row._mapping, "document": key, "page": page_key(key, number_of(row.page))} for row in rows]
    if moved:
        connection.execute(insert(t.page_labels), moved)


def _state_digest(connection: Connection, key: int, sha256: str) -> None:
    """Let a document that is complete have the SHA-256 of its bytes, if it was staged with another one."""
    row = connection.execute(select(t.documents).where(t.documents.c.key == key)).one()
    if row.sha256 != sha256:
        connection.execute(update(t.documents).where(t.documents.c.key == key).values(sha256=sha256))
        checksums.record(connection, t.documents, [{**row._mapping, "sha256": sha256}])


def remove_documents(connection: Connection, keys: Sequence[int]) -> None:
    """Remove documents with their pages, paths, row entries and document frequencies."""
    for start in range(0, len(keys), reads.IN_LIMIT):
        batch = keys[start : start + reads.IN_LIMIT]
        document_frequencies.subtract_documents(connection, batch)
        of_pages = (t.perceptual_hashes, t.table_outlines, t.pages, t.checksums, t.page_labels, t.descriptions)
        for table in (t.runs, t.paths, t.path_facts, t.unembedded, *of_pages):
            connection.execute(delete(table).where(table.c.document.in_(batch)))
        connection.execute(delete(t.documents).where(t.documents.c.key.in_(batch)))


def update_page(connection: Connection, key: int, values: Mapping[str, object]) -> None:
    """Change some columns of a page, and its checksum."""
    row = connection.execute(select(t.pages).where(t.pages.c.key == key)).first()
    if row is not None:
        reads.require_undamaged(reads.read_pages(connection, [key]).values())
        connection.execute(update(t.pages).where(t.pages.c.key == key).values(values))
        checksums.record(connection, t.pages, [{**row._mapping, **values}])


def _page_row(document: int, page: Page, passages: Sequence[Passage], guesses: Sequence[Guess]) -> dict[str, object]:
    return {
        "key": page_key(document, page.number),
        "document": document,
        "number": page.number,
        "label": page.label,
        "width": page.width,
        "height": page.height,
        "text": page.text.text,
        "words": t.pack_words(page.text),
        "source": page.text.source,
        "confidence": page.text.confidence,
        "caption": page.caption,
        "problem": page.problem,
        "passages": t.pack_passages(tuple(passages)),
        "guesses": [list(guess) for guess in guesses],
    }


def _take_path(connection: Connection, path: str, key: int) -> set[int]:
    """Let a path lead to a document. Return the document that loses its last path."""
    orphans = unlink_path(connection, path) - {key}
    connection.execute(insert(t.paths).values(path=path, document=key))
    connection.execute(delete(t.failures).where(t.failures.c.path == path))
    return orphans


def unlink_path(connection: Connection, path: str) -> set[int]:
    """Remove a path. Return its document if that was its last path."""
    key = reads.document_at(connection, path)
    if key is None:
        return set()
    connection.execute(delete(t.paths).where(t.paths.c.path == path))
    other = connection.execute(select(t.paths.c.path).where(t.paths.c.document == key)).first()
    return set() if other else {key}


def staged_at(connection: Connection, path: str) -> set[int]:
    """Return the incomplete documents that were read from a path."""
    d = t.documents.c
    return set(connection.execute(select(d.key).where(d.live == 0, d.staged_path == path)).scalars())


def record_failure(connection: Connection, path: str, sha256: str | None, code: str, reason: str) -> None:
    """Record why a file could not be read, and count the attempts."""
    attempts = connection.execute(select(t.failures.c.attempts).where(t.failures.c.path == path)).scalar() or 0
    connection.execute(delete(t.failures).where(t.failures.c.path == path))
    at = datetime.now(UTC).isoformat(timespec="seconds")
    row = {"path": path, "sha256": sha256, "code": code, "reason": reason, "at": at, "attempts": attempts + 1}
    connection.execute(insert(t.failures).values(row))


def register_segment(connection: Connection, store: str, name: str, runs: Sequence[tuple[int, int]]) -> None:
    """Add a segment to the catalog; `runs` are (document, number of rows), in the order of the rows."""
    total = sum(rows for _, rows in runs)
    statement = insert(t.segments).values(store=store, name=name, rows=total).returning(t.segments.c.id)
    segment = connection.execute(statement).scalar_one()
    start, entries = 0, []
    for document, rows in runs:
        entries.append({"segment": segment, "start": start, "rows": rows, "document": document})
        start += rows
    connection.execute(insert(t.runs), entries)
