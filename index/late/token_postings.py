"""Token postings of a segment: its tokens' centroids, and for each centroid the blocks of pages that hold such tokens.

The first look of late interaction over many pages, as in PLAID (Santhanam et al., 2022) and WARP (Scheerer et al.,
2025): a query token is compared with the centroids, and only the postings of its nearest ones are read; a block that
none of them names counts as similar as the nearest centroid left out. The time of a query grows with the postings read,
a fiftieth of the tokens, and not with the length of the vectors.

A block is `BLOCK` neighbouring tokens of one page. Centroids are those of one segment, so a segment is complete by
itself and is never rebuilt for pages that come later.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pagelens.core.types import QueryTokens
from pagelens.index.late.maxsim import quantise
from pagelens.index.late.ragged import RaggedTokens

BLOCK = 12  # tokens of a block at most; half the window of the builtin `page` lane's queries
MIN_TOKENS = 50_000  # of a segment with postings: about 200 pages of text; fewer are soon compared in full
CENTROIDS_PER_ROOT = 4  # centroids of a segment, times the square root of its number of tokens
TRAINING_TOKENS = 16  # sampled for each centroid
TRAINING_ROUNDS = 4  # of k-means
SEED = 2022
CHUNK = 65_536  # tokens converted to float32 at a time
LARGEST_LEVEL, MAX_UINT16 = 255, 65_535
PROBES = 32  # centroids whose postings are read for each query token


@dataclass(frozen=True, slots=True, eq=False)
class TokenPostings:
    """The postings of centroid c are blocks[offsets[c]:offsets[c + 1]], ascending, each block once."""

    centroids: NDArray[np.float16]  # (n_centroids, dim), unit length
    offsets: NDArray[np.int64]  # (n_centroids + 1,)
    blocks: NDArray[np.uint32]  # (n_postings,) numbers of blocks in the segment, whose pages follow one another


def build_postings(parts: Sequence[RaggedTokens], dim: int, *, min_tokens: int = MIN_TOKENS) -> TokenPostings:
    """Return the postings of a segment's tokens, given in parts; no centroids if they are fewer than `min_tokens`.

    Spherical k-means on a sample, then every token's nearest centroid: 5 CPU-ms a page of text.
    """
    lengths = np.concatenate([np.zeros(0, np.int64), *(np.diff(part.offsets) for part in parts)])
    count = int(lengths.sum())
    if count < max(1, min_tokens):
        return TokenPostings(np.zeros((0, dim), np.float16), np.zeros(1, np.int64), np.zeros(0, np.uint32))
    import faiss  # slow to import: where segments are large only

    centroids = int(CENTROIDS_PER_ROOT * count**0.5)
    share = min(1.0, TRAINING_TOKENS * centroids / count)
    sample = np.concatenate([_sample(part, share) for part in parts])
    centroids = min(centroids, len(sample))
    clustering = faiss.Kmeans(
        dim,
        centroids,
        niter=TRAINING_ROUNDS,
        spherical=True,
        seed=SEED,
        min_points_per_centroid=1,
        max_points_per_centroid=len(sample),
    )
    clustering.train(sample)
    nearest = np.concatenate(
        [clustering.index.search(vectors, 1)[1][:, 0] for part in parts for vectors in _chunks(part)]
    )
    layout = BlockLayout.of(lengths)
    keys = np.unique(nearest.astype(np.int64) * layout.count + layout.blocks_of_tokens())  # by centroid, then block
    offsets = np.searchsorted(keys, np.arange(centroids + 1) * layout.count)
    assert clustering.centroids is not None
    return TokenPostings(
        clustering.centroids.astype(np.float16), offsets.astype(np.int64), (keys % layout.count).astype(np.uint32)
    )


def _sample(part: RaggedTokens, share: float) -> NDArray[np.float32]:
    """Return a share of a part's vectors, at least one, evenly spaced."""
    used = part.used
    count = used.stop - used.start
    return part.vectors(
        np.linspace(used.start, used.stop - 1, max(1, round(share * count)) if count else 0, dtype=np.int64)
    )


def _chunks(part: RaggedTokens) -> Iterator[NDArray[np.float32]]:
    """Yield a part's vectors, `CHUNK` at a time."""
    for start in range(part.used.start, part.used.stop, CHUNK):
        yield part.vectors(slice(start, min(start + CHUNK, part.used.stop)))


@dataclass(frozen=True, slots=True, eq=False)
class IndexedSegment:
    """A segment's pages with their postings."""

    tokens: RaggedTokens
    postings: TokenPostings
    rows: NDArray[np.int64]  # (n_pages,) row of each page in the index, -1 where it is no longer live


@dataclass(frozen=True, slots=True, eq=False)
class BlockLayout:
    """How the pages of a segment are cut into blocks. Pages without tokens have none."""

    lengths: NDArray[np.int64]  # (n_pages,) tokens of each page
    pages: NDArray[np.int32]  # (n_blocks,) page of each block
    starts: NDArray[np.int64]  # (n_blocks,) first token of each block, from the segment's first

    @classmethod
    def of(cls, lengths: NDArray[np.int64]) -> "BlockLayout":
        """Cut pages of so many tokens (n_pages,)."""
        blocks = -(-lengths // BLOCK)
        first_tokens, first_blocks = np.cumsum(lengths) - lengths, np.cumsum(blocks) - blocks
        position = np.arange(int(blocks.sum())) - np.repeat(first_blocks, blocks)  # of each block in its page
        pages = np.repeat(np.arange(len(lengths), dtype=np.int32), blocks)
        return cls(lengths, pages, np.repeat(first_tokens, blocks) + position * BLOCK)

    @property
    def count(self) -> int:
        """The number of blocks."""
        return len(self.starts)

    def blocks_of_tokens(self) -> NDArray[np.int64]:
        """Return the block of each token (n_tokens,)."""
        return np.repeat(np.arange(self.count), np.diff(self.starts, append=int(self.lengths.sum())))


class PostingsScorer:
    """Scores the pages of a segment, or their windows of two neighbouring blocks, by its postings.

    Blocks are given places in order, with one place left free before each page: then place p and the one behind it are
    a window of one page for every p; a free place and the one behind it are a window of the page's first block alone.
    """

    def __init__(self, postings: TokenPostings, lengths: NDArray[np.int64]) -> None:
        """`lengths` (n_pages,) are the tokens of the segment's pages."""
        self._postings = postings
        self._centroids, self._scales = quantise(postings.centroids.astype(np.float32))
        self._counts = np.diff(postings.offsets)
        self._layout = layout = BlockLayout.of(lengths)
        first = np.diff(layout.pages, prepend=-1) > 0  # (n_blocks,) whether a block is the first of its page
        self._places = (np.arange(layout.count) + np.cumsum(first)).astype(np.int32)  # (n_blocks,)
        self._blocks = np.cumsum(np.bincount(self._places, minlength=1)) - 1  # (n_places,) the block at or before
        self._blocks[self._places[first] - 1] += 1  # a free place stands for the first block of its page

    def windows(
        self, query: QueryTokens, size: int, allowed: NDArray[np.bool_]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
        """Return page, first token and score of the best `size` windows of `allowed` pages (n_pages,), and of those as
        good as the last of them, up to as many again: which of them are better is not known yet."""
        found = self._read(query)
        best = found.largest_levels(self._places, len(self._blocks))
        np.maximum(best[:, :-1], best[:, 1:], out=best[:, :-1])
        sums = found.sums(best)
        allowed_places = None if allowed.all() else allowed[self._layout.pages[self._blocks]]
        places = _largest_sums(sums, size, allowed_places, most=2 * size)
        blocks = self._blocks[places]
        return self._layout.pages[blocks].astype(np.int64), self._layout.starts[blocks], found.scores(sums[places])

    def pages(
        self, query: QueryTokens, size: int, allowed: NDArray[np.bool_]
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return the best `size` of the `allowed` pages (n_pages,), and their scores, unordered."""
        found = self._read(query)
        sums = found.sums(found.largest_levels(self._layout.pages, len(self._layout.lengths)))
        pages = _largest_sums(sums, size, allowed, most=size)
        return pages, found.scores(sums[pages])

    def _read(self, query: QueryTokens) -> "_FoundPostings":
        """Return the postings of the nearest centroids of each query token, by 8-bit integers: a seventh of the time
        of float32."""
        from pagelens.index.late.integer_scan import integer_similarities  # slow to import: for searches only

        count = len(self._centroids)
        probes = min(PROBES, count - 1)
        similarities = integer_similarities(query.vectors, self._centroids, self._scales)  # (n_query_tokens, count)
        if query.weights is not None:
            similarities *= query.weights[:, None]
        nearest = np.argpartition(similarities, count - probes - 1, axis=1)[:, count - probes - 1 :]
        found = np.take_along_axis(similarities, nearest, axis=1)
        order = np.argsort(found, axis=1)
        nearest, found = np.take_along_axis(nearest, order, axis=1), np.take_along_axis(found, order, axis=1)
        left_out, nearest = found[:, :1], nearest[:, 1:]
        counts = self._counts[nearest]
        rows = _ranges(self._postings.offsets[nearest].ravel(), counts.ravel())
        token = np.repeat(np.arange(len(found)), counts.sum(axis=1))
        excess = found[:, 1:] - left_out
        unit = max(float(excess.max(initial=0.0)), 1e-9) / LARGEST_LEVEL
        levels = np.repeat(np.rint(excess / unit).astype(np.uint8).ravel(), counts.ravel())
        return _FoundPostings(
            tokens=token,
            blocks=self._postings.blocks[rows],
            levels=levels,
            unit=np.float32(unit),
            base=left_out.sum(),
        )


@dataclass(frozen=True, slots=True, eq=False)
class _FoundPostings:
    """Postings of the nearest centroids of query tokens, by query token, of each the most similar centroid last.

    Similarities are times the query token's weight. They are kept as bytes: tables of them are a quarter of the size,
    and are filled, compared and added ten times as fast.
    """

    tokens: NDArray[np.int64]  # (n,) query token
    blocks: NDArray[np.uint32]  # (n,)
    levels: NDArray[np.uint8]  # (n,) times `unit`: how much more similar the centroid is than the nearest one left out
    unit: np.float32
    base: np.float32  # sum over query tokens of the similarity of the nearest centroid left out

    def largest_levels(self, places: NDArray[np.int32], count: int) -> NDArray[np.uint8]:
        """Return the largest level of each query token at each of `count` places, where `places` has each block's."""
        best = np.zeros((int(self.tokens[-1]) + 1 if len(self.tokens) else 1, count), np.uint8)
        best.ravel()[self.tokens * count + places[self.blocks]] = self.levels  # of equal ones the last is assigned
        return best

    def sums(self, levels: NDArray[np.uint8]) -> NDArray[np.unsignedinteger]:
        """Return the sum of the levels of all query tokens at each place; `levels` are (n_query_tokens, n_places)."""
        dtype = np.uint16 if len(levels) <= MAX_UINT16 // LARGEST_LEVEL else np.uint32
        return np.asarray(levels.sum(axis=0, dtype=dtype), dtype)

    def scores(self, sums: NDArray[np.unsignedinteger]) -> NDArray[np.float32]:
        """Return the scores of places by the sums of their levels."""
        return np.asarray(sums.astype(np.float32) * self.unit + self.base, np.float32)


def _ranges(starts: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return starts[0], starts[0] + 1, ..., counts[0] numbers, then those of starts[1], and so on."""
    ends = np.cumsum(counts)
    positions: NDArray[np.int64] = np.arange(int(counts.sum())) + np.repeat(starts - (ends - counts), counts)
    return positions


def largest(scores: NDArray[np.float32], size: int, *, most: int | None = None) -> NDArray[np.int64]:
    """Return the positions of the `size` largest finite scores, ascending, and of those as large as the last of them up
    to `most` in all (None: `size`), the first ones first."""
    finite = np.flatnonzero(np.isfinite(scores))
    if len(finite) <= size:
        return finite
    kept = scores[finite]
    last = np.partition(kept, len(kept) - size)[len(kept) - size]
    return finite[_best(kept, last, most or size)]


def _largest_sums(
    sums: NDArray[np.unsignedinteger], size: int, allowed: NDArray[np.bool_] | None, *, most: int
) -> NDArray[np.int64]:
    """Return what `largest` does, of the sums of allowed places (n_places,), None: of all; only `size` where nothing is
    known of the last one. By counting: a tenth of the time of sorting, as most places have the same few sums."""
    places = None if allowed is None else np.flatnonzero(allowed)
    kept = sums if places is None else sums[places]
    at_least = np.cumsum(np.bincount(kept)[::-1])[::-1]  # how many sums are as large as each number or larger
    last = np.flatnonzero(at_least >= size)[-1] if len(kept) > size else 0
    best = _best(kept, last, most if last else size)
    return best if places is None else places[best]


def _best(numbers: NDArray[Any], last: Any, size: int) -> NDArray[np.int64]:
    """Return the positions of the numbers larger than `last`, and of the first ones equal to it up to `size` in all,
    ascending."""
    equal = np.flatnonzero(numbers == last)
    chosen = numbers > last
    chosen[equal[: size - np.count_nonzero(chosen)]] = True
    return np.flatnonzero(chosen)
