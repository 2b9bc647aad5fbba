"""Small documents for the index: pages of given texts with made-up words, boxes and vectors."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pagelens.core.spaces import Space
from pagelens.core.types import Document, Page, PageText, Passage
from pagelens.index.catalog.databases import create_catalog
from pagelens.index.creation import create
from pagelens.index.lane_queries import NO_WEIGHTS, LexicalQuery
from pagelens.index.layout import CatalogRecord, LaneRecord, Layout
from pagelens.index.reader import Snapshot
from pagelens.index.records import DenseRows, DocumentPages
from pagelens.index.selection import Selection
from pagelens.index.writer import CollectionWriter

SPACE = Space(model="test/letters", revision="1", dim=8)
TEXT = LaneRecord("text", "letters", SPACE, "passages")


def page_text(text: str) -> PageText:
    spans, start = [], 0
    for word in text.split(" "):
        spans.append((start, start + len(word)))
        start += len(word) + 1
    count = len(spans)
    boxes = np.array([(i / count, 0.1, (i + 1) / count, 0.2) for i in range(count)], np.float32)
    return PageText(text=text, spans=np.array(spans, np.int32), boxes=boxes)


def vector(text: str) -> NDArray[np.float32]:
    seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")
    row = np.random.default_rng(seed).normal(size=SPACE.dim).astype(np.float32)
    return np.asarray(row / np.linalg.norm(row), np.float32)


def new_pages(
    path: str, texts: list[str], *, first: int = 1, until: int | None = None, title: str | None = None
) -> DocumentPages:
    """Pages `first` to `until` of a document of these texts; each page is one passage."""
    digest = hashlib.sha256("\n".join(texts).encode()).hexdigest()
    until = len(texts) if until is None else until
    document = Document(
        sha256=digest, kind="pdf", title=title or path, page_count=len(texts), size=100, metadata={"author": "nobody"}
    )
    pages = [
        Page(number=number, label=str(number), width=595.0, height=842.0, text=page_text(texts[number - 1]))
        for number in range(first, until + 1)
    ]
    passages = [[Passage(0, 0, len(page.text.text))] for page in pages]
    vectors = np.array([vector(page.text.text) for page in pages], np.float32).reshape(-1, SPACE.dim)
    return DocumentPages(
        document=document,
        path=path,
        pages=pages,
        passages=passages,
        vectors={"text": DenseRows([1] * len(pages), vectors)},
        last=until == len(texts),
    )


def sha(texts: list[str]) -> str:
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()


def make(root: Path, database: CatalogRecord | None = None) -> None:
    create_catalog(database)
    create(Layout(root), profile="test", lanes=[TEXT], catalog=database)


def write(root: Path, *documents: DocumentPages) -> None:
    with CollectionWriter(root) as writer:
        for document in documents:
            writer.add(document)


def search_words(
    snapshot: Snapshot,
    terms: Sequence[str],
    k: int,
    *,
    selection: Selection | None = None,
    weights: Mapping[str, float] = NO_WEIGHTS,
) -> list[tuple[int, float]]:
    """Return the k best pages of the `words` lane as (key, score)."""
    [(keys, scores)] = snapshot.search([LexicalQuery(tuple(terms), k, selection, weights)])
    return list(zip(keys.tolist(), scores.tolist(), strict=True))
