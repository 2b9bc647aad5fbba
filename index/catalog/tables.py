"""The catalog's tables, and how a page's words are packed into one column. No queries here."""

import zlib

import numpy as np
from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
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
)

from pagelens.core.types import PageText, Passage, TextSource

metadata = MetaData()


class _Words(TypeDecorator[str]):
    """Text without NUL, which PostgreSQL cannot store; as long as it was, so that spans stay right."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Return the text to be stored."""
        return None if value is None else value.replace("\0", "\ufffd")


TEXT = _Words()
ORDERED = Text().with_variant(Text(collation="C"), "postgresql")  # by code points, as SQLite orders

# One row: the generation (counts commits), the next document key to hand out.
state = Table(
    "state",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("generation", BigInteger, nullable=False),
    Column("next_document", BigInteger, nullable=False),
)

# A document is staged until its last page is in, then live; readers look at live ones only.
documents = Table(
    "documents",
    metadata,
    Column("key", BigInteger, primary_key=True, autoincrement=False),
    Column("sha256", String(64), nullable=False, unique=True),
    Column("live", Integer, nullable=False),
    Column("pages_in", Integer, nullable=False),  # pages committed so far
    Column("staged_path", TEXT, nullable=False),  # where it was being read from
    Column("kind", String(16), nullable=False),
    Column("title", TEXT, nullable=False),
    Column("page_count", Integer, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("date", String(32)),  # ISO 8601, naive local time
    Column("metadata", JSON, nullable=False),
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
    Column("guesses", JSON, nullable=False),  # [[label, probability], ...], best first, of a photo's picture
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

# Rows [start, start + rows) of a segment belong to a document. Rows of no run are dead.
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

# What a page's picture looks like in the coarse: `pagelens.ingest.readers.photos.perceptual_hash`, its 64 bits as a signed number.
looks = Table(
    "looks",
    metadata,
    Column("page", BigInteger, primary_key=True, autoincrement=False),
    Column("document", BigInteger, ForeignKey("documents.key"), nullable=False, index=True),
    Column("hash", BigInteger, nullable=False),
)

# How many pages hold a term or a pair, by its place (`pagelens.index.lexical.bm25`), staged pages too. Kept where the `words` lane lies
# on a server: see `pagelens.index.catalog.document_frequencies`.
terms = Table(
    "terms",
    metadata,
    Column("place", BigInteger, primary_key=True, autoincrement=False),
    Column("pages", Integer, nullable=False),
)

# One row, where terms are counted: sums over all pages, and the average lengths that the rows at rest were weighed by.
term_totals = Table(
    "term_totals",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("schema", Integer, nullable=False),  # `pagelens.index.lexical.bm25.LAYOUT`: counts of another one are none
    Column("pages", BigInteger, nullable=False),
    Column("terms", BigInteger, nullable=False),
    Column("pairs", BigInteger, nullable=False),
    Column("average_terms", Float, nullable=False),  # 0 before the first page
    Column("average_pairs", Float, nullable=False),
    Column("settled", Integer, nullable=False),  # 0 while rows weighed by another average may be there
)

_GRID = 65_535  # boxes are stored as 16-bit fractions of the page: a tenth of a point on the largest sheet


def pack_words(text: PageText) -> bytes:
    """Return spans and boxes as compressed bytes."""
    boxes = np.rint(np.clip(text.boxes, 0.0, 1.0) * _GRID).astype("<u2")
    return zlib.compress(text.spans.astype("<i4").tobytes() + boxes.tobytes(), 1)


def unpack_words(text: str, words: bytes, source: TextSource, confidence: float | None) -> PageText:
    """Read what `pack_words` wrote."""
    data = zlib.decompress(words)
    count = len(data) // 16  # 8 bytes of span, 8 of box
    spans = np.frombuffer(data, "<i4", count * 2).reshape(count, 2)
    boxes = np.frombuffer(data, "<u2", offset=count * 8).reshape(count, 4).astype(np.float32) / _GRID
    return PageText(text, spans.astype(np.int32), boxes.astype(np.float32), source, confidence)


def pack_passages(passages: tuple[Passage, ...]) -> bytes:
    """Return the passages' spans in order of their ordinals."""
    assert [p.ordinal for p in passages] == list(range(len(passages)))
    return np.array([(p.start, p.end) for p in passages], "<i4").tobytes()


def unpack_passages(data: bytes) -> tuple[Passage, ...]:
    """Read what `pack_passages` wrote."""
    spans = np.frombuffer(data, "<i4").reshape(-1, 2)
    return tuple(Passage(ordinal, int(start), int(end)) for ordinal, (start, end) in enumerate(spans))
