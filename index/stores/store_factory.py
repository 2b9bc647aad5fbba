"""Opens the vector store that a collection names. Qdrant is imported only where it is used."""

from typing import TYPE_CHECKING

from pagelens.core.errors import StoreError
from pagelens.index import server_addresses
from pagelens.index.layout import Layout, Manifest, ServerRecord
from pagelens.index.stores.local_store import LocalVectorStore
from pagelens.index.stores.vector_store import VectorStore

if TYPE_CHECKING:
    from pagelens.index.stores.qdrant.qdrant_store import QdrantVectorStore


def open_store(layout: Layout, manifest: Manifest, *, micro_batching: bool = True) -> VectorStore:
    """Return the store of a collection. No request is sent to a server yet.

    `micro_batching`: concurrent searches in a local multi-vector lane share one scan. Raises StoreError.
    """
    if manifest.server is None:
        return LocalVectorStore(layout, micro_batching=micro_batching)
    return _open_qdrant(layout, manifest.server)


def require_free(layout: Layout, server: ServerRecord | None) -> None:
    """Raise StoreError unless a new collection can use the server that the user gave: it answers and has no collections
    of that name."""
    if server is not None:
        if server.url:
            server_addresses.remember(server.url)
        _open_qdrant(layout, server).require_free()


def _open_qdrant(layout: Layout, server: ServerRecord) -> "QdrantVectorStore":
    try:
        from pagelens.index.stores.qdrant.qdrant_store import QdrantVectorStore  # takes a second to import
    except ModuleNotFoundError as exc:
        if not (exc.name or "").startswith("qdrant_client"):
            raise
        raise StoreError(
            "expected the package qdrant-client for a collection on Qdrant, found it is not installed. "
            "Install it: pip install 'pagelens[qdrant]'"
        ) from exc
    return QdrantVectorStore.open(layout, server)
