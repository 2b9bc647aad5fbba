"""Lanes: each has an encoder and an index, and ranks pages for a query.

    words   BM25 over the pages' words
    text    the best passage's vector
    image   the page image's vector, for a query of text, an image, or both (CLIP; builtin: approximate)
    visual  the page image's pooled features, for a query image (builtin; CLIP needs no such lane)
    captions  a page's captions and short texts, for a query image (CLIP)
    page    late interaction with the page's words (builtin) or patches (ColPali)

A lane encodes a query into a `LaneQuery` and turns the index's result into a ranking; `rank_lanes` has the queries of
all lanes answered in one call. A lane that cannot use a query (`visual` without an image, `words` without words)
ranks nothing.
Rankings are combined in `pagelens.retrieve.fusion`.
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pagelens.core.caching import LRUCache
from pagelens.core.keys import page_of
from pagelens.core.protocols import Analyzer, ImageEncoder, LateQueryEncoder, PixelEncoder, TextEncoder
from pagelens.core.types import Hit, Query, QueryPart, QueryTokens, Ranking, TokenMatrix
from pagelens.encode.batching import unit_rows
from pagelens.index.lane_queries import DenseQuery, LaneQuery, LexicalQuery, MultiVectorQuery, SearchResult
from pagelens.index.reader import Snapshot
from pagelens.index.selection import Selection
from pagelens.retrieve.relevance_floor import FloorWeights
from pagelens.retrieve.term_weights import TermWeights

CACHED_QUERIES = 64
UNLIKE_WEIGHT = 0.5  # of the mean of the images that results shall not be like; measured, see docs/LOG.md


class Lane(Protocol):
    """Ranks pages for a query."""

    @property
    def name(self) -> str:
        """The lane's name in the catalog and in results, one word."""
        ...

    @property
    def weight(self) -> float:
        """Its weight in the fusion, for a query of a text or an image. Measured: docs/LOG.md."""
        ...

    @property
    def image_query_weight(self) -> float:
        """The same for a query of an image with a text that says what shall be different."""
        ...

    @property
    def query_part(self) -> QueryPart:
        """What it uses of such a query; its weight there depends on the query's `text_share`."""
        ...

    def prepare(self, query: Query, depth: int, selection: Selection | None) -> LaneQuery | None:
        """Return the search for the `depth` best selected pages; None where the lane cannot use the query."""
        ...

    def ranking(self, result: SearchResult) -> Ranking:
        """Return the ranking for the result of a prepared search: best first, ties by page key."""
        ...


class WordsLane:
    """BM25 over the pages' words (Robertson and Zaragoza, 2009), on the lexical index."""

    name = "words"
    weight = 2.0
    image_query_weight = 0.5
    query_part: QueryPart = "words"

    def __init__(self, analyze: Analyzer) -> None:
        self._term_weights = TermWeights(analyze)

    def prepare(self, query: Query, depth: int, selection: Selection | None) -> LaneQuery | None:
        """See `Lane.prepare`; words of a question that ask weigh less."""
        terms = self._term_weights.searched_terms(query.words)
        weights = self._term_weights.weights(query.words, terms)
        return LexicalQuery(tuple(terms), depth, selection, weights) if terms else None

    def ranking(self, result: SearchResult) -> Ranking:
        """See `Lane.ranking`."""
        return _page_ranking(self.name, result)


class TextLane:
    """Cosine of the query with every passage; the best passage stands for its page."""

    name = "text"
    weight: float = 1.0
    image_query_weight = 0.25
    query_part: QueryPart = "words"

    def __init__(self, encoder: TextEncoder, *, weight: float | None = None, floor: FloorWeights | None = None) -> None:
        """`weight` replaces the lane's own for encoders that were measured apart. `floor` tells weak results by this
        encoder's cosines; None if they were not measured."""
        self._encoder = encoder
        self.weight = self.weight if weight is None else weight
        self.floor = floor

    def prepare(self, query: Query, depth: int, selection: Selection | None) -> LaneQuery | None:
        """See `Lane.prepare`."""
        if not query.words:
            return None
        return DenseQuery(self.name, self._encoder.encode_queries([query.words])[0], depth, selection)

    def ranking(self, result: SearchResult) -> Ranking:
        """See `Lane.ranking`; each hit has the key of its best passage."""
        found = zip(*(column.tolist() for column in result), strict=True)
        return Ranking(self.name, [Hit(page_of(key), score, key) for key, score in found])


class ImageLane:
    """Cosine of the query (text, image, or both in one vector) with every page image."""

    name = "image"
    weight = 1.0
    image_query_weight = 4.0
    query_part: QueryPart = "both"

    def __init__(
        self,
        encoder: ImageEncoder,
        *,
        image_only_queries: bool = True,
        in_text_space: bool = False,
        has_floor: bool = False,
    ) -> None:
        """`image_only_queries` false leaves queries without text to the `visual` lane, which is better at them.

        `in_text_space` says whether cosines can be compared with the `text` lane's, `has_floor` whether
        `FLOOR_OF_IMAGES` was measured for this encoder.
        """
        self._encoder = encoder
        self._image_only_queries = image_only_queries
        self.in_text_space = in_text_space
        self.has_floor = has_floor

    def prepare(self, query: Query, depth: int, selection: Selection | None) -> LaneQuery | None:
        """See `Lane.prepare`."""
        vector = self._vector(query)
        return None if vector is None else DenseQuery(self.name, vector, depth, selection)

    def ranking(self, result: SearchResult) -> Ranking:
        """See `Lane.ranking`."""
        keys, scores = result
        return _page_ranking(self.name, (page_of(keys), scores))

    def _vector(self, query: Query) -> NDArray[np.float32] | None:
        if query.image is None:
            return self._encoder.encode_queries([query.text])[0] if query.text else None
        if not query.text:
            return image_vector(self._encoder, query) if self._image_only_queries else None
        [text] = self._encoder.encode_queries([query.text])
        return compose(text, image_vector(self._encoder, query), weight=query.text_share)


def compose(text: NDArray[np.float32], image: NDArray[np.float32], *, weight: float = 0.5) -> NDArray[np.float32]:
    """Return the unit vector of `weight * text + (1 - weight) * image`; both are (dim,), of length 1, in one space.

    A weight of 0 is the image alone, 1 the text alone. Opposite vectors at 0.5 cancel out to the zero vector.
    """
    assert text.shape == image.shape, (text.shape, image.shape)
    assert 0.0 <= weight <= 1.0, weight
    return unit_rows(np.float32(weight) * text + np.float32(1.0 - weight) * image)


def image_vector(encoder: PixelEncoder, query: Query) -> NDArray[np.float32]:
    """Return the unit vector (dim,) of a query's images: the mean of those that results shall be like, less
    `UNLIKE_WEIGHT` times the mean of those that they shall not be like (Rocchio, 1971)."""
    assert query.image is not None
    like = [query.image, *query.further_images]
    rows = encoder.encode_images([*like, *query.unlike_images])
    wanted = unit_rows(rows[: len(like)].mean(axis=0))
    if not query.unlike_images:
        return wanted
    return unit_rows(wanted - np.float32(UNLIKE_WEIGHT) * unit_rows(rows[len(like) :].mean(axis=0)))


class VisualLane:
    """Cosine of the query image's features with those of every page image."""

    name = "visual"
    weight = 1.0
    image_query_weight = 4.0
    query_part: QueryPart = "images"

    def __init__(self, encoder: PixelEncoder) -> None:
        self._encoder = encoder

    def prepare(self, query: Query, depth: int, selection: Selection | None) -> LaneQuery | None:
        """See `Lane.prepare`."""
        if query.image is None:
            return None
        return DenseQuery(self.name, image_vector(self._encoder, query), depth, selection)

    def ranking(self, result: SearchResult) -> Ranking:
        """See `Lane.ranking`."""
        keys, scores = result
        return _page_ranking(self.name, (page_of(keys), scores))


class CaptionLane(VisualLane):
    """Cosine of the query image with the captions and short texts of every page; the best one stands for its page.

    A ranking of its own, fused by ranks: in CLIP's space texts and images lie apart (the modality gap, Liang et al.,
    2022), so a cosine of an image with a text cannot be compared with one of two images.
    """

    name = "captions"
    weight = 0.25
    image_query_weight = 0.25
    query_part: QueryPart = "images"


class PageLane:
    """Late interaction with the tokens of every page (MaxSim)."""

    name = "page"
    weight: float = 1.5
    image_query_weight = 0.25
    query_part: QueryPart = "words"

    def __init__(self, encoder: LateQueryEncoder, *, of_words: bool, weight: float | None = None) -> None:
        """`of_words` says whether page tokens are words, or else patches of the page image. `weight` replaces the
        lane's own for encoders that were measured apart."""
        self._encoder = encoder
        self.weight = self.weight if weight is None else weight
        self._query_cache: LRUCache[QueryTokens] = LRUCache(CACHED_QUERIES)
        self.of_words = of_words

    def prepare(self, query: Query, depth: int, selection: Selection | None) -> LaneQuery | None:
        """See `Lane.prepare`."""
        return MultiVectorQuery(self.name, self.query_tokens(query.words), depth, selection) if query.words else None

    def ranking(self, result: SearchResult) -> Ranking:
        """See `Lane.ranking`."""
        pages, scores = result
        order = np.lexsort((pages, -scores))
        return _page_ranking(self.name, (pages[order], scores[order]))

    def query_tokens(self, text: str) -> QueryTokens:
        """Return the query's tokens, from a cache: evidence needs the same ones again for each hit."""
        return self._query_cache.get(text, lambda: self._encoder.encode_queries([text])[0])

    def page_tokens(self, snapshot: Snapshot, page: int) -> TokenMatrix | None:
        """Return a page's tokens; None if the lane has none of that page, or is damaged."""
        if self.name in snapshot.damaged:
            return None
        matrix = snapshot.tokens(self.name).page(page)
        return matrix if matrix is not None and len(matrix.vectors) else None


def _page_ranking(lane: str, result: SearchResult) -> Ranking:
    """Return the ranking of page keys and scores that are already in order."""
    pages, scores = result
    return Ranking(lane, [Hit(page, score) for page, score in zip(pages.tolist(), scores.tolist(), strict=True)])


def rank_lanes(
    snapshot: Snapshot, lanes: Sequence[Lane], query: Query, depth: int, selection: Selection | None
) -> list[Ranking]:
    """Return the ranking of each lane, in the order of `lanes`: at most `depth` selected pages each."""
    prepared = {lane.name: found for lane in lanes if (found := lane.prepare(query, depth, selection)) is not None}
    results = dict(zip(prepared, snapshot.search(list(prepared.values())), strict=True))
    return [lane.ranking(results[lane.name]) if lane.name in results else Ranking(lane.name, []) for lane in lanes]
