# mypy: disable-error-code="import-not-found,import-untyped,no-any-return"
"""haiku.rag-slim: hybrid search in LanceDB over LangChain's chunks of pypdf's pages; its own conversion is not run.

Embeddings come from `embedding_server` at $EMBEDDING_SERVER, as it takes them from Ollama or vLLM.
"""

import asyncio
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

from docling_core.types.doc.document import DoclingDocument
from haiku.rag.client import HaikuRAG
from haiku.rag.config.models import AppConfig
from haiku.rag.store.models.chunk import Chunk

from benchmarks.peers.harness import K, PageId, Search, cut, measure, page_texts

SERVER = os.environ["EMBEDDING_SERVER"]


def systems(documents: Path) -> dict[str, Search]:
    """Index the documents; return the system."""
    loop = asyncio.new_event_loop()
    model = {
        "provider": "openai",
        "name": "all-MiniLM-L6-v2",
        "vector_dim": 384,
        "base_url": f"{SERVER}/v1",
        "api_key": "none",
    }
    config = AppConfig.model_validate({"embeddings": {"model": model}})
    client = HaikuRAG(Path(tempfile.mkdtemp()) / "haiku.lancedb", config=config, create=True)
    loop.run_until_complete(client.__aenter__())
    texts = page_texts(documents)
    for name in texts:
        pages = cut({name: texts[name]})
        chunks = [Chunk(content=text, metadata={"page_numbers": [number]}) for (_, number), text in pages]
        loop.run_until_complete(client.import_document(DoclingDocument(name=name), chunks, uri=name, title=name))

    def search(question: str, document: str | None) -> Iterator[PageId]:
        where = f"uri = '{document}'" if document else None
        found = loop.run_until_complete(client.search(question, limit=K, filter=where, include_images=False))
        return ((result.document_uri, result.page_numbers[0]) for result in found)

    return {"haiku.rag-slim hybrid": search}


def server_seconds() -> float:
    """Return the CPU-seconds of the server of embeddings."""
    with urlopen(f"{SERVER}/cpu", timeout=60) as reply:
        return float(json.load(reply))


if __name__ == "__main__":
    measure(systems, server_seconds)
