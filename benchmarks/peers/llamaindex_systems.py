# mypy: disable-error-code="import-not-found,import-untyped,no-any-return"
"""LlamaIndex: VectorStoreIndex, and QueryFusionRetriever over it and BM25 (reciprocal ranks, no query generation)."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from llama_index.core import Settings, SimpleDirectoryReader, VectorStoreIndex
from llama_index.core.llms import MockLLM
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.retrievers import QueryFusionRetriever
from llama_index.core.retrievers.fusion_retriever import FUSION_MODES
from llama_index.core.vector_stores import ExactMatchFilter, MetadataFilters
from llama_index.embeddings.huggingface import HuggingFaceEmbedding
from llama_index.retrievers.bm25 import BM25Retriever

from benchmarks.peers.harness import K, PageId, Search, measure, minilm


def systems(documents: Path) -> dict[str, Search]:
    """Index the documents; return both systems."""
    Settings.embed_model = HuggingFaceEmbedding(model_name=minilm())
    Settings.llm = MockLLM()  # never asked: QueryFusionRetriever wants one, also without query generation
    pages = SimpleDirectoryReader(str(documents)).load_data()  # a document of theirs for each page
    numbers: Counter[str] = Counter()
    for page in pages:  # page_label is what is printed on the page, not its position
        numbers[page.metadata["file_name"]] += 1
        page.metadata["position"] = numbers[page.metadata["file_name"]]
        page.excluded_embed_metadata_keys.append("position")
        page.excluded_llm_metadata_keys.append("position")
    nodes: list[Any] = SentenceSplitter().get_nodes_from_documents(pages)
    index = VectorStoreIndex(nodes)
    words: dict[str | None, Any] = {None: BM25Retriever.from_defaults(nodes=nodes, similarity_top_k=K)}

    def vectors_of(document: str | None) -> Any:
        filters = MetadataFilters(filters=[ExactMatchFilter(key="file_name", value=document)]) if document else None
        return index.as_retriever(similarity_top_k=K, filters=filters)

    def vector(question: str, document: str | None) -> Iterator[PageId]:
        return map(_page, vectors_of(document).retrieve(question))

    def fusion(question: str, document: str | None) -> Iterator[PageId]:
        if document not in words:
            own = [node for node in nodes if node.metadata["file_name"] == document and node.text.strip()]
            if not own:  # a scan without a text layer
                return iter(())
            words[document] = BM25Retriever.from_defaults(nodes=own, similarity_top_k=min(K, len(own)))
        both = QueryFusionRetriever(
            [vectors_of(document), words[document]],
            similarity_top_k=K,
            num_queries=1,
            mode=FUSION_MODES.RECIPROCAL_RANK,
            use_async=False,
        )
        return map(_page, both.retrieve(question))

    return {"LlamaIndex vector": vector, "LlamaIndex QueryFusion": fusion}


def _page(found: Any) -> PageId:
    return found.node.metadata["file_name"], found.node.metadata["position"]


if __name__ == "__main__":
    measure(systems)
