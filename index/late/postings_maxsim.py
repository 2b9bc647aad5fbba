"""MaxSim over large collections: token postings choose candidates, integers score them, the best are scored exactly.

The time of a search hardly grows with the collection: of each segment a fiftieth of the postings is read
(`pagelens.index.late.token_postings`), then as many windows or pages are compared in full as the results ask for.
`benchmarks/maxsim.py` and `benchmarks/many_pages.py` measure speed and recall.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pagelens.core.types import QueryTokens
from pagelens.index.late.exact_maxsim import eligible_rows, rescore
from pagelens.index.late.fast_maxsim import FastMaxSim, rescoring_depth, run_in_threads, top_rows
from pagelens.index.late.integer_scan import integer_scan, onnx_products
from pagelens.index.late.maxsim import PageWindows, weighted_sum
from pagelens.index.late.ragged import ChunkedTokens, TokenBatch
from pagelens.index.late.token_codes import rotate
from pagelens.index.late.token_postings import BLOCK, IndexedSegment, PostingsScorer, largest

WINDOW = 2 * BLOCK  # the window that postings can score; queries with another one are answered by a scan
WINDOWS_PER_RESULT = 16  # windows compared in full for each result: a page has several good ones
MIN_WINDOWS = 2_000  # compared in full
PAGES_PER_RESULT = 3  # pages compared in full for each result, where queries have no window
MIN_PAGES = 300
BLOCKS_PER_BATCH = 1_024
SCAN_BELOW = 2_000  # pages to search; fewer are compared in full


class PostingsMaxSim:
    """Implements `MultiVectorIndex`. Pages of segments without postings are compared in full."""

    def __init__(
        self,
        tokens: ChunkedTokens,
        segments: Sequence[IndexedSegment],
        *,
        threads: int = 0,
        micro_batching: bool = True,
        scan_below: int = SCAN_BELOW,
    ) -> None:
        """`tokens` are all live pages, those of `segments` among them; `threads` and `micro_batching`: see
        `FastMaxSim`, which answers where fewer than `scan_below` pages are searched."""
        self._tokens = tokens
        self._segments = segments
        self._scorers = [PostingsScorer(segment.postings, np.diff(segment.tokens.offsets)) for segment in segments]
        self._not_indexed = np.ones(len(tokens), bool)
        for segment in segments:
            self._not_indexed[segment.rows[segment.rows >= 0]] = False
        self._threads = threads
        self._scan_below = scan_below
        self._scan = FastMaxSim(tokens, threads=threads, micro_batching=micro_batching)

    def __len__(self) -> int:
        return len(self._tokens)

    @property
    def name(self) -> str:
        """See `MultiVectorIndex.name`."""
        rest = int(self._not_indexed.sum())
        scanned = f", {rest} pages compared in full" if rest else ""
        return f"token postings, {len(self._segments)} segment{'s' if len(self._segments) > 1 else ''}{scanned}"

    def search(
        self, query: QueryTokens, k: int, *, allowed: NDArray[np.bool_] | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """See `MultiVectorIndex.search`."""
        rows = eligible_rows(self._tokens, query, k, allowed)
        if not self._segments or len(rows) < max(1, self._scan_below) or query.window not in (0, WINDOW):
            return self._scan.search(query, k, allowed=allowed)
        eligible = np.zeros(len(self._tokens), bool)
        eligible[rows] = True
        best = self._best_windows if query.window else self._best_pages
        chosen = best(query, rescoring_depth(k), eligible)
        scanned = np.flatnonzero(eligible & self._not_indexed)
        [scanned] = top_rows(self._tokens, [query], scanned, [rescoring_depth(k)], threads=self._threads)
        return rescore(self._tokens, query, np.union1d(chosen, scanned), k, products=onnx_products())

    def _best_pages(self, query: QueryTokens, size: int, eligible: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Return the rows of about the `size` best indexed pages."""
        count = max(MIN_PAGES, PAGES_PER_RESULT * size)
        found = [
            (segment.rows[pages], scores)
            for segment, scorer in zip(self._segments, self._scorers, strict=True)
            for pages, scores in [scorer.pages(query, count, _eligible_pages(segment, eligible))]
        ]
        rows = np.concatenate([rows for rows, _ in found])
        candidates = np.sort(rows[largest(np.concatenate([scores for _, scores in found]), count)])
        [best] = top_rows(self._tokens, [query], candidates, [size], threads=self._threads)
        return best

    def _best_windows(self, query: QueryTokens, size: int, eligible: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Return the rows of about the `size` indexed pages with the best windows."""
        count = max(MIN_WINDOWS, WINDOWS_PER_RESULT * size)
        found = [
            (np.full(len(pages), number), pages, starts, scores)
            for number, (segment, scorer) in enumerate(zip(self._segments, self._scorers, strict=True))
            for pages, starts, scores in [scorer.windows(query, count, _eligible_pages(segment, eligible))]
        ]
        numbers, pages, starts, scores = (np.concatenate(column) for column in zip(*found, strict=True))
        kept = largest(scores, count, most=2 * count)  # by segment
        page_scores = np.full(len(self._tokens), -np.inf, np.float32)
        for number, segment in enumerate(self._segments):
            windows = kept[numbers[kept] == number]
            exact = self._score_windows(segment, query, pages[windows], starts[windows])
            np.maximum.at(page_scores, segment.rows[pages[windows]], exact)
        return largest(page_scores, size)

    def _score_windows(
        self, segment: IndexedSegment, query: QueryTokens, pages: NDArray[np.int64], starts: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """Return MaxSim in integers of windows of `WINDOW` tokens from `starts` (n_windows,) on, which end with their
        page. Windows side by side share a block, which is read once."""
        ends = segment.tokens.offsets[pages + 1] - segment.tokens.offsets[0]
        seconds = np.where(starts + BLOCK < ends, starts + BLOCK, starts)  # a page's last block is a window alone
        blocks, first, last = np.unique(np.concatenate([starts, seconds]), return_index=True, return_inverse=True)
        best = self._score_blocks(segment, query, blocks, np.concatenate([ends, ends])[first])
        pairs = np.maximum(best[:, last[: len(starts)]], best[:, last[len(starts) :]])
        return weighted_sum(pairs, query.weights)

    def _score_blocks(
        self, segment: IndexedSegment, query: QueryTokens, blocks: NDArray[np.int64], ends: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """Return the largest similarity of each query token, in integers, in blocks of `BLOCK` tokens that begin at
        `blocks` and whose pages end at `ends`, both (n_blocks,): (n_query_tokens, n_blocks)."""
        tokens = segment.tokens
        scan = integer_scan(rotate(query.vectors) if tokens.rotated else query.vectors)
        best = np.empty((len(query.vectors), len(blocks)), np.float32)

        def score(part: slice) -> None:
            for first in range(part.start, part.stop, BLOCKS_PER_BATCH):
                chosen = slice(first, min(first + BLOCKS_PER_BATCH, part.stop))
                count = chosen.stop - chosen.start
                # A block beyond its page's end repeats the page's last token, which changes no maximum.
                rows = np.minimum(blocks[chosen, None] + np.arange(BLOCK), ends[chosen, None] - 1) + tokens.offsets[0]
                codes, scales = tokens.read(rows.ravel())
                batch = TokenBatch(slice(0, count), np.arange(count) * BLOCK, codes, scales)
                best[:, chosen] = scan(batch, PageWindows.of(batch.starts, len(codes), 0))

        run_in_threads(score, len(blocks), self._threads)
        return best


def _eligible_pages(segment: IndexedSegment, eligible: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return (segment.rows >= 0) & eligible[segment.rows]
