"""MaxSim made quick: 8-bit integers first, float32 for the few that matter.

`FastMaxSim` looks at every token in integers. `TwoStageMaxSim` looks at every page's summary, a tenth of its tokens,
then as `FastMaxSim` does at the pages that this leaves; a query by windows it answers as `FastMaxSim`. Both end with
the exact scores of a short list. `benchmarks.maxsim` prints what is lost on the way.
"""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from pagelens.core.micro_batching import MicroBatcher
from pagelens.core.types import QueryTokens
from pagelens.index.late.exact_maxsim import candidates, rescore
from pagelens.index.late.integer_scan import integer_scan, onnx_products
from pagelens.index.late.maxsim import PageWindows
from pagelens.index.late.ragged import BLOCK_TOKENS, ChunkedTokens

SPARE = 8  # pages beyond k, and an eighth of k, that integers leave to the exact look
POOL = 200  # pages that summaries leave, at least,
POOL_PER_RESULT = 2  # for each page asked for,
POOL_PER_ROOT = 4  # and for the square root of how many pages there are: among more, more look alike
PART = 500  # pages that a thread of its own pays for
PRODUCTS = 400_000  # of a block's tokens with all queries' tokens: fewer cost by their calls, more leave the cache
MOST_BLOCKS = 4  # of the usual size, made one


class FastMaxSim:
    """See `MultiVectorIndex`. All tokens in integers, then exact scores of the best."""

    def __init__(self, tokens: ChunkedTokens, *, threads: int = 0, micro_batching: bool = True) -> None:
        """`threads` look, 0: one per core. `micro_batching`: searches of several threads look at all tokens together."""
        self._tokens = tokens
        self._threads = threads
        self._first = CandidateGenerator(tokens, threads=threads, micro_batching=micro_batching)

    def __len__(self) -> int:
        return len(self._tokens)

    def search(
        self, query: QueryTokens, k: int, *, allowed: NDArray[np.bool_] | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """See `MultiVectorIndex.search`."""
        rows = candidates(self._tokens, query, k, allowed)
        rows = self._first.best(query, rows, rescoring_depth(k), everywhere=allowed is None)
        return rescore(self._tokens, query, rows, k, products=onnx_products())


class TwoStageMaxSim:
    """See `MultiVectorIndex`. Summaries choose the pages whose tokens are looked at."""

    def __init__(
        self, tokens: ChunkedTokens, summaries: ChunkedTokens, *, threads: int = 0, micro_batching: bool = True
    ) -> None:
        """`summaries` has the same pages as `tokens`; `threads` and `micro_batching` as in `FastMaxSim`."""
        assert len(tokens) == len(summaries) and ((tokens.lengths > 0) == (summaries.lengths > 0)).all()
        self._tokens = tokens
        self._threads = threads
        self._first = CandidateGenerator(summaries, threads=threads, micro_batching=micro_batching)
        self._first_by_windows = CandidateGenerator(tokens, threads=threads, micro_batching=micro_batching)

    def __len__(self) -> int:
        return len(self._tokens)

    def search(
        self, query: QueryTokens, k: int, *, allowed: NDArray[np.bool_] | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """See `MultiVectorIndex.search`."""
        rows = candidates(self._tokens, query, k, allowed)
        everywhere = allowed is None
        if query.window:  # a summary has no neighbours
            rows = self._first_by_windows.best(query, rows, rescoring_depth(k), everywhere=everywhere)
        else:
            rows = self._first.best(query, rows, pool(len(rows), k), everywhere=everywhere)
            [rows] = top_rows(self._tokens, [query], rows, [rescoring_depth(k)], threads=self._threads)
        return rescore(self._tokens, query, rows, k, products=onnx_products())


class CandidateGenerator:
    """The best pages by integers, of all of them: the look that costs the most, and that many searches may share.

    Each page's tokens go through the processor once for all queries that came meanwhile: 8 queries of 5 tokens cost
    what 3 do alone, and every number is the same.
    """

    def __init__(self, tokens: ChunkedTokens, *, threads: int, micro_batching: bool) -> None:
        self._tokens = tokens
        self._threads = threads
        self._micro_batcher = (
            MicroBatcher[tuple[QueryTokens, NDArray[np.int64], int], NDArray[np.int64]]() if micro_batching else None
        )

    def best(self, query: QueryTokens, rows: NDArray[np.int64], size: int, *, everywhere: bool) -> NDArray[np.int64]:
        """See `top_rows`; `everywhere`: rows are all that have tokens."""
        if everywhere and self._micro_batcher is not None and len(rows) > size:
            return self._micro_batcher((query, rows, size), self._bests)
        [found] = top_rows(self._tokens, [query], rows, [size], threads=self._threads)
        return found

    def _bests(self, asked: Sequence[tuple[QueryTokens, NDArray[np.int64], int]]) -> list[NDArray[np.int64]]:
        found: dict[int, NDArray[np.int64]] = {}
        for window in {query.window for query, _, _ in asked}:
            places = [place for place, (query, _, _) in enumerate(asked) if query.window == window]
            some = [asked[place] for place in places]
            bests = top_rows(
                self._tokens,
                [query for query, _, _ in some],
                some[0][1],
                [size for _, _, size in some],
                threads=self._threads,
            )
            found.update(zip(places, bests, strict=True))
        return [found[place] for place in range(len(asked))]


def rescoring_depth(k: int) -> int:
    """Return how many pages get exact scores so that the k best are right."""
    return k + SPARE + k // 8


def pool(pages: int, k: int) -> int:
    """Return how many of so many pages get a full look so that the k best are among them."""
    return max(POOL, POOL_PER_RESULT * k, int(POOL_PER_ROOT * pages**0.5))


def top_rows(
    tokens: ChunkedTokens,
    queries: Sequence[QueryTokens],
    rows: NDArray[np.int64],
    sizes: Sequence[int],
    *,
    threads: int = 0,
) -> list[NDArray[np.int64]]:
    """Return for each query, all of one window, the rows of its `size` best pages by integer MaxSim, rising; all of
    them where there are no more. What is found for one does not depend on the others."""
    if len(rows) <= min(sizes):
        return [rows for _ in queries]
    vectors = np.concatenate([query.vectors for query in queries])
    scan, size = integer_scan(vectors), min(max(PRODUCTS // len(vectors), BLOCK_TOKENS), MOST_BLOCKS * BLOCK_TOKENS)
    ends = np.cumsum([len(query.vectors) for query in queries])
    scores = np.empty((len(queries), len(rows)), np.float32)

    def look(part: slice) -> None:
        for block in tokens.blocks(rows[part], tokens=size):
            cuts = PageWindows.of(block.starts, len(block.codes), queries[0].window)
            here = scores[:, part][:, block.pages]
            for place, max_similarities in enumerate(np.split(scan(block, cuts), ends[:-1])):
                here[place] = cuts.scores(max_similarities, queries[place].weights)

    _side_by_side(look, len(rows), threads or _cores())
    orders = (np.argsort(-one, kind="stable")[:most] for one, most in zip(scores, sizes, strict=True))
    return [rows[np.sort(order)] for order in orders]  # of equal pages the first ones


def _side_by_side(look: Callable[[slice], None], rows: int, threads: int) -> None:
    """Look at so many rows, in as many threads as pay."""
    parts = max(1, min(threads, rows // PART))
    cuts = [rows * part // parts for part in range(parts + 1)]
    slices = [slice(start, stop) for start, stop in pairwise(cuts)]
    if parts == 1:
        look(slices[0])
        return
    for _ in _pool(threads).map(look, slices):
        pass


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="first-look")


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
