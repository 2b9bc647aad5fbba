# mypy: disable-error-code="import-not-found,import-untyped,no-any-return"
"""LangChain: FAISS, and EnsembleRetriever over BM25 and FAISS, as in its tutorials (PyPDFLoader, chunks of 1,000)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from langchain_classic.retrievers import EnsembleRetriever
from langchain_community.document_loaders import PyPDFLoader
from langchain_community.retrievers import BM25Retriever
from langchain_community.vectorstores import FAISS
from langchain_huggingface import HuggingFaceEmbeddings
from langchain_text_splitters import RecursiveCharacterTextSplitter

from benchmarks.peers.harness import CHUNK, OVERLAP, K, PageId, Search, measure, minilm


def systems(documents: Path) -> dict[str, Search]:
    """Index the documents; return both systems."""
    loaded = [page for path in sorted(documents.glob("*.pdf")) for page in PyPDFLoader(str(path)).load()]
    splitter = RecursiveCharacterTextSplitter(chunk_size=CHUNK, chunk_overlap=OVERLAP, add_start_index=True)
    chunks = splitter.split_documents(loaded)
    store = FAISS.from_documents(chunks, HuggingFaceEmbeddings(model_name=minilm()))
    words: dict[str | None, Any] = {None: BM25Retriever.from_documents(chunks, k=K)}

    def ensemble(question: str, document: str | None) -> Iterator[PageId]:
        if document not in words:
            own = [chunk for chunk in chunks if _file(chunk) == document]
            if not own:  # a scan without a text layer
                return iter(())
            words[document] = BM25Retriever.from_documents(own, k=K)
        filtered = {"k": K} | _filter(document, len(chunks))
        vectors = store.as_retriever(search_kwargs=filtered)
        both = EnsembleRetriever(retrievers=[words[document], vectors], weights=[0.5, 0.5])
        return map(_page, both.invoke(question))

    def faiss(question: str, document: str | None) -> Iterator[PageId]:
        return map(_page, store.similarity_search(question, k=K, **_filter(document, len(chunks))))

    return {"LangChain FAISS": faiss, "LangChain Ensemble BM25 + FAISS": ensemble}


def _filter(document: str | None, chunks: int) -> dict[str, Any]:
    """Return the arguments that restrict a search of FAISS to a document."""
    if document is None:
        return {}
    return {"filter": lambda metadata: Path(metadata["source"]).name == document, "fetch_k": chunks}


def _file(chunk: Any) -> str:
    return Path(chunk.metadata["source"]).name


def _page(chunk: Any) -> PageId:
    return _file(chunk), chunk.metadata["page"] + 1  # LangChain counts from 0


if __name__ == "__main__":
    measure(systems)
