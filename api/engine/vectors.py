"""Vectors of texts and pictures given by a caller, made by a collection's encoders: for embeddings APIs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pagelens.api.engine.embedding import Embedder
from pagelens.api.engine.indexing import RenderImage
from pagelens.api.engine.labelling import label_encoder
from pagelens.api.engine.query_image import read_image
from pagelens.core.protocols import TextEncoder


@dataclass(frozen=True, slots=True, eq=False)
class Embeddings:
    """Vectors in the order of what they are of, and the model that made them."""

    model: str
    vectors: NDArray[np.float32]  # (n, dim), each row of length 1


def embed_texts(texts: Sequence[str], encoder: TextEncoder, *, as_queries: bool) -> Embeddings:
    """Return the vectors of texts in the space of the `text` lane, encoded as passages or as queries."""
    encode = encoder.encode_queries if as_queries else encoder.encode_passages
    return Embeddings(encoder.space.model, encode(texts))


def embed_with_pictures(
    inputs: Sequence[str | bytes], load_embedder: Callable[[], Embedder], render: RenderImage
) -> Embeddings:
    """Return the vectors of pictures (bytes of their files) and of texts in the space of the `image` lane.

    Raises UsageError for a collection without such a lane, and for bytes that are no picture.
    """
    pixels = {row: read_image(item, render) for row, item in enumerate(inputs) if isinstance(item, bytes)}
    encoder = label_encoder(load_embedder())
    vectors = np.zeros((len(inputs), encoder.space.dim), np.float32)
    vectors[list(pixels)] = encoder.encode_images(list(pixels.values()))
    texts = {row: item for row, item in enumerate(inputs) if isinstance(item, str)}
    if texts:
        vectors[list(texts)] = encoder.encode_queries(list(texts.values()))
    return Embeddings(encoder.space.model, vectors)
