"""Token vectors of many pages, as many each as a page has: stored one after another, walked in blocks.

A collection's tokens lie in several memory-mapped segments of which some pages are dead; a `ChunkedTokens` is the live ones
under one row number each, and gives them out in blocks that fit the processor's cache, copying only where live pages
are not neighbours. Knows no keys, no boxes, no scores.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from pagelens.index.late.maxsim import Codes, dequantise

BLOCK_TOKENS = 12_288  # rows a block holds at most, if a page does not have more: 1.6 MB of 128 bytes


@dataclass(frozen=True, slots=True, eq=False)
class RaggedTokens:
    """Pages' tokens one after another: page p has the rows offsets[p] to offsets[p + 1] of `codes`."""

    offsets: NDArray[np.int64]  # (n_pages + 1,), rising; the first need not be 0
    codes: Codes  # (n_tokens, dim)
    scales: NDArray[np.float32] | None  # (n_tokens,) where codes are integers, else None

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def slice(self, start: int, stop: int) -> "RaggedTokens":
        """Return the pages from start to stop, as a view."""
        return RaggedTokens(self.offsets[start : stop + 1], self.codes, self.scales)

    @property
    def used(self) -> slice:
        """The rows of `codes` that belong to these pages."""
        return slice(int(self.offsets[0]), int(self.offsets[-1]))


@dataclass(frozen=True, slots=True, eq=False)
class TokenBlock:
    """Some pages' tokens, ready to be multiplied: `pages` says which of the rows asked for they are."""

    pages: slice
    starts: NDArray[np.int64]  # (n_pages,) first token of each
    codes: Codes  # (n_tokens, dim)
    scales: NDArray[np.float32] | None


class ChunkedTokens:
    """Pages of several `RaggedTokens` parts, numbered from 0 in order."""

    def __init__(self, parts: Sequence[RaggedTokens], dim: int) -> None:
        assert all(part.codes.shape[1] == dim for part in parts), ([part.codes.shape for part in parts], dim)
        self.dim = dim
        self._parts = list(parts)
        none = [np.zeros(0, np.int64)]
        self._part = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
        self._starts = np.concatenate([*(part.offsets[:-1] for part in parts), *none])
        self._stops = np.concatenate([*(part.offsets[1:] for part in parts), *none])
        self.lengths: NDArray[np.int64] = self._stops - self._starts  # (n_pages,) tokens of each page

    def __len__(self) -> int:
        return len(self.lengths)

    def page(self, row: int) -> tuple[Codes, NDArray[np.float32] | None]:
        """Return a page's tokens (n_tokens, dim) as they lie at rest, and their scales."""
        part, rows = self._parts[self._part[row]], slice(self._starts[row], self._stops[row])
        return part.codes[rows], None if part.scales is None else part.scales[rows]

    def vectors(self, row: int) -> NDArray[np.float32]:
        """Return a page's tokens (n_tokens, dim)."""
        return dequantise(*self.page(row))

    def blocks(self, rows: NDArray[np.int64], *, tokens: int = BLOCK_TOKENS) -> Iterator[TokenBlock]:
        """Walk some pages, rising and none of them empty, in blocks of at most `tokens` tokens or one page."""
        part = self._part[rows]
        apart = (part[1:] != part[:-1]) | (self._starts[rows[1:]] != self._stops[rows[:-1]])
        breaks = np.flatnonzero(apart) + 1  # a run of neighbours starts here
        ends = np.cumsum(self.lengths[rows])
        cuts = self._cuts(part, ends, tokens)
        inner = np.searchsorted(breaks, cuts, side="right").tolist()
        before = np.concatenate([[0], ends])
        for (first, last), (start, stop) in zip(pairwise(cuts), pairwise(inner), strict=True):
            codes, scales = self._gather(
                rows, [first, *(cut for cut in breaks[start:stop].tolist() if cut < last), last]
            )
            yield TokenBlock(slice(first, last), before[first:last] - before[first], codes, scales)

    def _cuts(self, part: NDArray[np.int64], ends: NDArray[np.int64], tokens: int) -> list[int]:
        """Return where blocks begin and end, as positions in rows whose tokens end at `ends`, counted over all."""
        kinds = np.array([part.codes.dtype.itemsize for part in self._parts])[part]  # integers and halves do not mix
        forced = [*(np.flatnonzero(kinds[1:] != kinds[:-1]) + 1).tolist(), len(ends)]
        cuts = [0] if len(ends) else []
        for limit in forced:
            while cuts and cuts[-1] < limit:
                before = int(ends[cuts[-1] - 1]) if cuts[-1] else 0
                fitting = int(np.searchsorted(ends, before + tokens, side="right"))
                cuts.append(min(max(fitting, cuts[-1] + 1), limit))
        return cuts

    def _gather(self, rows: NDArray[np.int64], cuts: Sequence[int]) -> tuple[Codes, NDArray[np.float32] | None]:
        """Return the tokens of runs of neighbours, rows[cuts[i]] to rows[cuts[i + 1] - 1]: a view where it is one."""
        parts = [self._parts[self._part[rows[first]]] for first in cuts[:-1]]
        runs = [slice(self._starts[rows[first]], self._stops[rows[last - 1]]) for first, last in pairwise(cuts)]
        if len(runs) == 1:
            part, run = parts[0], runs[0]
            return part.codes[run], None if part.scales is None else part.scales[run]
        codes = np.concatenate([part.codes[run] for part, run in zip(parts, runs, strict=True)])
        scales = [part.scales[run] for part, run in zip(parts, runs, strict=True) if part.scales is not None]
        return codes, np.concatenate(scales) if scales else None
