"""Fast MaxSim: candidates by 8-bit integer arithmetic, then exact scores for the best of them.

`FastMaxSim` compares every token of every page in integers and ends by scoring a short list exactly.
`benchmarks/maxsim.py` measures the recall.
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
from pagelens.index.late.exact_maxsim import eligible_rows, rescore
from pagelens.index.late.integer_scan import integer_scan, onnx_products
from pagelens.index.late.maxsim import PageWindows
from pagelens.index.late.ragged import ChunkedTokens, tokens_per_batch
from pagelens.index.late.token_codes import rotate

EXTRA_RESCORED = 8  # pages rescored exactly beyond k, plus an eighth of k
PAGES_PER_THREAD = 500  # below this many, another thread costs more than it saves

CandidateRequest = tuple[QueryTokens, NDArray[np.int64], int]  # query, rows to search, number of rows to return


class FastMaxSim:
    """Implements `MultiVectorIndex`: integer scores of all tokens, then exact scores of the best pages."""

    name = "every token compared, in 8-bit integers"

    def __init__(self, tokens: ChunkedTokens, *, threads: int = 0, micro_batching: bool = True) -> None:
        """`threads` for one search, 0: one per core. `micro_batching`: simultaneous searches share one scan."""
        self._tokens = tokens
        self._candidates = CandidateGenerator(tokens, threads=threads, micro_batching=micro_batching)

    def __len__(self) -> int:
        return len(self._tokens)

    def search(
        self, query: QueryTokens, k: int, *, allowed: NDArray[np.bool_] | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """See `MultiVectorIndex.search`."""
        rows = eligible_rows(self._tokens, query, k, allowed)
        rows = self._candidates.best(query, rows, rescoring_depth(k), unfiltered=allowed is None)
        return rescore(self._tokens, query, rows, k, products=onnx_products())


class CandidateGenerator:
    """Finds the best pages by integer MaxSim over all pages; simultaneous searches share one scan of the tokens.

    The scan is the most expensive part of a search. One scan for 8 queries of 5 tokens costs as much as 3 separate
    scans; the results are identical.
    """

    def __init__(self, tokens: ChunkedTokens, *, threads: int, micro_batching: bool) -> None:
        self._tokens = tokens
        self._threads = threads
        self._micro_batcher = MicroBatcher[CandidateRequest, NDArray[np.int64]]() if micro_batching else None

    def best(self, query: QueryTokens, rows: NDArray[np.int64], size: int, *, unfiltered: bool) -> NDArray[np.int64]:
        """Return the rows of the `size` best pages, ascending; `unfiltered`: `rows` are all rows with tokens."""
        if unfiltered and self._micro_batcher is not None and len(rows) > size:
            return self._micro_batcher((query, rows, size), self._best_of_batch)
        [best] = top_rows(self._tokens, [query], rows, [size], threads=self._threads)
        return best

    def _best_of_batch(self, requests: Sequence[CandidateRequest]) -> list[NDArray[np.int64]]:
        results: dict[int, NDArray[np.int64]] = {}
        for window in {query.window for query, _, _ in requests}:
            positions = [position for position, (query, _, _) in enumerate(requests) if query.window == window]
            queries = [requests[position][0] for position in positions]
            rows, sizes = requests[positions[0]][1], [requests[position][2] for position in positions]
            best = top_rows(self._tokens, queries, rows, sizes, threads=self._threads)
            results.update(zip(positions, best, strict=True))
        return [results[position] for position in range(len(requests))]


def rescoring_depth(k: int) -> int:
    """Return how many pages to score exactly for k results."""
    return k + EXTRA_RESCORED + k // 8


def top_rows(
    tokens: ChunkedTokens,
    queries: Sequence[QueryTokens],
    rows: NDArray[np.int64],
    sizes: Sequence[int],
    *,
    threads: int = 0,
) -> list[NDArray[np.int64]]:
    """Return for each query the rows of its `size` best pages by integer MaxSim, ascending; all rows if there are no
    more. All queries have the same window. The result for a query does not depend on the other queries."""
    if len(rows) <= min(sizes):
        return [rows for _ in queries]
    vectors = np.concatenate([query.vectors for query in queries])
    scans = {rotated: integer_scan(rotate(vectors) if rotated else vectors) for rotated in (False, True)}
    ends = np.cumsum([len(query.vectors) for query in queries])
    scores = np.empty((len(queries), len(rows)), np.float32)

    def score(part: slice) -> None:
        for batch in tokens.batches(rows[part], tokens=tokens_per_batch(len(vectors))):
            windows = PageWindows.of(batch.starts, len(batch.codes), queries[0].window)
            batch_scores = scores[:, part][:, batch.pages]
            for position, best in enumerate(np.split(scans[batch.rotated](batch, windows), ends[:-1])):
                batch_scores[position] = windows.scores(best, queries[position].weights)

    run_in_threads(score, len(rows), threads)
    orders = (np.argsort(-row, kind="stable")[:size] for row, size in zip(scores, sizes, strict=True))
    return [rows[np.sort(order)] for order in orders]  # stable: of equal pages the first ones


def run_in_threads(score: Callable[[slice], None], rows: int, threads: int) -> None:
    """Call `score` for slices that cover so many rows, in up to `threads` threads; 0: one per core."""
    threads = threads or _core_count()
    parts = max(1, min(threads, rows // PAGES_PER_THREAD))
    bounds = [rows * part // parts for part in range(parts + 1)]
    slices = [slice(start, stop) for start, stop in pairwise(bounds)]
    if parts == 1:
        score(slices[0])
        return
    for _ in _thread_pool(threads).map(score, slices):
        pass


@cache
def _thread_pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="maxsim")


def _core_count() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
