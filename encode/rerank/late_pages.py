"""Late interaction over page images as a reranker: a ColPali-like model encodes the first pages of a search.

A collection's `page` lane with such a model encodes every page at index time, which takes minutes a hundred pages on a
CPU. Here only the first pages that a search finds are encoded, when it is made, and their vectors are kept for the next
one. A page's score is MaxSim (Khattab and Zaharia, 2020): for each query token its best similarity with a token of the
page, summed. It is what the `page` lane computes from the same vectors.
"""

import hashlib
import logging
import math
import time
from collections.abc import Mapping, Sequence
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from pagelens.core.caching import LRUCache
from pagelens.core.errors import PageLensError
from pagelens.core.protocols import PageImageEncoder, RenderPageImage
from pagelens.core.types import ImageArray, PageRef, RerankCandidate

logger = logging.getLogger(__name__)

PAGES = 5  # first pages of a search that are encoded, where the environment says nothing
CACHED_PAGES = 512  # vectors of pages: about 0.4 MB each in float32
NOTABLE_SECONDS = 5.0  # a search that is told how long it will take


class LatePagesReranker:
    """Implements `pagelens.core.protocols.Reranker`. Safe to share between threads, which encode one after another."""

    def __init__(
        self,
        encoder: PageImageEncoder,
        load_page_image: RenderPageImage,
        *,
        image_side: int,
        pages: int = PAGES,
        cached_pages: int = CACHED_PAGES,
    ) -> None:
        """`pages` of each search are encoded, the first ones, from images of `image_side` pixels: as an index has them.

        The vectors of the `cached_pages` used last are kept.
        """
        self.name = f"late:{encoder.space.model}"
        self._encoder = encoder
        self._load_page_image = load_page_image
        self._image_side = image_side
        self._pages = pages
        self._vectors: LRUCache[NDArray[np.float32]] = LRUCache(cached_pages)
        self._lock = Lock()
        self._seconds: float | None = None  # that the last page took

    @property
    def cost(self) -> str:
        """See `Reranker.cost`: how many pages are encoded, and how long they took where one was encoded before."""
        text = f"{self._encoder.space.model} looks at the first {self._pages} pages, as far as it does not know them"
        if self._seconds is None:
            return f"{text}: seconds each on a CPU, measured on the first"
        return f"{text}: {self._seconds:.1f} s each, {self._pages * self._seconds:.0f} s for all"

    def scores(
        self, query: str, candidates: Sequence[RerankCandidate], idf: Mapping[str, float]
    ) -> NDArray[np.float64]:
        """See `Reranker.scores`: MaxSim; `idf` is not used. NaN for later pages and those that cannot be drawn."""
        del idf
        tokens = self._encoder.encode_queries([query])[0].vectors  # (n_tokens, dim)
        first = candidates[: self._pages]
        found = []
        for place, candidate in enumerate(first):
            found.append(self._score(tokens, candidate.ref, left=len(first) - place - 1))
        return np.array(found + [math.nan] * (len(candidates) - len(first)))

    def _score(self, tokens: NDArray[np.float32], ref: PageRef, *, left: int) -> float:
        try:
            image = self._load_page_image(ref, self._image_side)
        except PageLensError as exc:
            logger.warning("%s is not reranked: %s", ref, exc)
            return math.nan
        vectors = self._vectors.get(_digest(image), lambda: self._encode(image, left))
        return float((tokens @ vectors.T).max(axis=1).sum()) if len(vectors) else math.nan

    def _encode(self, image: ImageArray, left: int) -> NDArray[np.float32]:
        """Return the vectors of a page, (n_patches, dim). After the first one, say how long those `left` will take."""
        with self._lock:
            began = time.perf_counter()
            vectors = self._encoder.encode_page_images([image])[0].vectors
            is_first, self._seconds = self._seconds is None, time.perf_counter() - began
        if is_first and left * self._seconds > NOTABLE_SECONDS:
            logger.warning(
                "the first page took %.1f s: %d more, about %.0f s", self._seconds, left, left * self._seconds
            )
        return vectors


def _digest(image: ImageArray) -> tuple[tuple[int, ...], bytes]:
    """Return what identifies an image: its shape and the SHA-256 of its bytes."""
    return image.shape, hashlib.sha256(np.ascontiguousarray(image).data).digest()
