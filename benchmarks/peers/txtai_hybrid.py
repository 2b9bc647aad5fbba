# mypy: disable-error-code="import-not-found,import-untyped,no-any-return"
"""txtai: Embeddings with hybrid search (BM25 and vectors) and content, over LangChain's chunks of pypdf's pages."""

from collections.abc import Iterator
from pathlib import Path

from txtai import Embeddings

from benchmarks.peers.harness import K, PageId, Search, cut, measure, minilm, page_texts

CANDIDATES = 5_000  # of a search before it is filtered by document: all


def systems(documents: Path) -> dict[str, Search]:
    """Index the documents; return the system."""
    embeddings = Embeddings(path=minilm(), hybrid=True, content=True)
    chunks = cut(page_texts(documents))
    embeddings.index({"text": chunk, "file": name, "page": number} for (name, number), chunk in chunks)

    def search(question: str, document: str | None) -> Iterator[PageId]:
        where = "similar(:question)" if document is None else f"similar(:question, {CANDIDATES}) and file = :document"
        rows = embeddings.search(
            f"select file, page, score from txtai where {where}",
            K,
            parameters={"question": question, "document": document},
        )
        return ((row["file"], int(row["page"])) for row in rows)

    return {"txtai hybrid": search}


if __name__ == "__main__":
    measure(systems)
