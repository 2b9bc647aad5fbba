"""The catalog's part of a commit: pages in and out, paths pointed, what is replaced named, each in a transaction.

What a call returns are the documents that its change leaves without a path, or half-read for ever: the writer removes
them in the same transaction. Knows the catalog only; no segments, no lexical index.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, delete, insert, select, update

from pagelens.core.keys import page_key, passage_key
from pagelens.core.types import Document, Guess, Page, Passage, TokenMatrix
from pagelens.index.catalog import document_frequencies, reads
from pagelens.index.catalog import tables as t
from pagelens.index.late.token_segments import TokenRows


@dataclass(frozen=True, slots=True)
class NewPages:
    """Some pages of one document, in order, ready to be stored; `last` when the document ends with them."""

    document: Document
    path: str
    pages: Sequence[Page]
    passages: Sequence[Sequence[Passage]]  # of each page
    vectors: Mapping[str, "DenseRows"]  # lane of one vector a row -> these pages' rows
    last: bool
    tokens: Mapping[str, Sequence[TokenMatrix] | TokenRows] = field(default_factory=dict)
    """Lane of many vectors -> each page's tokens, as an encoder gives them or packed already."""
    guesses: Mapping[int, Sequence[Guess]] = field(default_factory=dict)  # page number -> what its photo shows
    looks: Mapping[int, int] = field(default_factory=dict)  # page number -> 64 bits of what its picture looks like


@dataclass(frozen=True, slots=True)
class DenseRows:
    """Vectors of some pages, page by page: of each passage by its ordinal, or of the page's picture and its parts."""

    counts: Sequence[int]  # (n_pages,) rows of each
    vectors: NDArray[np.float32]  # (sum of counts, dim)

    def keys(self, pages: Sequence[int]) -> NDArray[np.int64]:
        """Return each row's key, (sum of counts,), from the keys of the pages."""
        rows = [passage_key(page, n) for page, count in zip(pages, self.counts, strict=True) for n in range(count)]
        return np.array(rows, np.int64)


def link_path(connection: Connection, path: str, sha256: str) -> set[int]:
    """Let a path lead to bytes that are here already, or share their failure; return documents left pathless."""
    document = reads.find_document(connection, sha256)
    if document is not None and document.live:
        return _take_path(connection, path, document.key)
    failure = connection.execute(select(t.failures).where(t.failures.c.sha256 == sha256)).first()
    if failure is None:
        return set()
    reads.record_failure(connection, path, sha256, failure.code, failure.reason)
    return unlink_path(connection, path)


def insert_pages(connection: Connection, key: int, new: NewPages) -> set[int]:
    """Insert one batch of a document's pages; make it live if it is the last. Return the documents it replaces."""
    document = new.document
    if connection.execute(select(t.documents.c.key).where(t.documents.c.key == key)).first() is None:
        row = {
            "key": key,
            "sha256": document.sha256,
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
    rows = [
        _page_row(key, page, passages, new.guesses.get(page.number, ()))
        for page, passages in zip(new.pages, new.passages, strict=True)
    ]
    if rows:
        connection.execute(insert(t.pages), rows)
    looks = [
        {"page": page_key(key, number), "document": key, "hash": bits - (bits >> 63 << 64)}
        for number, bits in new.looks.items()
    ]
    if looks:
        connection.execute(insert(t.looks), looks)
    done = {"pages_in": new.pages[-1].number if new.pages else 0, "live": int(new.last), "staged_path": new.path}
    connection.execute(update(t.documents).where(t.documents.c.key == key).values(done))
    if not new.last:
        return set()
    return _take_path(connection, new.path, key) | (staged_at(connection, new.path) - {key})


def remove_documents(connection: Connection, keys: Sequence[int]) -> None:
    """Forget documents, their pages, paths and vector rows, and what their pages count for."""
    for start in range(0, len(keys), reads.IN_LIMIT):
        some = keys[start : start + reads.IN_LIMIT]
        document_frequencies.leave(connection, some)
        for table in (t.runs, t.paths, t.looks, t.pages):
            connection.execute(delete(table).where(table.c.document.in_(some)))
        connection.execute(delete(t.documents).where(t.documents.c.key.in_(some)))


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
    """Let `path` lead to a document; return the document that has no path left by that."""
    orphans = unlink_path(connection, path) - {key}
    connection.execute(insert(t.paths).values(path=path, document=key))
    connection.execute(delete(t.failures).where(t.failures.c.path == path))
    return orphans


def unlink_path(connection: Connection, path: str) -> set[int]:
    """Forget a path; return its document if that has no other."""
    key = reads.document_at(connection, path)
    if key is None:
        return set()
    connection.execute(delete(t.paths).where(t.paths.c.path == path))
    other = connection.execute(select(t.paths.c.path).where(t.paths.c.document == key)).first()
    return set() if other else {key}


def staged_at(connection: Connection, path: str) -> set[int]:
    """Return the half-read documents that came from a path."""
    d = t.documents.c
    return set(connection.execute(select(d.key).where(d.live == 0, d.staged_path == path)).scalars())
