"""Which store a collection's vectors lie in. The one place that loads the adapters, each where it is needed."""

from pagelens.index.layout import Layout, Manifest, ServerRecord
from pagelens.index.stores.local_store import EmbeddedStore
from pagelens.index.stores.vector_store import VectorStore


def open_store(layout: Layout, manifest: Manifest, *, micro_batching: bool = True) -> VectorStore:
    """Open the store that `collection.json` names. Nothing is asked of a server before it is needed. `micro_batching`: here,
    searches of several threads at once share what they can."""
    if manifest.server is None:
        return EmbeddedStore(layout, micro_batching=micro_batching)
    from pagelens.index.stores.qdrant.qdrant_store import QdrantStore  # heavy: only where it is used

    return QdrantStore.open(layout, manifest.server)


def require_free(layout: Layout, server: ServerRecord | None) -> None:
    """Raise StoreError unless a new collection's vectors can lie there: a server that answers, nothing of that name."""
    if server is not None:
        from pagelens.index.stores.qdrant.qdrant_store import QdrantStore

        QdrantStore.open(layout, server).require_free()
