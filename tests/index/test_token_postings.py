"""Token postings: which blocks of a segment hold tokens of which centroid, and what a query reads of them."""

from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from pagelens.core.types import QueryTokens, TokenMatrix
from pagelens.index.late.exact_maxsim import ExactMaxSim
from pagelens.index.late.postings_maxsim import PostingsMaxSim
from pagelens.index.late.ragged import ChunkedTokens
from pagelens.index.late.token_postings import (
    BLOCK,
    MIN_TOKENS,
    BlockLayout,
    IndexedSegment,
    PostingsScorer,
    TokenPostings,
    build_postings,
    largest,
)
from pagelens.index.late.token_segments import TokenRows, pack_tokens
from pagelens.index.stores.page_tokens import rows_of_segment

AXES = np.eye(4, dtype=np.float32)


def packed(*pages: NDArray[np.float32]) -> TokenRows:
    return pack_tokens([TokenMatrix(page, np.zeros((len(page), 4), np.float32)) for page in pages], pages[0].shape[1])


def random_pages(lengths: list[int], seed: int, dim: int = 16) -> list[NDArray[np.float32]]:
    rng = np.random.default_rng(seed)
    pages = [rng.normal(size=(length, dim)).astype(np.float32) for length in lengths]
    return [page / np.linalg.norm(page, axis=1, keepdims=True) for page in pages]


def test_a_page_is_cut_into_blocks_of_twelve_and_an_empty_page_has_none() -> None:
    layout = BlockLayout.of(np.array([25, 0, 12, 1]))
    assert layout.pages.tolist() == [0, 0, 0, 2, 3]
    assert layout.starts.tolist() == [0, 12, 24, 25, 37]
    assert layout.blocks_of_tokens().tolist() == [0] * 12 + [1] * 12 + [2] + [3] * 12 + [4]


def test_every_token_is_posted_once_a_block_at_its_nearest_centroid() -> None:
    rows = packed(*random_pages([30, 0, 7, 40], 1))
    postings = build_postings([rows.tokens.page_range(0, 2), rows.tokens.page_range(2, 4)], 16, min_tokens=1)
    vectors = rows.tokens.vectors(np.arange(77))
    nearest = (vectors @ postings.centroids.astype(np.float32).T).argmax(axis=1)
    blocks = [0] * 12 + [1] * 12 + [2] * 6 + [3] * 7 + [4] * 12 + [5] * 12 + [6] * 12 + [7] * 4
    for centroid, (start, stop) in enumerate(pairwise(postings.offsets.tolist())):
        expected = sorted({block for block, near in zip(blocks, nearest, strict=True) if near == centroid})
        assert postings.blocks[start:stop].tolist() == expected
    assert len(postings.centroids) == 35  # 4 times the root of 77


def test_a_segment_of_few_tokens_has_no_postings() -> None:
    rows = packed(*random_pages([40], 2))
    assert len(build_postings([rows.tokens], 16).centroids) == 0
    assert len(build_postings([rows.tokens], 16, min_tokens=41).centroids) == 0
    assert len(build_postings([rows.tokens], 16, min_tokens=40).centroids) == 25
    assert len(build_postings([], 16, min_tokens=0).centroids) == 0
    assert MIN_TOKENS == 50_000


def hand_made() -> PostingsScorer:
    """Two pages: blocks 0 and 1 of page 0, block 2 of page 1; each axis is a centroid.

    Block 0 holds tokens of axis 0, block 1 of axis 1, block 2 of axes 0 and 2.
    """
    postings = TokenPostings(AXES.astype(np.float16), np.array([0, 2, 3, 4, 4]), np.array([0, 2, 1, 2], np.uint32))
    return PostingsScorer(postings, np.array([20, 5]))


def test_a_window_takes_from_each_of_two_neighbouring_blocks_of_one_page_what_is_more_similar() -> None:
    query = QueryTokens(np.array([[0.8, 0.6, 0, 0], [0, 0.6, 0.8, 0]], np.float32), ["a", "b"], window=2 * BLOCK)
    pages, starts, scores = hand_made().windows(query, 10, np.ones(2, np.bool_))
    # Nothing is left out but similarities of 0. Page 0: block 0 alone has .8 + 0, blocks 0 and 1 have .8 + .6, block 1
    # alone .6 + .6; page 1 has .8 + .8 in its one block (twice: once as a window of the free place), which no window
    # joins with block 1.
    assert pages.tolist() == [0, 0, 0, 1, 1]
    assert starts.tolist() == [0, 0, 12, 20, 20]
    step = 0.8 / 255 + 0.8 / 63  # similarities are kept as bytes, those to centroids are found in 8-bit integers
    assert scores.tolist() == pytest.approx([0.8, 1.4, 1.2, 1.6, 1.6], abs=2 * step / 2 + 1e-6)


def test_a_page_takes_of_all_its_blocks_and_a_page_that_is_not_allowed_is_left_out() -> None:
    query = QueryTokens(
        np.array([[0.8, 0.6, 0, 0], [0, 0.6, 0.8, 0]], np.float32), ["a", "b"], np.array([2, 1], np.float32)
    )
    pages, scores = hand_made().pages(query, 10, np.ones(2, np.bool_))
    step = 1.6 / 255
    assert dict(zip(pages.tolist(), scores.tolist(), strict=True)) == pytest.approx({0: 2.2, 1: 2.4}, abs=step)
    pages, _ = hand_made().pages(query, 10, np.array([True, False]))
    assert pages.tolist() == [0]


def test_what_no_posting_names_counts_as_the_nearest_centroid_left_out() -> None:
    """A segment of more centroids than are read: similarities .99, .98, ... to one query token."""
    similarities = np.linspace(0.99, 0.01, 99, dtype=np.float32)
    centroids = np.stack([similarities, np.sqrt(1 - similarities**2)], axis=1).astype(np.float16)
    postings = TokenPostings(centroids, np.arange(100), np.arange(99, dtype=np.uint32))
    scorer = PostingsScorer(postings, np.ones(99, np.int64))
    pages, scores = scorer.pages(QueryTokens(np.array([[1, 0]], np.float32), ["a"]), 99, np.ones(99, np.bool_))
    by_page = dict(zip(pages.tolist(), scores.tolist(), strict=True))
    assert np.isclose(by_page[0], 0.99, atol=4e-3) and np.isclose(by_page[31], 0.68, atol=4e-3)
    assert all(np.isclose(by_page[page], 0.67, atol=4e-3) for page in range(32, 99))  # 32 centroids are read


def test_pages_that_are_no_longer_live_do_not_come_back() -> None:
    vectors = random_pages([30] * 400, 3)
    rows = packed(*vectors)
    live = np.arange(400) % 3 > 0
    numbers = np.where(live, np.cumsum(live) - 1, -1)
    tokens = ChunkedTokens([rows.tokens.page_range(page, page + 1) for page in np.flatnonzero(live).tolist()], 16)
    segment = IndexedSegment(rows.tokens, build_postings([rows.tokens], 16, min_tokens=1), numbers)
    index = PostingsMaxSim(tokens, [segment], threads=1, scan_below=0)
    exact = ExactMaxSim(tokens)
    for window in (0, 24):
        query = QueryTokens(vectors[0][:5], ["a"] * 5, window=window)
        found, scores = index.search(query, 20)
        expected = dict(zip(*(column.tolist() for column in exact.search(query, 266)), strict=True))
        assert [expected[row] for row in found.tolist()] == scores.tolist()
        assert len(set(found.tolist())) == 20


def test_dead_copies_of_the_last_live_page_displace_no_live_page() -> None:
    """Row -1 of a page that is no longer live must not be read as the last live row."""
    vectors = random_pages([24] * 40, 4)
    live = np.zeros(400, np.bool_)
    live[:40] = True
    pages = vectors + [vectors[39]] * 360  # all dead, all as similar as can be
    rows = packed(*pages)
    numbers = np.where(live, np.arange(400), -1)
    tokens = ChunkedTokens([rows.tokens.page_range(0, 40)], 16)
    segment = IndexedSegment(rows.tokens, build_postings([rows.tokens], 16, min_tokens=1), numbers)
    for window in (0, 24):
        query = QueryTokens(vectors[39][:5], ["a"] * 5, window=window)
        found, _ = PostingsMaxSim(tokens, [segment], threads=1, scan_below=0).search(query, 40)
        assert found[0] == 39
        assert sorted(found.tolist()) == list(range(40))


def test_an_index_says_what_it_searches_by() -> None:
    rows = packed(*random_pages([30] * 30, 6))
    segment = IndexedSegment(rows.tokens, build_postings([rows.tokens], 16, min_tokens=1), np.arange(30))
    tokens = ChunkedTokens([rows.tokens, rows.tokens.page_range(0, 7)], 16)
    assert PostingsMaxSim(tokens, [segment]).name == "token postings, 1 segment, 7 pages compared in full"
    others = IndexedSegment(rows.tokens, segment.postings, np.arange(30, 60))
    twice = ChunkedTokens([rows.tokens, rows.tokens], 16)
    assert PostingsMaxSim(twice, [segment, others]).name == "token postings, 2 segments"


def test_pages_of_a_segment_know_their_rows_among_the_live_pages_of_all_segments() -> None:
    runs = [("a", 1, 3), ("b", 0, 2), ("a", 4, 5)]
    assert rows_of_segment("a", 6, runs).tolist() == [-1, 0, 1, -1, 4, -1]
    assert rows_of_segment("b", 2, runs).tolist() == [2, 3]


def test_the_largest_scores_are_found_among_ties_and_minus_infinity() -> None:
    scores = np.array([1, 5, -np.inf, 5, 2, 5, 0, 4] * 10, np.float32)
    for size in (1, 3, 29, 30, 31, 70, 71, 80, 100):
        found = largest(scores, size)
        finite = np.sort(scores[np.isfinite(scores)])[::-1]
        assert sorted(scores[found].tolist(), reverse=True) == finite[:size].tolist()
    assert len(largest(np.zeros(0, np.float32), 3)) == 0


def test_scores_as_large_as_the_last_are_found_up_to_a_limit() -> None:
    scores = np.array([1, 5, 3, 3, -np.inf, 3, 3], np.float32)
    assert largest(scores, 2).tolist() == [1, 2]
    assert largest(scores, 2, most=3).tolist() == [1, 2, 3]
    assert largest(scores, 2, most=10).tolist() == [1, 2, 3, 5, 6]


def test_windows_as_good_as_the_last_come_too_up_to_as_many_again() -> None:
    """Ten pages of one block each, which the postings cannot tell apart, behind a page without any posting."""
    postings = TokenPostings(AXES.astype(np.float16), np.array([0, 10, 10, 10, 10]), np.arange(1, 11, dtype=np.uint32))
    scorer = PostingsScorer(postings, np.full(11, BLOCK))
    query = QueryTokens(AXES[:1], ["a"], window=2 * BLOCK)
    for size in (1, 3, 5, 10, 11):  # each block is a window twice: with the free place before it, and alone
        pages, _, scores = scorer.windows(query, size, np.ones(11, np.bool_))
        assert len(pages) == min(2 * size, 20) and 0 not in pages and len(set(scores.tolist())) == 1
    pages, _, _ = scorer.windows(query, 21, np.ones(11, np.bool_))
    assert len(pages) == 21 and 0 in pages  # of what nothing is known only as many as are asked for
    pages, _, _ = scorer.windows(query, 3, np.arange(11) == 7)
    assert set(pages.tolist()) == {7}
