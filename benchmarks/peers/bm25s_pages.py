"""bm25s over the text layer of whole pages: lower case, stemmed, English stop words, as in its README."""

from collections.abc import Iterator
from pathlib import Path

import bm25s
import Stemmer

from benchmarks.peers.harness import K, PageId, Search, measure, page_texts


def systems(documents: Path) -> dict[str, Search]:
    """Index the pages; return the system."""
    texts = page_texts(documents)
    stemmer = Stemmer.Stemmer("english")

    def indexed(names: list[str]) -> tuple[bm25s.BM25, list[PageId]]:
        pages = [(name, number) for name in names for number in range(1, len(texts[name]) + 1)]
        index = bm25s.BM25()
        corpus = bm25s.tokenize(
            [texts[name][number - 1] for name, number in pages], stopwords="en", stemmer=stemmer, show_progress=False
        )
        index.index(corpus, show_progress=False)
        return index, pages

    whole = indexed(list(texts))
    alone: dict[str, tuple[bm25s.BM25, list[PageId]]] = {}

    def search(question: str, document: str | None) -> Iterator[PageId]:
        if document is not None and not any(text.strip() for text in texts[document]):
            return iter(())  # a scan without a text layer
        if document is not None and document not in alone:
            alone[document] = indexed([document])
        index, pages = whole if document is None else alone[document]
        tokens = bm25s.tokenize([question], stopwords="en", stemmer=stemmer, show_progress=False)
        rows, scores = index.retrieve(tokens, k=min(K, len(pages)), show_progress=False)
        return (pages[row] for row, score in zip(rows[0], scores[0], strict=True) if score > 0)

    return {"bm25s over pages": search}


if __name__ == "__main__":
    measure(systems)
