"""The catalog's tables, and the packing of a page's words and passages into columns."""

import zlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Connection,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    inspect,
)

from pagelens.core.tables.outlines import TableOutline
from pagelens.core.types import Box, PageText, Passage, TextSource

metadata = MetaData()


class _TextWithoutNul(TypeDecorator[str]):
    """Text whose NUL characters, which PostgreSQL cannot store, are replaced by U+FFFD; the length stays the same."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Return the text to be stored."""
        del dialect
        return None if value is None else value.replace("\0", "\ufffd")


class _TolerantJSON(TypeDecorator[Any]):
    """JSON that is read as None where its text is damaged: one bad row must not fail a query for many."""

    impl = JSON
    cache_ok = True

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any]:
        """Return the function that decodes a stored value."""
        decode = super().result_processor(dialect, coltype)

        def process(value: Any) -> Any:
            try:
                return decode(value) if decode is not None else value
            except (ValueError, TypeError, RecursionError):
                return None

        return process


TEXT = _TextWithoutNul()
STORED_JSON = _TolerantJSON()
ORDERED = Text().with_variant(Text(collation="C"), "postgresql")  # ordered by code points, as in SQLite

# One row: the generation (number of commits) and the next document key.
state = Table(
    "state",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("generation", BigInteger, nullable=False),
    Column("next_document", BigInteger, nullable=False),
)

# A document is staged until its last page is committed, then live; readers see live documents only.
documents = Table(
    "documents",
    metadata,
    Column("key", BigInteger, primary_key=True, autoincrement=False),
    Column("sha256", String(64), nullable=False, unique=True),
    Column("live", Integer, nullable=False),
    Column("pages_in", Integer, nullable=False),  # pages committed so far
    Column("staged_path", TEXT, nullable=False),  # the path it is read from
    Column("kind", String(16), nullable=False),
    Column("title", TEXT, nullable=False),
    Column("page_count", Integer, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("date", String(32)),  # ISO 8601, naive local time
    Column("metadata", STORED_JSON, nullable=False),
)

paths = Table(
    "paths",
    metadata,
    Column("path", ORDERED, primary_key=True),
    Column("document", BigInteger, ForeignKey("documents.key"), nullable=False, index=True),
)

pages = Table(
    "pages",
    metadata,
    Column("key", BigInteger, primary_key=True, autoincrement=False),
    Column("document", BigInteger, ForeignKey("documents.key"), nullable=False, index=True),
    Column("number", Integer, nullable=False),
    Column("label", TEXT),
    Column("width", Float, nullable=False),
    Column("height", Float, nullable=False),
    Column("text", TEXT, nullable=False),
    Column("words", LargeBinary, nullable=False),  # `pack_words`
    Column("source", String(8), nullable=False),
    Column("confidence", Float),
    Column("caption", TEXT, nullable=False),
    Column("problem", TEXT, nullable=False),
    Column("passages", LargeBinary, nullable=False),  # int32 (n, 2): start and end of each passage
    Column("guesses", STORED_JSON, nullable=False),  # [[label, probability], ...], best first, of a photo's picture
)

segments = Table(
    "segments",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("store", String(64), nullable=False),
    Column("name", String(64), nullable=False),
    Column("rows", Integer, nullable=False),
)
Index("segments_by_name", segments.c.store, segments.c.name, unique=True)

# Rows [start, start + rows) of a segment belong to a document. Rows without a run are dead.
runs = Table(
    "runs",
    metadata,
    Column("segment", Integer, ForeignKey("segments.id"), primary_key=True),
    Column("start", Integer, primary_key=True),
    Column("rows", Integer, nullable=False),
    Column("document", BigInteger, ForeignKey("documents.key"), nullable=False, index=True),
)

failures = Table(
    "failures",
    metadata,
    Column("path", ORDERED, primary_key=True),
    Column("sha256", String(64), index=True),  # None where the bytes could not be read
    Column("code", String(32), nullable=False),
    Column("reason", TEXT, nullable=False),
    Column("at", String(32), nullable=False),
    Column("attempts", Integer, nullable=False),
)

# Pages whose rows in a lane with vectors are not made yet (`pagelens.index.lane_filling`); `store` is that of the lane.
unembedded = Table(
    "unembedded",
    metadata,
    Column("page", BigInteger, primary_key=True, autoincrement=False),
    Column("store", String(64), primary_key=True),
    Column("document", BigInteger, nullable=False, index=True),
)

# The 64-bit perceptual hash of a page's image (`pagelens.ingest.readers.photos.perceptual_hash`), as a signed integer.
perceptual_hashes = Table(
    "perceptual_hashes",
    metadata,
    Column("page", BigInteger, primary_key=True, autoincrement=False),
    Column("document", BigInteger, ForeignKey("documents.key"), nullable=False, index=True),
    Column("hash", BigInteger, nullable=False),
)

# The tables of a page (`pagelens.core.tables.outlines`), found when its vectors are made. No row: they are unknown.
table_outlines = Table(
    "table_outlines",
    metadata,
    Column("page", BigInteger, primary_key=True, autoincrement=False),
    Column("document", BigInteger, ForeignKey("documents.key"), nullable=False, index=True),
    Column("version", Integer, nullable=False),  # `pagelens.core.tables.outlines.VERSION`; others are not used
    Column("outlines", STORED_JSON, nullable=False),  # [[labels, caption, x0, y0, x1, y1], ...] as `pack_outlines` says
)

# Document frequencies: how many pages, staged ones included, have a term or bigram. Kept only where the `words` lane is
# on a server (`pagelens.index.catalog.document_frequencies`).
document_frequencies = Table(
    "document_frequencies",
    metadata,
    Column("term", BigInteger, primary_key=True, autoincrement=False),  # `pagelens.index.lexical.bm25.term_index`
    Column("pages", Integer, nullable=False),
)

# One row where document frequencies are kept: sums over all pages, and the average lengths in the stored page vectors.
term_totals = Table(
    "term_totals",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("schema", Integer, nullable=False),  # `pagelens.index.lexical.bm25.LAYOUT`; counts of another are not used
    Column("pages", BigInteger, nullable=False),
    Column("terms", BigInteger, nullable=False),
    Column("bigrams", BigInteger, nullable=False),
    Column("indexed_terms", Float, nullable=False),  # average length in the stored vectors; 0 before the first page
    Column("indexed_bigrams", Float, nullable=False),
    Column("uniform", Integer, nullable=False),  # 0 while vectors with another average may be stored
)

# The CRC-32 of the rows of pages and documents (`pagelens.index.catalog.checksums`).
checksums = Table(
    "checksums",
    metadata,
    Column("key", BigInteger, primary_key=True, autoincrement=False),
    Column("document", BigInteger, nullable=False, index=True),
    Column("crc", BigInteger, nullable=False),
)

# What a document took from its paths (`Document.path_facts`); no row, or an empty digest: nothing.
path_facts = Table(
    "path_facts",
    metadata,
    Column("document", BigInteger, primary_key=True, autoincrement=False),
    Column("digest", String(64), nullable=False),
)

# Files of indexed folders, and members of containers, that are not read.
unread_files = Table(
    "unread_files",
    metadata,
    Column("path", ORDERED, primary_key=True),
    Column("code", String(32), nullable=False),
    Column("reason", TEXT, nullable=False),
)

# How many members of a container are read: fewer known paths in it show that an indexing run was interrupted.
containers = Table(
    "containers",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("members", Integer, nullable=False),
)

# Fields of metadata tables. `searched`: 1 where the `words` lane finds a document by the field's text.
metadata_fields = Table(
    "metadata_fields",
    metadata,
    Column("name", ORDERED, primary_key=True),
    Column("type", String(8), nullable=False),  # `pagelens.core.metadata_fields.FieldType`
    Column("searched", Integer, nullable=False),
)

# The values that metadata tables give the file at a path: field name -> number, text, or list of texts.
metadata_records = Table(
    "metadata_records",
    metadata,
    Column("path", ORDERED, primary_key=True),
    Column("fields", STORED_JSON, nullable=False),
)

# Label sets that were applied to the collection (`pagelens.core.labels.StoredLabelSet`).
label_sets = Table(
    "label_sets",
    metadata,
    Column("id", String(12), primary_key=True),
    Column("name", TEXT, nullable=False),
    Column("model", TEXT, nullable=False),
    Column("approximate", Integer, nullable=False),
    Column("rules", STORED_JSON, nullable=False),
)

# The labels of pages, with the probability that the model gave them.
page_labels = Table(
    "page_labels",
    metadata,
    Column("page", BigInteger, primary_key=True, autoincrement=False),
    Column("label_set", String(12), primary_key=True),
    Column("label", ORDERED, primary_key=True),
    Column("document", BigInteger, nullable=False, index=True),
    Column("probability", Float, nullable=False),
)

METADATA_MARK = "\n\x1e"
"""Stands in a stored caption before the searched texts of metadata tables, with which it ends
(`pagelens.index.searched_metadata`)."""

# What vision models wrote about page images (`pagelens.core.descriptions`).
descriptions = Table(
    "descriptions",
    metadata,
    Column("page", BigInteger, primary_key=True, autoincrement=False),
    Column("document", BigInteger, nullable=False, index=True),
    Column("model", TEXT, nullable=False),
    Column("prompt", Integer, nullable=False),
    Column("language", String(16), nullable=False),
    Column("caption", TEXT, nullable=False),
    Column("alt_text", TEXT, nullable=False),
    Column("picture_text", TEXT, nullable=False),
    Column("objects", STORED_JSON, nullable=False),
    Column("at", String(32), nullable=False),
    Column("applied", TEXT, nullable=False),  # what follows the page's own caption; "": the words are not in it yet
)

# What users did with hits and think of answers (`pagelens.core.judgements`), where the owner wants that kept.
judgements = Table(
    "judgements",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("query", TEXT, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("number", Integer, nullable=False),
    Column("verdict", String(8), nullable=False),
    Column("rank", Integer),
    Column("at", String(32), nullable=False),
    Column("why", TEXT, nullable=False),
    Column("answer", TEXT, nullable=False),  # "": a page is judged; else `sha256` is "" and `number` 0
    Column("key", String(64), nullable=False, index=True),
)

# What a person looks through (`pagelens.core.reviews`), and what they decided.
review_items = Table(
    "review_items",
    metadata,
    Column("key", String(16), primary_key=True),
    Column("kind", String(8), nullable=False),
    Column("sha256", String(64), nullable=False, index=True),
    Column("number", Integer, nullable=False),
    Column("subject", STORED_JSON, nullable=False),  # a schema or its name; a question
    Column("pointer", TEXT, nullable=False),
    Column("value", STORED_JSON, nullable=False),
    Column("reason", TEXT, nullable=False),
    Column("boxes", STORED_JSON, nullable=False),
    Column("at", String(32), nullable=False),
    Column("decision", String(9), nullable=False),  # "": none yet
    Column("correction", STORED_JSON, nullable=False),
    Column("decided_at", String(32), nullable=False),
)


def has_table(connection: Connection, table: Table) -> bool:
    """Tell whether the catalog has a table: one of an older revision that is only read may not. A table that was found
    is not looked for again on the same connection of the database."""
    found: set[str] = connection.info.setdefault("tables", set())
    if table.name not in found and inspect(connection).has_table(table.name):
        found.add(table.name)
    return table.name in found


_GRID = 65_535  # boxes are stored as 16-bit fractions of the page: a tenth of a point on the largest sheet


def pack_words(text: PageText) -> bytes:
    """Return spans and boxes as compressed bytes."""
    boxes = np.rint(np.clip(text.boxes, 0.0, 1.0) * _GRID).astype("<u2")
    return zlib.compress(text.spans.astype("<i4").tobytes() + boxes.tobytes(), 1)


def unpack_words(text: str, words: bytes, source: TextSource, confidence: float | None) -> PageText:
    """Return the text with the spans and boxes that `pack_words` stored."""
    data = zlib.decompress(words)
    count = len(data) // 16  # 8 bytes of span, 8 of box
    spans = np.frombuffer(data, "<i4", count * 2).reshape(count, 2)
    boxes = np.frombuffer(data, "<u2", offset=count * 8).reshape(count, 4).astype(np.float32) / _GRID
    return PageText(
        text=text, spans=spans.astype(np.int32), boxes=boxes.astype(np.float32), source=source, confidence=confidence
    )


def as_stored(text: PageText) -> PageText:
    """Return a page's text as it is read back."""
    steps = np.rint(np.clip(text.boxes, 0.0, 1.0) * _GRID).astype(np.float32)
    return replace(text, text=text.text.replace("\0", "\ufffd"), boxes=(steps / _GRID).astype(np.float32))


def pack_outlines(outlines: Sequence[TableOutline]) -> list[list[str | int]]:
    """Return outlines of tables as JSON values: labels, caption, and the corners of the box on the grid of boxes."""
    return [[one.labels, one.caption, *(round(edge * _GRID) for edge in one.box)] for one in outlines]


def unpack_outlines(stored: Any) -> tuple[TableOutline, ...] | None:
    """Return the outlines that `pack_outlines` stored; None where they are damaged."""
    try:
        if not stored:
            return () if stored == [] else None
        boxes = (np.array([corners for _, _, *corners in stored], np.float32) / _GRID).tolist()
        return tuple(
            TableOutline(str(labels), str(caption), Box(*box))
            for (labels, caption, *_), box in zip(stored, boxes, strict=True)
        )
    except (TypeError, ValueError):
        return None


def pack_passages(passages: tuple[Passage, ...]) -> bytes:
    """Return the spans of passages in the order of their ordinals, as bytes."""
    assert [p.ordinal for p in passages] == list(range(len(passages)))
    return np.array([(p.start, p.end) for p in passages], "<i4").tobytes()


def unpack_passages(data: bytes) -> tuple[Passage, ...]:
    """Return the passages that `pack_passages` stored."""
    spans = np.frombuffer(data, "<i4").reshape(-1, 2)
    return tuple(Passage(ordinal, int(start), int(end)) for ordinal, (start, end) in enumerate(spans))


def with_metadata_text(caption: str, text: str) -> str:
    """Return a stored caption with another searched text of metadata tables, "" for none."""
    own = caption.partition(METADATA_MARK)[0]
    return own + METADATA_MARK + text if text else own
