"""Which store a collection's vectors lie in. The one place that loads the adapters, each where it is needed."""

from index.embedded import EmbeddedStore
from index.layout import Layout, Manifest, ServerRecord
from index.stores import VectorStore


def open_store(layout: Layout, manifest: Manifest, *, joined: bool = True) -> VectorStore:
    """Open the store that `collection.json` names. Nothing is asked of a server before it is needed. `joined`: here,
    searches of several threads at once share what they can."""
    if manifest.server is None:
        return EmbeddedStore(layout, joined=joined)
    from index.qdrant.store import QdrantStore  # heavy: only where it is used

    return QdrantStore.open(layout, manifest.server)


def require_free(layout: Layout, server: ServerRecord | None) -> None:
    """Raise StoreError unless a new collection's vectors can lie there: a server that answers, nothing of that name."""
    if server is not None:
        from index.qdrant.store import QdrantStore

        QdrantStore.open(layout, server).require_free()
