"""Embedders whose models are loaded on the nodes of a Ray cluster; the rows come back to the run that writes them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from pagelens.api.engine.embedding import Embedder, PageBatch
from pagelens.core.errors import PageLensError, ReadError
from pagelens.core.types import Guess, TokenMatrix
from pagelens.index.layout import LaneRecord
from pagelens.index.records import DenseRows
from pagelens.ingest.workers.ray_cluster import ActorPool
from pagelens.ingest.workers.worker_handle import WorkerLost
from pagelens.ingest.workers.worker_source import MAX_LOST

Rows = tuple[Mapping[str, DenseRows], Mapping[str, Sequence[TokenMatrix]], Mapping[int, Sequence[Guess]]]
"""What an embedder adds to a batch: `PageBatch.vectors`, `tokens`, `guesses`."""


class EmbedderHost:
    """The embedders of a collection, on a node."""

    def __init__(self, load: Callable[[], Sequence[Embedder]]) -> None:
        self._embedders = load()

    def describe(self) -> list[tuple[Sequence[LaneRecord], int]]:
        """Return the lanes of each embedder, and the pixels of the longer side of the images it needs."""
        return [(embedder.lanes, embedder.image_side) for embedder in self._embedders]

    def embed(self, position: int, batch: PageBatch) -> Rows:
        """Return the rows of the embedder at a position."""
        self._embedders[position].embed(batch)
        return batch.vectors, batch.tokens, batch.guesses


class RayEmbedder:
    """An embedder of the actors in a pool. Implements `embedding.Embedder`; for several threads at once."""

    def __init__(self, pool: ActorPool, position: int, lanes: Sequence[LaneRecord], image_side: int) -> None:
        self._pool, self._position = pool, position
        self.lanes, self.image_side = lanes, image_side

    def embed(self, batch: PageBatch) -> None:
        """See `Embedder.embed`. Raises ReadError where worker after worker is lost over the batch."""
        sent = batch if self.image_side else replace(batch, images=[None] * len(batch.images))
        sent = replace(sent, vectors={}, tokens={}, guesses={})
        try:
            vectors, tokens, guesses = self._pool.call("embed", self._position, sent)
        except WorkerLost as exc:
            reason = f"making its vectors lost its worker ({exc}), {MAX_LOST} times: try again by `pagelens retry`"
            raise ReadError("damaged", reason) from exc
        batch.vectors |= vectors
        batch.tokens |= tokens
        batch.guesses |= guesses


def ray_embedders(pool: ActorPool) -> list[RayEmbedder]:
    """Return the embedders of the actors in a pool, each with an `EmbedderHost`. Raises what loading them raises."""
    try:
        described = pool.call("describe")
    except WorkerLost as exc:
        raise PageLensError(
            f"expected workers on the Ray cluster that load the models, lost {MAX_LOST}: {exc}"
        ) from exc
    return [RayEmbedder(pool, position, *embedder) for position, embedder in enumerate(described)]
