"""The protocol of vector stores. Implemented by `pagelens.index.stores.local_store` and `pagelens.index.stores.qdrant`.

The catalog is the only commit point. A store makes rows durable and returns a name for them; the catalog then registers
the name and the document of each row. Rows of documents that are not live are never found, whatever else a store holds,
and rows without a document in the catalog are deleted by the next writer.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine

from pagelens.core.types import QueryTokens, TokenMatrix
from pagelens.index.dense.exact_index import Matrix
from pagelens.index.lane_queries import SearchResult
from pagelens.index.layout import LaneRecord, Manifest
from pagelens.index.lexical.lexical_index import LexicalIndex
from pagelens.index.records import DenseParts, TokenParts, WrittenRows
from pagelens.index.selection import Selection


class LaneCheck(NamedTuple):
    """The content of a lane and its problems."""

    found: Mapping[int, int]  # items (passages, or pages) that each document has rows for
    damaged: set[int]  # documents whose rows differ from what was written
    problems: list[str]  # descriptions of the same


class DenseView(Protocol):
    """The rows of live documents in a lane with one vector a row, at one commit."""

    def __len__(self) -> int:
        """The number of rows."""
        ...

    @property
    def keys(self) -> NDArray[np.int64]:
        """Passage keys, (n,). A store on a server reads all of them: meant for checks and copies."""
        ...

    @property
    def index_name(self) -> str:
        """What `pagelens status` calls the index that serves the lane."""
        ...

    @property
    def matrix(self) -> Matrix:
        """The rows (n, dim) in the order of `keys`, read like them."""
        ...

    def parts_of(self, documents: Sequence[int]) -> DenseParts:
        """Return the rows of these documents, one part for each document, ready for `VectorStore.write_vectors`."""
        ...

    def search(
        self, query: NDArray[np.float32], k: int, *, selection: Selection | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return keys and inner products of the k best selected rows, best first; fewer only if there are fewer."""
        ...


class MultiVectorView(Protocol):
    """The pages of live documents in a multi-vector lane, at one commit."""

    def __len__(self) -> int:
        """The number of pages, including those without tokens."""
        ...

    @property
    def keys(self) -> NDArray[np.int64]:
        """Page keys, (n,); see `DenseView.keys`."""
        ...

    @property
    def index_name(self) -> str:
        """What `pagelens status` calls the index that serves the lane."""
        ...

    def page(self, key: int) -> TokenMatrix | None:
        """Return a page's tokens and their boxes; None where the lane does not have the page."""
        ...

    def parts_of(self, documents: Sequence[int]) -> TokenParts:
        """Return the pages of these documents, ready for `VectorStore.write_tokens`."""
        ...

    def search(
        self, query: QueryTokens, k: int, *, selection: Selection | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return page keys and MaxSim (`pagelens.index.late.maxsim`) of the k best selected pages, best first."""
        ...


class VectorStore(Protocol):
    """Stored vectors of a collection. Methods that write are for the one writer, who holds the collection's lock."""

    @property
    def retention(self) -> float | None:
        """Seconds for which rows of replaced documents can still be found; None: while a reader holds them open."""
        ...

    def write_vectors(self, lane: LaneRecord, parts: DenseParts) -> WrittenRows:
        """Store rows durably; they are found once the catalog has registered them."""
        ...

    def write_tokens(self, lane: LaneRecord, parts: TokenParts) -> WrittenRows:
        """The same for a multi-vector lane."""
        ...

    def vectors(self, connection: Connection, lane: LaneRecord, live: NDArray[np.int64]) -> DenseView:
        """Return a lane's view at the commit that `connection` reads; `live` are the sorted keys of its documents."""
        ...

    def tokens(self, connection: Connection, lane: LaneRecord, live: NDArray[np.int64]) -> MultiVectorView:
        """The same for a multi-vector lane."""
        ...

    def lexical_index(self, engine: Engine) -> LexicalIndex:
        """Return the index of the `words` lane, which reads the catalog through `engine`."""
        ...

    def cataloged_keys(self, connection: Connection, lane: LaneRecord) -> NDArray[np.int64]:
        """Return the keys of all rows that the catalog has registered, staged documents included, in any order."""
        ...

    def delete_documents(self, manifest: Manifest, documents: Collection[int]) -> None:
        """Delete the rows of documents that the catalog has just removed; may be left to `collect_garbage`."""
        ...

    def compact(self, engine: Engine, manifest: Manifest) -> None:
        """Compact stored rows at the end of a writer's work. Search results do not change."""
        ...

    def collect_garbage(self, engine: Engine, lanes: Mapping[str, LaneRecord]) -> None:
        """Delete rows that the catalog has not registered, left by a killed writer. `lanes` are keyed by store name.
        Raises CollectionDamaged, and deletes nothing, where the catalog is older than the rows."""
        ...

    def drop_other_lanes(self, keep: Collection[str]) -> None:
        """Remove all lanes whose store name is not in `keep`."""
        ...

    def check(self, connection: Connection, lane: LaneRecord, *, deep: bool = False) -> LaneCheck:
        """Check the rows of each document in a lane; `deep` reads all rows, which takes long from a server."""
        ...

    def verify(self, connection: Connection, lane: LaneRecord) -> None:
        """Raise CollectionDamaged where a lane's stored bytes are not those that were written: called before rows are
        copied. A server verifies its own files. Raises FileNotFoundError where a writer has replaced them."""
        ...

    def require_ready(self, connection: Connection, lanes: Iterable[LaneRecord]) -> None:
        """Raise StoreError unless these lanes can be searched now; checked once, without retries."""
        ...

    def require_reachable(self) -> None:
        """Raise StoreError where the server does not answer."""
        ...

    def remove_all(self) -> None:
        """Remove everything of the collection from the server. Idempotent."""
        ...

    def run_parallel(self, searches: Sequence[Callable[[], SearchResult]]) -> list[SearchResult]:
        """Return the result of each search, run at the same time where that is faster."""
        ...

    def close(self) -> None:
        """Close files and connections."""
        ...
