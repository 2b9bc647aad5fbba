"""What every dense index must do, each compared with float64 numpy."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pagelens.index.dense.exact_index import BLOCK, ExactIndex, Matrix
from pagelens.index.dense.faiss_index import FaissIndex
from pagelens.index.dense.vector_index import VectorIndex, open_vector_index
from tests.contracts.on_qdrant import VectorsOnQdrant

Build = Callable[[Matrix], VectorIndex]


def in_three_chunks(vectors: Matrix) -> FaissIndex:
    third = -(-len(vectors) // 3)
    return FaissIndex(vectors[:third], vectors[third : 2 * third], vectors[2 * third :])


ALL: dict[str, Build] = {
    "exact": ExactIndex,
    "faiss": FaissIndex,
    "faiss over chunks": in_three_chunks,
    "qdrant": VectorsOnQdrant,
}


def unit_rows(count: int, dim: int, seed: int) -> NDArray[np.float16]:
    rows = np.random.default_rng(seed).normal(size=(count, dim))
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float16)


def truth(vectors: Matrix, query: NDArray[np.float32]) -> NDArray[np.float64]:
    return vectors.astype(np.float64) @ query.astype(np.float64)


@pytest.mark.parametrize("name", ALL)
@settings(deadline=None, max_examples=30)
@given(count=st.integers(1, 300), k=st.integers(1, 40), seed=st.integers(0, 10_000), share=st.floats(0.05, 1.0))
def test_the_k_best_allowed_rows_come_back_best_first(name: str, count: int, k: int, seed: int, share: float) -> None:
    vectors = unit_rows(count, 16, seed)
    query = unit_rows(1, 16, seed + 1)[0].astype(np.float32)
    allowed = np.random.default_rng(seed + 2).random(count) < share
    expected = truth(vectors, query)
    rows, scores = ALL[name](vectors).search(query, k, allowed=allowed)
    best = np.sort(expected[allowed])[::-1][:k]
    assert len(rows) == min(k, int(allowed.sum()))
    assert allowed[rows].all()
    assert np.allclose(scores, expected[rows], atol=1e-3)
    assert np.allclose(expected[rows], best, atol=1e-3)
    assert (np.diff(scores) <= 0).all()


@pytest.mark.parametrize("name", ALL)
def test_equal_scores_keep_the_order_of_the_rows(name: str) -> None:
    vectors = np.tile(unit_rows(1, 8, 3), (6, 1))
    rows, scores = ALL[name](vectors).search(vectors[0].astype(np.float32), 6)
    assert rows.tolist() == [0, 1, 2, 3, 4, 5]
    assert np.allclose(scores, 1.0, atol=2e-3)


@pytest.mark.parametrize("name", ALL)
def test_nothing_comes_back_from_nothing(name: str) -> None:
    query = unit_rows(1, 8, 0)[0].astype(np.float32)
    for vectors, k, allowed in (
        (np.zeros((0, 8), np.float16), 5, None),
        (unit_rows(4, 8, 1), 0, None),
        (unit_rows(4, 8, 1), 5, np.zeros(4, np.bool_)),
    ):
        rows, scores = ALL[name](vectors).search(query, k, allowed=allowed)
        assert len(rows) == len(scores) == 0


@pytest.mark.parametrize("name", ALL)
def test_a_k_larger_than_the_index_returns_all_rows(name: str) -> None:
    vectors = unit_rows(7, 8, 1)
    rows, _ = ALL[name](vectors).search(vectors[2].astype(np.float32), 100)
    assert sorted(rows.tolist()) == list(range(7))
    assert rows[0] == 2
    assert len(ALL[name](vectors)) == 7


@pytest.mark.parametrize("name", ALL)
def test_rows_beyond_one_block_are_searched_too(name: str) -> None:
    vectors = unit_rows(BLOCK + 50, 8, 5)
    last = BLOCK + 49
    rows, _ = ALL[name](vectors).search(vectors[last].astype(np.float32), 1)
    assert rows.tolist() == [last]


@pytest.mark.parametrize(("count", "kept"), [(4_000, True), (4_001, False)])
def test_only_few_vectors_stay_in_memory_as_float32_and_the_scores_are_the_same(count: int, kept: bool) -> None:
    vectors = np.tile(unit_rows(50, 1_000, 6), (81, 1))[:count]
    index, query = ExactIndex(vectors), unit_rows(1, 1_000, 7)[0].astype(np.float32)
    assert (index.scores(query) == vectors.astype(np.float32) @ query).all()
    assert (index._small is not None) == kept


def test_the_number_of_vectors_decides_which_index_serves_a_lane() -> None:
    assert type(open_vector_index(unit_rows(7_999, 2, 0))) is ExactIndex
    assert type(open_vector_index(unit_rows(8_000, 2, 0))) is FaissIndex
    assert type(open_vector_index(unit_rows(7_000, 2, 0), unit_rows(999, 2, 0))) is ExactIndex
    assert type(open_vector_index(unit_rows(7_000, 2, 0), unit_rows(1_000, 2, 0))) is FaissIndex


def test_a_faiss_index_reads_vectors_where_they_lie() -> None:
    """No copy: a vector that is changed afterwards is found as it is now."""
    vectors = unit_rows(20, 8, 6)
    index = FaissIndex(vectors[:12], vectors[12:])
    vectors[3] = -vectors[15]
    rows, scores = index.search(-vectors[15].astype(np.float32), 1)
    assert rows.tolist() == [3]
    assert scores[0] == pytest.approx(1.0, abs=2e-3)
