"""Stores descriptions of page images, and applies them: documents get new keys with the descriptions' words.

Storing is one small transaction for each reply of the model, so a killed run loses no reply it has paid for. Applying
is one commit for several documents, in the order of `pagelens.index.writer`: the vectors of a document are stored again
under a new key, with a new one for each description in lanes over passages; then its texts are added to the lexical
index; then one catalog transaction puts the new rows in the place of the old. No file is read and no image encoded.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Table, insert, select

from pagelens.core.descriptions import Description
from pagelens.core.errors import CollectionDamaged
from pagelens.core.keys import MAX_PASSAGES, document_of, number_of, page_key
from pagelens.core.types import Passage
from pagelens.index import garbage_collection
from pagelens.index.catalog import checksums, description_rows, document_frequencies, reads, unembedded, writes
from pagelens.index.catalog import tables as t
from pagelens.index.catalog.description_rows import own_caption, with_words
from pagelens.index.catalog.reads import DocumentRow
from pagelens.index.catalog.transactions import transaction
from pagelens.index.late.token_segments import storage_of
from pagelens.index.layout import LaneRecord, Layout
from pagelens.index.lexical.bm25 import count_terms
from pagelens.index.lexical.lexical_index import indexed_text
from pagelens.index.records import DenseParts, DenseRows, WrittenRows
from pagelens.index.writer_session import file_stores, open_for_writing

APPLY_DOCUMENTS = 256  # in one commit

EncodeDescription = Callable[[DocumentRow, Sequence[Description]], NDArray[np.float32]]
"""Takes a document and descriptions of its pages; returns a vector (n, dim) for each, for lanes over passages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Described:
    """A document to be stored under a new key."""

    row: DocumentRow
    key: int  # the new one
    descriptions: Mapping[int, Description]  # by page number
    pages: Sequence[dict[str, Any]]  # rows of the catalog under the new key
    replaced: frozenset[int]  # page numbers whose passage of the description takes the place of an older passage
    added: frozenset[int]  # page numbers that get a passage for the description


class DescriptionWriter:
    """The writer of descriptions, a context manager that holds the writer's lock. A normal exit applies what is stored.

    Raises CollectionLocked, CollectionNotFound.
    """

    def __init__(self, root: Path, encode: EncodeDescription, *, apply_documents: int = APPLY_DOCUMENTS) -> None:
        """`apply_documents`: how many documents are stored anew in one commit."""
        self.layout = Layout(root)
        self._encode = encode
        self._apply_documents = apply_documents
        self._stack = ExitStack()
        self._stored: set[int] = set()  # documents with descriptions that are not applied

    def __enter__(self) -> "DescriptionWriter":
        with ExitStack() as stack:
            session = stack.enter_context(open_for_writing(self.layout))
            self.manifest, self._engine, self._words = session.manifest, session.engine, session.words
            self._store, self._files = session.store, session.files
            with transaction(self._engine) as connection:
                self._stored = set(description_rows.unapplied_documents(connection))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._stack:
            if isinstance(error, OSError):
                raise error  # `open_for_writing` translates a full disk or a missing permission
            if kind is None or issubclass(kind, KeyboardInterrupt):
                self.apply()
                self._store.compact(self._engine, self.manifest)
                garbage_collection.collect_file_garbage(self._engine, file_stores(self.layout, self._files))
                self._words.optimize()

    def store(self, page: int, description: Description) -> None:
        """Store the description of a page durably. The page is found by its words once it is applied."""
        with transaction(self._engine) as connection:
            description_rows.store(connection, page, description)
        self._stored.add(document_of(page))

    def apply(self) -> int:
        """Make all stored descriptions searchable; return the number of documents that got them. Those whose passages
        have no vectors yet get them when they have (`pagelens.api.engine.second_pass`)."""
        stores = [lane.store for lane in self._lanes if lane.covers == "passages"]
        with transaction(self._engine) as connection:
            documents = sorted(self._stored - unembedded.documents(connection, stores))
        self._stored = set()
        for start in range(0, len(documents), self._apply_documents):
            self._apply(documents[start : start + self._apply_documents])
        return len(documents)

    def _apply(self, documents: Sequence[int]) -> None:
        with transaction(self._engine) as connection:
            keys = iter(writes.reserve_documents(connection))
        with transaction(self._engine) as connection:
            rows = reads.read_documents(connection, documents)
            described = [_prepare(connection, row, next(keys)) for row in rows.values()]
            live = np.array(sorted(rows), np.int64)
            parts = {lane.name: self._read_lane(connection, lane, live, described) for lane in self._lanes}
        if not described:
            return
        written = [(lane, found) for lane in self._lanes for found in self._write_lane(lane, parts[lane.name])]
        texts = {row["key"]: indexed_text(row["text"], row["caption"]) for one in described for row in one.pages}
        self._words.add(texts.items())
        with transaction(self._engine) as connection:
            for one in described:
                _replace_rows(connection, one)
            document_frequencies.add_pages(connection, map(count_terms, texts.values()))
            for lane, (name, runs) in written:
                if name:
                    writes.register_segment(connection, lane.store, name, runs)
            generation = writes.advance_generation(connection)
        self._store.delete_documents(self.manifest, list(rows))
        self._words.delete_documents(list(rows))
        self._words.mark_synced(generation)

    @property
    def _lanes(self) -> list[LaneRecord]:
        return list(self.manifest.lanes.values())

    def _read_lane(
        self, connection: Connection, lane: LaneRecord, live: NDArray[np.int64], described: Sequence[_Described]
    ) -> list[tuple[list[int], Any]]:
        """Return a lane's rows of the documents under their new keys, with those of the descriptions."""
        new_keys = {one.row.key: one.key for one in described}

        def moved(pages: Sequence[int]) -> list[int]:
            return [page_key(new_keys[document_of(page)], number_of(page)) for page in pages]

        if lane.space.multi_vector:
            found = self._store.tokens(connection, lane, live).parts_of(live.tolist())
            return [(moved(pages), rows) for pages, rows in found]
        dense = self._store.vectors(connection, lane, live).parts_of(live.tolist())
        if lane.covers != "passages":
            return [(moved(pages), rows) for pages, rows in dense]
        return [self._with_descriptions(lane, one, dense) for one in described]

    def _with_descriptions(self, lane: LaneRecord, one: _Described, dense: DenseParts) -> tuple[list[int], DenseRows]:
        """Return the rows of a document's passages, with those of its descriptions."""
        vectors: dict[int, NDArray[np.float32]] = {}  # page number -> (n_passages, dim)
        for pages, rows in dense:
            ends = np.cumsum([0, *rows.counts])
            for position, page in enumerate(pages):
                if document_of(page) == one.row.key:
                    vectors[number_of(page)] = rows.vectors[ends[position] : ends[position + 1]]
        changed = sorted(one.replaced | one.added)
        encoded = self._encode(one.row, [one.descriptions[number] for number in changed])
        nothing = np.zeros((0, lane.space.dim), np.float32)
        for number, vector in zip(changed, encoded, strict=True):
            kept = vectors.get(number, nothing)
            if number in one.replaced:  # the passage for what people wrote about a photo, or an older description
                kept = kept.copy()
                kept[_wordless(_passages(one, number))] = vector
                vectors[number] = kept
            else:
                vectors[number] = np.concatenate([kept, vector[None]])
        numbers = sorted(vectors)
        stacked = np.concatenate([nothing, *(vectors[number] for number in numbers)]).astype(np.float32)
        counts = [len(vectors[number]) for number in numbers]
        return [page_key(one.key, number) for number in numbers], DenseRows(counts, stacked)

    def _write_lane(self, lane: LaneRecord, parts: Sequence[tuple[list[int], Any]]) -> list[WrittenRows]:
        if not lane.space.multi_vector:
            return [self._store.write_vectors(lane, parts)]
        storages = {storage_of(rows) for _, rows in parts}  # a segment has one storage
        return [
            self._store.write_tokens(lane, [(pages, rows) for pages, rows in parts if storage_of(rows) == storage])
            for storage in sorted(storages)
        ]


def _prepare(connection: Connection, row: DocumentRow, key: int) -> _Described:
    """Return a document's pages under a new key, with the words of their descriptions. Raises CollectionDamaged."""
    query = select(t.pages).where(t.pages.c.document == row.key).order_by(t.pages.c.number)
    rows = connection.execute(query).all()
    if checksums.damaged_pages(connection, rows):
        raise CollectionDamaged(f"expected the pages of {row.path} as they were written: {reads.DAMAGED}")
    stored = description_rows.read(connection, [page.key for page in rows])
    pages, replaced, added = [], set(), set()
    for page in rows:
        new = {**page._mapping, "key": page_key(key, page.number), "document": key}
        if page.key in stored:
            description, applied = stored[page.key]
            new["caption"] = with_words(own_caption(page.caption, applied), description.words)
            passages = t.unpack_passages(page.passages)
            if any(passage.end <= passage.start for passage in passages):
                replaced.add(page.number)
            elif len(passages) < MAX_PASSAGES:
                new["passages"] = t.pack_passages((*passages, Passage(len(passages), 0, 0)))
                added.add(page.number)
        pages.append(new)
    return _Described(
        row=row,
        key=key,
        descriptions={number_of(page): description for page, (description, _) in stored.items()},
        pages=pages,
        replaced=frozenset(replaced),
        added=frozenset(added),
    )


def _passages(one: _Described, number: int) -> tuple[Passage, ...]:
    return t.unpack_passages(next(page["passages"] for page in one.pages if page["number"] == number))


def _wordless(passages: Sequence[Passage]) -> int:
    """Return the ordinal of the passage that has no words of the page."""
    return next(passage.ordinal for passage in passages if passage.end <= passage.start)


def _replace_rows(connection: Connection, one: _Described) -> None:
    """Put the catalog's rows of a document under its new key in the place of the old ones."""
    old, key = one.row.key, one.key
    document = {**connection.execute(select(t.documents).where(t.documents.c.key == old)).one()._mapping, "key": key}
    paths = [path._mapping for path in _rows_of(connection, t.paths, old)]
    facts = [facts._mapping for facts in _rows_of(connection, t.path_facts, old)]
    of_pages = {
        table: _rows_of(connection, table, old) for table in (t.perceptual_hashes, t.table_outlines, t.unembedded)
    }
    description_rows.move(connection, old, key)
    writes.move_labels(connection, old, key)
    writes.remove_documents(connection, [old])
    connection.execute(insert(t.documents), [document])
    checksums.record(connection, t.documents, [document])
    connection.execute(insert(t.pages), list(one.pages))
    checksums.record(connection, t.pages, one.pages)
    for table, rows in ((t.paths, paths), (t.path_facts, facts)):
        if rows:
            connection.execute(insert(table), [{**row, "document": key} for row in rows])
    for table, found in of_pages.items():
        if found:
            moved = [{**row._mapping, "document": key, "page": page_key(key, number_of(row.page))} for row in found]
            connection.execute(insert(table), moved)
    words = {page_key(key, number): description.words for number, description in one.descriptions.items()}
    description_rows.mark_applied(connection, words)


def _rows_of(connection: Connection, table: Table, document: int) -> Sequence[Any]:
    return connection.execute(select(table).where(table.c.document == document)).all()
