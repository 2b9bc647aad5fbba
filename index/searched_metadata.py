"""The texts of metadata tables in the `words` lane: the caption of a document's first page ends with them.

The text of a page key never changes, so a document whose text changes gets a new key in one commit: its rows and its
vectors are copied, nothing is read or encoded again.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table, insert, select

from pagelens.core.keys import document_of, number_of, page_key
from pagelens.core.metadata_fields import Field, value_texts
from pagelens.index.catalog import checksums, document_frequencies, writes
from pagelens.index.catalog import tables as t
from pagelens.index.catalog.reads import DocumentRow
from pagelens.index.catalog.transactions import transaction
from pagelens.index.late.token_segments import storage_of
from pagelens.index.layout import LaneRecord, Layout
from pagelens.index.lexical.bm25 import count_terms
from pagelens.index.lexical.lexical_index import indexed_text
from pagelens.index.reader import Snapshot
from pagelens.index.records import WrittenRows
from pagelens.index.writer_session import WriterSession, open_for_writing

WINDOW = 256  # documents of one commit

Rows = dict[Table, list[dict[str, Any]]]


def update_searched_texts(layout: Layout, snapshot: Snapshot) -> int:
    """Let the `words` lane find documents by the searched fields of their records; return how many have changed.

    `snapshot` is of the newest commit. Raises CollectionLocked; CollectionDamaged where stored rows are not those that
    were written.
    """
    changed = _changed_texts(snapshot)
    if not changed:
        return 0
    snapshot.verify()  # what is copied gets a fresh hash
    with open_for_writing(layout) as session:
        documents = list(changed)
        for start in range(0, len(documents), WINDOW):
            window = documents[start : start + WINDOW]
            _rewrite(session, snapshot, {document: changed[document] for document in window})
        session.store.compact(session.engine, session.manifest)
        session.words.optimize()
    return len(changed)


def _changed_texts(snapshot: Snapshot) -> dict[int, str]:
    """Return the new text, "" for none, of each document that has another one."""
    if not snapshot.fields:
        return {}
    current = snapshot.first_captions()
    wanted = {key: _searched_text(row, snapshot.fields) for key, row in snapshot.documents.items() if key in current}
    return {key: text for key, text in wanted.items() if text != current[key].partition(t.METADATA_MARK)[2]}


def _searched_text(row: DocumentRow, fields: Mapping[str, Field]) -> str:
    names = [name for name, field in fields.items() if field.searched]
    lines = [
        "; ".join(value_texts(record[name])) for record in row.records for name in names if record.get(name) is not None
    ]
    return "\n".join(dict.fromkeys(lines)).replace(t.METADATA_MARK, " ")


def _rewrite(session: WriterSession, snapshot: Snapshot, texts: Mapping[int, str]) -> None:
    """Store these documents under new keys, with these texts, in one commit."""
    with transaction(session.engine) as connection:
        new_keys = dict(zip(texts, _reserve(connection, len(texts)), strict=True))
    written = [
        (lane, rows) for lane in session.manifest.lanes.values() for rows in _copy(session, snapshot, lane, new_keys)
    ]
    tables = _rekeyed(snapshot.document_rows_by_table(list(texts)), new_keys)
    for row in tables[t.pages]:
        if row["number"] == 1:
            old = next(key for key, new in new_keys.items() if new == row["document"])
            row["caption"] = t.with_metadata_text(row["caption"], texts[old])
    pages = {row["key"]: indexed_text(row["text"], row["caption"]) for row in tables[t.pages]}
    snapshot.require_unexpired()
    session.words.add(pages.items())
    with transaction(session.engine) as connection:
        paths = connection.execute(select(t.paths).where(t.paths.c.document.in_(texts))).all()
        labels = connection.execute(select(t.page_labels).where(t.page_labels.c.document.in_(texts))).mappings().all()
        tables[t.page_labels] = [_rekeyed_row(t.page_labels, row, new_keys) for row in labels]
        writes.remove_documents(connection, list(texts))
        for table, rows in tables.items():
            if rows:
                connection.execute(insert(table), rows)
        if paths:
            connection.execute(
                insert(t.paths), [{"path": row.path, "document": new_keys[row.document]} for row in paths]
            )
        for table in (t.documents, t.pages):
            checksums.record(connection, table, tables[table])
        document_frequencies.add_pages(connection, map(count_terms, pages.values()))
        for lane, (name, runs) in written:
            if name:
                writes.register_segment(connection, lane.store, name, runs)
        generation = writes.advance_generation(connection)
    session.store.delete_documents(session.manifest, list(texts))
    session.words.delete_documents(list(texts))
    session.words.mark_synced(generation)


def _reserve(connection: Connection, count: int) -> list[int]:
    """Return so many document keys that no document has had."""
    keys: list[int] = []
    while len(keys) < count:
        keys += writes.reserve_documents(connection)
    return keys[:count]


def _copy(
    session: WriterSession, snapshot: Snapshot, lane: LaneRecord, new_keys: Mapping[int, int]
) -> Iterator[WrittenRows]:
    """Store the documents' rows of a lane under the new keys, durably."""
    documents = list(new_keys)
    if not lane.space.multi_vector:
        dense = snapshot.vectors(lane.name).parts_of(documents)
        yield session.store.write_vectors(lane, [(_pages(pages, new_keys), rows) for pages, rows in dense])
        return
    tokens = snapshot.tokens(lane.name).parts_of(documents)
    for storage in sorted({storage_of(rows) for _, rows in tokens}):  # a segment has one storage
        same = [(_pages(pages, new_keys), rows) for pages, rows in tokens if storage_of(rows) == storage]
        yield session.store.write_tokens(lane, same)


def _pages(pages: Sequence[int], new_keys: Mapping[int, int]) -> list[int]:
    return [page_key(new_keys[document_of(page)], number_of(page)) for page in pages]


def _rekeyed(tables: Mapping[Table, list[dict[str, object]]], new_keys: Mapping[int, int]) -> Rows:
    """Return rows of the catalog with the new keys; without checksums, which are computed again."""
    found: Rows = {}
    for table, rows in tables.items():
        if table is t.checksums:
            continue
        found[table] = [_rekeyed_row(table, row, new_keys) for row in rows]
    return found


def _rekeyed_row(table: Table, row: Mapping[Any, Any], new_keys: Mapping[int, int]) -> dict[str, Any]:
    changed = dict(row)
    if table is t.documents:
        return changed | {"key": new_keys[row["key"]]}
    for name in {"key", "page"} & changed.keys():
        changed[name] = page_key(new_keys[document_of(row[name])], number_of(row[name]))
    return changed | {"document": new_keys[row["document"]]}
