"""Token vectors of many pages, with different numbers of tokens a page, read in batches.

A lane's tokens lie in several memory-mapped segments, in which some pages are no longer live. `ChunkedTokens` presents
the live pages under consecutive row numbers, and reads them in batches that fit the processor's cache; it copies only
where live pages are not adjacent.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pagelens.index.late.maxsim import Codes, dequantise
from pagelens.index.late.token_codes import decode, rotate_back

BATCH_TOKENS = 12_288  # rows of a batch at most, unless one page has more: 1.6 MB at 128 bytes a row
# Products of a batch's tokens with all query tokens: fewer, and the calls dominate; more, and they leave the cache.
PRODUCTS_PER_BATCH = 400_000
MAX_BATCH_FACTOR = 4  # times BATCH_TOKENS


@dataclass(frozen=True, slots=True, eq=False)
class RaggedTokens:
    """The tokens of pages, concatenated: page p has the rows offsets[p] to offsets[p + 1] of `codes`."""

    offsets: NDArray[np.int64]  # (n_pages + 1,), ascending; the first need not be 0
    codes: Codes  # (n_tokens, dim); of short codes (n_tokens, dim * bits / 8)
    scales: NDArray[np.float32] | NDArray[np.float16] | None  # (n_tokens,) where codes are integers, else None
    bits: int = 8  # of a number; fewer: short codes, whose dimensions are rotated (`pagelens.index.late.token_codes`)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def page_range(self, start: int, stop: int) -> "RaggedTokens":
        """Return the pages from start to stop, as a view."""
        return RaggedTokens(self.offsets[start : stop + 1], self.codes, self.scales, self.bits)

    @property
    def dim(self) -> int:
        """Numbers of a token's vector."""
        return int(self.codes.shape[1]) * 8 // self.bits

    @property
    def rotated(self) -> bool:
        """Whether `read` returns rotated dimensions."""
        return self.bits < 8

    @property
    def storage(self) -> str:
        """How tokens are stored: float16, int8, 4 bits or 2 bits."""
        if self.scales is None:
            return "float16"
        return "int8" if self.bits == 8 else f"{self.bits} bits"

    @property
    def used(self) -> slice:
        """The rows of `codes` that belong to these pages."""
        return slice(int(self.offsets[0]), int(self.offsets[-1]))

    def read(self, rows: slice | NDArray[np.int64]) -> tuple[Codes, NDArray[np.float32] | None]:
        """Return some rows as float16, or as 8-bit integers with their scales, rotated or not."""
        scales = None if self.scales is None else self.scales[rows].astype(np.float32, copy=False)
        codes = self.codes[rows]
        return (decode(codes.astype(np.uint8, copy=False), self.bits) if self.bits < 8 else codes), scales

    def vectors(self, rows: slice | NDArray[np.int64]) -> NDArray[np.float32]:
        """Return some rows as vectors (n, dim), never rotated."""
        read = dequantise(*self.read(rows))
        return rotate_back(read) if self.rotated else read


@dataclass(frozen=True, slots=True, eq=False)
class TokenBatch:
    """The tokens of some of the requested pages, ready to be multiplied."""

    pages: slice  # positions in the requested rows
    starts: NDArray[np.int64]  # (n_pages,) first token of each
    codes: Codes  # (n_tokens, dim)
    scales: NDArray[np.float32] | None
    rotated: bool = False  # the dimensions of codes


def tokens_per_batch(vectors: int) -> int:
    """Return how many tokens of pages to multiply at once by so many vectors."""
    return min(max(PRODUCTS_PER_BATCH // max(1, vectors), BATCH_TOKENS), MAX_BATCH_FACTOR * BATCH_TOKENS)


class ChunkedTokens:
    """The pages of several `RaggedTokens`, numbered from 0 in order."""

    def __init__(self, parts: Sequence[RaggedTokens], dim: int) -> None:
        assert all(part.dim == dim for part in parts), ([part.dim for part in parts], dim)
        self.dim = dim
        self._parts = list(parts)
        empty = [np.zeros(0, np.int64)]
        self._part = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
        self._starts = np.concatenate([*(part.offsets[:-1] for part in parts), *empty])
        self._stops = np.concatenate([*(part.offsets[1:] for part in parts), *empty])
        self.lengths: NDArray[np.int64] = self._stops - self._starts  # (n_pages,) tokens of each page

    def __len__(self) -> int:
        return len(self.lengths)

    def vectors(self, row: int) -> NDArray[np.float32]:
        """Return a page's tokens (n_tokens, dim)."""
        part: RaggedTokens = self._parts[self._part[row]]
        return part.vectors(slice(self._starts[row], self._stops[row]))

    def batches(self, rows: NDArray[np.int64], *, tokens: int = BATCH_TOKENS) -> Iterator[TokenBatch]:
        """Yield pages in batches of at most `tokens` tokens, or one page; `rows` ascend, and each page has tokens."""
        part = self._part[rows]
        not_adjacent = (part[1:] != part[:-1]) | (self._starts[rows[1:]] != self._stops[rows[:-1]])
        breaks = np.flatnonzero(not_adjacent) + 1  # where a run of adjacent pages starts
        ends = np.cumsum(self.lengths[rows])
        bounds = self._bounds(part, ends, tokens)
        inner = np.searchsorted(breaks, bounds, side="right").tolist()
        before = np.concatenate([[0], ends])
        for (first, last), (start, stop) in zip(pairwise(bounds), pairwise(inner), strict=True):
            runs = [first, *(position for position in breaks[start:stop].tolist() if position < last), last]
            tokens_read = self._gather(rows, runs)
            codes, scales = tokens_read.read(tokens_read.used)
            starts = before[first:last] - before[first]
            yield TokenBatch(
                pages=slice(first, last), starts=starts, codes=codes, scales=scales, rotated=tokens_read.rotated
            )

    def _bounds(self, part: NDArray[np.int64], ends: NDArray[np.int64], tokens: int) -> list[int]:
        """Return where batches begin and end, as positions in rows; `part` (n_rows,) is the part of each row, `ends`
        (n_rows,) the cumulative number of tokens."""
        storage = np.array([part.storage for part in self._parts], "U7")[part]  # a batch has one
        forced = [*(np.flatnonzero(storage[1:] != storage[:-1]) + 1).tolist(), len(ends)]
        bounds = [0] if len(ends) else []
        for limit in forced:
            while bounds and bounds[-1] < limit:
                before = int(ends[bounds[-1] - 1]) if bounds[-1] else 0
                fitting = int(np.searchsorted(ends, before + tokens, side="right"))
                bounds.append(min(max(fitting, bounds[-1] + 1), limit))
        return bounds

    def _gather(self, rows: NDArray[np.int64], bounds: Sequence[int]) -> RaggedTokens:
        """Return the tokens of runs of adjacent pages, rows[bounds[i]] to rows[bounds[i + 1] - 1]; a view if there is
        one run, else a copy."""
        parts: list[RaggedTokens] = [self._parts[self._part[rows[first]]] for first in bounds[:-1]]
        runs = [slice(self._starts[rows[first]], self._stops[rows[last - 1]]) for first, last in pairwise(bounds)]
        if len(runs) == 1:
            return replace(parts[0], offsets=np.array([runs[0].start, runs[0].stop]))
        codes = np.concatenate([part.codes[run] for part, run in zip(parts, runs, strict=True)])
        scales = [part.scales[run] for part, run in zip(parts, runs, strict=True) if part.scales is not None]
        scale: NDArray[Any] | None = np.concatenate(scales) if scales else None
        return replace(parts[0], offsets=np.array([0, len(codes)]), codes=codes, scales=scale)
