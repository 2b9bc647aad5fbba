"""Where a collection's vectors lie, and what every such place does. Two do it: `pagelens.index.stores.local_store`, `pagelens.index.stores.qdrant.qdrant_store`.

The catalog stays the only commit point. A store makes rows durable and returns their name; the catalog then names them
and says which document each belongs to. A row that no live document has is never found, whatever a store still holds,
and rows that no document has are swept by the next writer.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine

from pagelens.core.types import QueryTokens, TokenMatrix
from pagelens.index.catalog.writes import DenseRows
from pagelens.index.dense.exact_index import Matrix
from pagelens.index.lane_queries import SearchResult
from pagelens.index.late.token_segments import TokenRows
from pagelens.index.layout import LaneRecord, Manifest
from pagelens.index.lexical.lexical_index import LexicalIndex
from pagelens.index.selection import Selection

Written = tuple[str, Sequence[tuple[int, int]]]
"""What the catalog names rows by ("" for none), and (document, rows) in row order."""

NOTHING: Written = ("", ())

DenseParts = Sequence[tuple[Sequence[int], DenseRows]]
"""Page keys, and the rows of these pages; as many such parts as there are."""

TokenParts = Sequence[tuple[Sequence[int], TokenRows]]
"""Likewise in a lane of many vectors; a page is a row, with tokens or without."""


class LaneCheck(NamedTuple):
    """What a lane holds, and what is wrong with it."""

    found: Mapping[int, int]  # items (passages, or pages) that each document has rows for
    damaged: set[int]  # documents whose rows are not what was written
    problems: list[str]  # the same in words


class LaneVectors(Protocol):
    """The rows of a lane of one vector each that live documents have, as one commit knows them."""

    def __len__(self) -> int:
        """The number of rows."""
        ...

    @property
    def keys(self) -> NDArray[np.int64]:
        """Keys of page and ordinal, (n,). Another store than the embedded one reads all of it: for checks and moves."""
        ...

    @property
    def matrix(self) -> Matrix:
        """The rows (n, dim) in the order of `keys`. As dear as `keys`."""
        ...

    def parts_of(self, documents: Sequence[int]) -> DenseParts:
        """Return the rows of some documents as they may be written to another store, a part for each document."""
        ...

    def search(
        self, query: NDArray[np.float32], k: int, *, selection: Selection | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return keys and inner products of the k best selected rows, best first; fewer only where fewer are there."""
        ...


class LaneTokens(Protocol):
    """The pages of a lane of many vectors each that live documents have, as one commit knows them."""

    def __len__(self) -> int:
        """The number of pages, those without tokens counted."""
        ...

    @property
    def keys(self) -> NDArray[np.int64]:
        """Page keys, (n,). As dear as `LaneVectors.keys`."""
        ...

    def page(self, key: int) -> TokenMatrix | None:
        """Return a page's tokens and where on it they look; None where the lane does not have it."""
        ...

    def parts_of(self, documents: Sequence[int]) -> TokenParts:
        """Return the pages of some documents as they may be written to another store."""
        ...

    def search(
        self, query: QueryTokens, k: int, *, selection: Selection | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return page keys and MaxSim (`pagelens.index.late.maxsim`) of the k best selected pages, best first."""
        ...


class VectorStore(Protocol):
    """Rows of vectors at rest. Writing is for the one writer, who holds the collection's lock."""

    @property
    def lasting(self) -> float | None:
        """Seconds for which rows of replaced documents stay where they are; None: as long as a reader looks at them."""
        ...

    def write_vectors(self, lane: LaneRecord, parts: DenseParts) -> Written:
        """Make rows durable; they are not found before the catalog names them."""
        ...

    def write_tokens(self, lane: LaneRecord, parts: TokenParts) -> Written:
        """Likewise."""
        ...

    def vectors(self, connection: Connection, lane: LaneRecord, live: NDArray[np.int64]) -> LaneVectors:
        """Return a lane's rows at the commit that `connection` sees; `live` are its documents, sorted."""
        ...

    def tokens(self, connection: Connection, lane: LaneRecord, live: NDArray[np.int64]) -> LaneTokens:
        """Likewise."""
        ...

    def lexical(self, engine: Engine) -> LexicalIndex:
        """Return the `words` lane; what is written into it goes by the catalog of `engine`."""
        ...

    def named_keys(self, connection: Connection, lane: LaneRecord) -> NDArray[np.int64]:
        """Return the keys of all rows that the catalog names, of staged documents too, in any order."""
        ...

    def forget(self, manifest: Manifest, documents: Collection[int]) -> None:
        """Give up the rows of documents that the catalog has just forgotten. May be left to the next sweep."""
        ...

    def merge(self, engine: Engine, manifest: Manifest) -> None:
        """Tidy up at the end of a writer's work. What is found stays the same."""
        ...

    def sweep(self, engine: Engine, lanes: Mapping[str, LaneRecord]) -> None:
        """Remove rows that the catalog does not name: what a killed writer left. `lanes` by their store names."""
        ...

    def drop_others(self, keep: Collection[str]) -> None:
        """Remove whole lanes whose store name is not in `keep`."""
        ...

    def check(self, connection: Connection, lane: LaneRecord, *, deep: bool = False) -> LaneCheck:
        """Look at what a lane holds of each document; `deep` also at rows that take a server long to send."""
        ...

    def require_ready(self, connection: Connection, lanes: Iterable[LaneRecord]) -> None:
        """Raise StoreError unless searches in these lanes can be answered now; asked once, without patience."""
        ...

    def require_reachable(self) -> None:
        """Raise StoreError where a server does not answer, whatever it holds."""
        ...

    def remove_all(self) -> None:
        """Remove everything that a server holds of the collection; repeated, it changes nothing."""
        ...

    def run_parallel(self, searches: Sequence[Callable[[], SearchResult]]) -> list[SearchResult]:
        """Return what searches in this store's lanes find, each asked while the others wait for their answers, where
        that saves time."""
        ...

    def close(self) -> None:
        """Give up files and connections."""
        ...
