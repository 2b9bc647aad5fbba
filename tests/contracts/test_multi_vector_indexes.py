"""What every multi-vector index must do, each compared with float64 loops."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pagelens.core.types import QueryTokens, TokenMatrix
from pagelens.index.late.exact_maxsim import ExactMaxSim
from pagelens.index.late.fast_maxsim import FastMaxSim, rescoring_depth, top_rows
from pagelens.index.late.multi_vector_index import FAST_FROM, MultiVectorIndex, open_multi_vector_index
from pagelens.index.late.postings_maxsim import PostingsMaxSim
from pagelens.index.late.ragged import ChunkedTokens
from pagelens.index.late.token_postings import IndexedSegment, build_postings
from pagelens.index.late.token_segments import TokenRows, pack_tokens, shorten
from tests.concurrent_calls import call_concurrently
from tests.contracts.on_qdrant import TokensOnQdrant

DIM = 16

Build = Callable[[Sequence[TokenRows]], MultiVectorIndex]


def tokens_of(parts: Sequence[TokenRows]) -> ChunkedTokens:
    return ChunkedTokens([part.tokens for part in parts], DIM)


def segments_of(parts: Sequence[TokenRows], dim: int = DIM) -> list[IndexedSegment]:
    """All parts with tokens but the last, so that some pages have no postings where there are several parts."""
    indexed, first = [], 0
    for part in parts[: max(1, len(parts) - 1)]:
        if len(part.tokens.codes):
            postings = build_postings([part.tokens], dim, min_tokens=1)
            indexed.append(IndexedSegment(part.tokens, postings, np.arange(first, first + len(part))))
        first += len(part)
    return indexed


def postings_of(parts: Sequence[TokenRows]) -> PostingsMaxSim:
    return PostingsMaxSim(tokens_of(parts), segments_of(parts), threads=1, scan_below=0)


ALL: dict[str, Build] = {
    "exact": lambda parts: ExactMaxSim(tokens_of(parts)),
    "fast": lambda parts: FastMaxSim(tokens_of(parts), threads=1),
    "postings": postings_of,
    "chosen by size": lambda parts: open_multi_vector_index(tokens_of(parts), segments_of(parts), threads=1),
    "qdrant": lambda parts: TokensOnQdrant(parts, DIM),
}


def unit_rows(count: int, rng: np.random.Generator, dim: int = DIM) -> NDArray[np.float32]:
    rows = rng.normal(size=(count, dim))
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def page(vectors: NDArray[np.float32]) -> TokenMatrix:
    return TokenMatrix(vectors, np.zeros((len(vectors), 4), np.float32))


def pages(lengths: Sequence[int], seed: int) -> list[TokenMatrix]:
    rng = np.random.default_rng(seed)
    return [page(unit_rows(length, rng)) for length in lengths]


def stored_as(storage: str, matrices: Sequence[TokenMatrix]) -> TokenRows:
    if storage == "float16":
        return pack_tokens(matrices, DIM, storage="float16")
    rows = pack_tokens(matrices, DIM)
    return rows if storage == "int8" else shorten(rows, 4 if storage == "4 bits" else 2)


def query(count: int, seed: int, weights: NDArray[np.float32] | None = None, *, window: int = 0) -> QueryTokens:
    return QueryTokens(unit_rows(count, np.random.default_rng(seed)), ["word"] * count, weights, window)


def truth(query_tokens: QueryTokens, stored: Sequence[TokenMatrix]) -> list[float]:
    """MaxSim as in the paper, in Python floats; with a window, the best of two neighbouring blocks."""
    if query_tokens.window:
        whole, size = replace(query_tokens, window=0), query_tokens.window // 2
        pieces = [
            [TokenMatrix(one.vectors[start : start + 2 * size], one.boxes) for start in range(0, len(one.boxes), size)]
            for one in stored
        ]
        return [max(truth(whole, some), default=-np.inf) for some in pieces]
    weights = [1.0] * len(query_tokens.vectors) if query_tokens.weights is None else query_tokens.weights.tolist()
    scores = []
    for matrix in stored:
        if not len(matrix.vectors):
            scores.append(-np.inf)
            continue
        score = 0.0
        for vector, weight in zip(query_tokens.vectors.tolist(), weights, strict=True):
            score += weight * max(
                sum(a * b for a, b in zip(vector, token, strict=True)) for token in matrix.vectors.tolist()
            )
        scores.append(score)
    return scores


def unpacked(parts: Sequence[TokenRows]) -> list[TokenMatrix]:
    return [part.matrix(row) for part in parts for row in range(len(part))]


@pytest.mark.parametrize("name", ALL)
@settings(deadline=None, max_examples=40)
@given(
    lengths=st.lists(st.sampled_from([0, 1, 2, 3, 7, 12]), max_size=14),
    cut=st.integers(0, 14),
    count=st.integers(1, 5),
    k=st.integers(1, 16),
    seed=st.integers(0, 10_000),
    share=st.floats(0.2, 1.0),
    weighted=st.booleans(),
    storage=st.sampled_from(["int8", "float16", "4 bits", "2 bits"]),
    window=st.sampled_from([0, 2, 4, 6]),
)
def test_the_k_best_allowed_pages_come_back_best_first(
    name: str,
    lengths: list[int],
    cut: int,
    count: int,
    k: int,
    seed: int,
    share: float,
    weighted: bool,
    storage: str,
    window: int,
) -> None:
    stored = pages(lengths, seed)
    parts = [stored_as(storage, stored[:cut]), pack_tokens(stored[cut:], DIM)]
    rng = np.random.default_rng(seed + 1)
    weights = rng.uniform(0.1, 3.0, count).astype(np.float32) if weighted else None
    query_tokens, allowed = query(count, seed + 2, weights, window=window), rng.random(len(lengths)) < share
    expected = np.array(truth(query_tokens, unpacked(parts)), np.float64).reshape(-1)
    rows, scores = ALL[name](parts).search(query_tokens, k, allowed=allowed)
    findable = allowed & (expected > -np.inf)
    assert len(rows) == min(k, int(findable.sum()))
    assert findable[rows].all()
    assert np.allclose(scores, expected[rows], atol=1e-5)
    assert np.allclose(scores, np.sort(expected[findable])[::-1][:k], atol=1e-5)
    assert (np.diff(scores) <= 0).all()


@pytest.mark.parametrize("storage", ["int8", "4 bits"])
@pytest.mark.parametrize("name", ALL)
def test_equal_pages_keep_their_order_wherever_they_stand(name: str, storage: str) -> None:
    """Copies of one page lie in blocks of different shapes; a matrix product's last bits may differ there."""
    rng = np.random.default_rng(4)
    copy = page(blurred(np.repeat(unit_rows(1, rng), 9, axis=0), 0.05, rng))
    others = [page(unit_rows(int(rng.integers(1, 40)), rng)) for _ in range(600)]
    places = [3, 4, 77, 300, 301, 302, 599]
    for place in places:
        others[place] = copy
    query_tokens = QueryTokens(copy.vectors[:5], ["word"] * 5)
    rows, scores = ALL[name]([stored_as(storage, others)]).search(query_tokens, 5)
    assert rows.tolist() == places[:5]
    assert len(set(scores.tolist())) == 1


@pytest.mark.parametrize("name", ALL)
def test_a_page_whose_best_similarity_is_negative_keeps_it(name: str) -> None:
    vector = unit_rows(1, np.random.default_rng(1))
    [index] = [ALL[name]([pack_tokens([page(-vector), page(np.zeros((0, DIM), np.float32)), page(vector)], DIM)])]
    rows, scores = index.search(QueryTokens(vector, ["word"]), 3)
    assert rows.tolist() == [2, 0]
    assert np.allclose(scores, [1.0, -1.0], atol=0.01)
    assert len(index) == 3


@pytest.mark.parametrize("name", ALL)
def test_nothing_comes_back_from_nothing(name: str) -> None:
    query_tokens = query(2, 0)
    stored = pages([4, 4], 1)
    for index, question, k, allowed in (
        (ALL[name]([]), query_tokens, 5, None),
        (ALL[name]([pack_tokens([], DIM)]), query_tokens, 5, None),
        (ALL[name]([pack_tokens(pages([0, 0], 1), DIM)]), query_tokens, 5, None),
        (ALL[name]([pack_tokens(stored, DIM)]), query_tokens, 0, None),
        (ALL[name]([pack_tokens(stored, DIM)]), query(0, 0), 5, None),
        (ALL[name]([pack_tokens(stored, DIM)]), query_tokens, 5, np.zeros(2, np.bool_)),
    ):
        rows, scores = index.search(question, k, allowed=allowed)
        assert len(rows) == len(scores) == 0


@pytest.mark.parametrize("name", ALL)
def test_a_weight_of_two_is_the_token_said_twice(name: str) -> None:
    index = ALL[name]([pack_tokens(pages([5] * 30, 8), DIM)])
    once = query(3, 9)
    twice = QueryTokens(once.vectors[[0, 1, 1, 2]], ["a", "b", "b", "c"])
    weighted = QueryTokens(once.vectors, ["a", "b", "c"], np.array([1, 2, 1], np.float32))
    assert index.search(weighted, 10)[0].tolist() == index.search(twice, 10)[0].tolist()
    assert np.allclose(index.search(weighted, 10)[1], index.search(twice, 10)[1], atol=1e-5)


@pytest.mark.parametrize("name", ALL)
def test_a_long_page_with_the_words_apart_loses_to_a_short_one_with_them_together(name: str) -> None:
    rng = np.random.default_rng(2)
    query_tokens = query(2, 3, window=4)
    noise = unit_rows(40, rng)
    apart = page(np.concatenate([query_tokens.vectors[:1], noise, query_tokens.vectors[1:]]))
    together = page(np.concatenate([noise, 0.9 * query_tokens.vectors, noise]))
    index = ALL[name]([pack_tokens([apart, together], DIM)])
    assert index.search(query_tokens, 2)[0].tolist() == [1, 0]
    assert index.search(replace(query_tokens, window=0), 2)[0].tolist() == [0, 1]


@pytest.mark.parametrize("storage", ["int8", "4 bits", "2 bits"])
@pytest.mark.parametrize("name", ["fast", "postings"])
def test_a_quick_index_scores_what_it_finds_as_the_exact_one_does(name: str, storage: str) -> None:
    parts = [stored_as(storage, pages([20] * 900, 5))]
    query_tokens = query(6, 6)
    exact = dict(zip(*(values.tolist() for values in ALL["exact"](parts).search(query_tokens, 900)), strict=True))
    rows, scores = ALL[name](parts).search(query_tokens, 10)
    assert [exact[row] for row in rows.tolist()] == scores.tolist()


def concepts(seed: int) -> tuple[list[TokenMatrix], list[QueryTokens]]:
    """Pages that share concepts, and queries that are blurred pieces of one page each; (n, 64) as real tokens are."""
    rng = np.random.default_rng(seed)
    shared = unit_rows(200, rng, 64)
    stored = []
    for _ in range(1_000):
        mean = shared[rng.choice(200, 10)]
        stored.append(page(blurred(mean[rng.integers(0, 10, 80)], 0.09, rng)))
    queries = []
    for target in rng.choice(1_000, 30):
        vectors = blurred(stored[target].vectors[rng.choice(80, 8)], 0.09, rng)
        queries.append(QueryTokens(vectors, ["word"] * 8))
    return stored, queries


def blurred(rows: NDArray[np.float32], noise: float, rng: np.random.Generator) -> NDArray[np.float32]:
    moved = rows + rng.normal(size=rows.shape) * noise
    return np.asarray(moved / np.linalg.norm(moved, axis=1, keepdims=True), np.float32)


def test_quick_indexes_find_nearly_what_the_exact_twin_finds() -> None:
    stored, queries = concepts(3)
    packed = pack_tokens(stored, 64)
    tokens = ChunkedTokens([packed.tokens], 64)
    exact = ExactMaxSim(tokens)
    postings = PostingsMaxSim(tokens, segments_of([packed], 64), threads=1, scan_below=0)
    for index in (FastMaxSim(tokens, threads=1), postings):
        for window in (0, 24):
            windowed = [replace(query_tokens, window=window) for query_tokens in queries]
            shared = [
                len(set(exact.search(one, 10)[0].tolist()) & set(index.search(one, 10)[0].tolist())) for one in windowed
            ]
            assert np.mean(shared) / 10 >= 0.99, (index, window)


@pytest.mark.parametrize("name", ["fast", "postings"])
def test_searches_of_many_threads_at_once_find_to_the_last_bit_what_each_finds_alone(name: str) -> None:
    stored = pages([5, 30, 0, 17, 60] * 60, 11)
    queries = [query(2 + number % 5, number, window=(0, 4)[number % 2]) for number in range(16)]
    depths = [1 + number for number in range(16)]
    index, alone = ALL[name]([pack_tokens(stored, DIM)]), ALL[name]([pack_tokens(stored, DIM)])
    together = call_concurrently(lambda request: index.search(*request), list(zip(queries, depths, strict=True)))
    for (rows, scores), query_tokens, k in zip(together, queries, depths, strict=True):
        expected_rows, expected_scores = alone.search(query_tokens, k)
        assert rows.tolist() == expected_rows.tolist()
        assert scores.tolist() == expected_scores.tolist()


def test_a_shared_scan_finds_for_each_query_what_a_scan_for_it_alone_finds() -> None:
    tokens = tokens_of([pack_tokens(pages([5, 30, 1, 17, 60] * 60, 12), DIM)])
    queries = [
        query(1 + number, number, np.linspace(1, 2, 1 + number, dtype=np.float32), window=6) for number in range(5)
    ]
    rows, sizes = np.arange(300), [4, 50, 1, 299, 300]
    together = top_rows(tokens, queries, rows, sizes, threads=1)
    for found, query_tokens, size in zip(together, queries, sizes, strict=True):
        [alone] = top_rows(tokens, [query_tokens], rows, [size], threads=1)
        assert found.tolist() == alone.tolist()
        assert len(found) == size


def test_the_size_of_a_lane_and_its_postings_decide_which_index_serves_it() -> None:
    packed = pack_tokens(pages([1] * FAST_FROM, 0), DIM)
    tokens = ChunkedTokens([packed.tokens], DIM)
    assert (
        type(open_multi_vector_index(ChunkedTokens([packed.tokens.page_range(1, FAST_FROM)], DIM), [])) is ExactMaxSim
    )
    assert type(open_multi_vector_index(tokens, [])) is FastMaxSim
    assert type(open_multi_vector_index(tokens, segments_of([packed]))) is PostingsMaxSim


def test_more_pages_are_rescored_than_are_returned() -> None:
    assert [rescoring_depth(k) for k in (1, 10, 200)] == [9, 19, 233]
