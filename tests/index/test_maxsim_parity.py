"""Scores and pooled tokens equal those of colpali-engine."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

import pagelens.encode.torch_support  # noqa: F401  before colpali_engine
from pagelens.core.types import QueryTokens, TokenMatrix
from pagelens.index.late.maxsim import score_page
from pagelens.index.late.token_pooling import pool_tokens

from colpali_engine.compression.token_pooling import HierarchicalTokenPooler  # isort: skip
from colpali_engine.utils.processing_utils import BaseVisualRetrieverProcessor  # isort: skip


def unit_rows(count: int, dim: int, seed: int) -> NDArray[np.float32]:
    rows = np.random.default_rng(seed).normal(size=(count, dim))
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def test_scores_equal_score_multi_vector_where_no_padding_interferes() -> None:
    queries = [unit_rows(count, 128, count) for count in (11, 11, 11)]
    pages = [unit_rows(700, 128, 10 + seed) for seed in range(4)]
    expected = BaseVisualRetrieverProcessor.score_multi_vector(
        [torch.from_numpy(query) for query in queries], [torch.from_numpy(page) for page in pages], device="cpu"
    )
    ours = [[score_page(QueryTokens(query, ["w"] * 11), page) for page in pages] for query in queries]
    assert np.allclose(ours, expected.numpy(), atol=1e-5)


def test_where_padding_interferes_it_is_colpali_engine_that_is_padded() -> None:
    """A short page far from the query scores 0 beside a longer one, for its padding; ours keeps what it is."""
    query = unit_rows(1, 16, 0)
    pages = [-query, unit_rows(5, 16, 1)]
    padded = BaseVisualRetrieverProcessor.score_multi_vector(
        [torch.from_numpy(query)], [torch.from_numpy(page) for page in pages], device="cpu"
    )
    assert float(padded[0, 0]) == 0.0
    assert score_page(QueryTokens(query, ["w"]), pages[0]) == pytest.approx(-1.0, abs=1e-6)


@pytest.mark.parametrize(("count", "factor"), [(60, 3), (61, 3), (50, 9), (7, 9), (2, 2), (200, 4), (700, 3)])
def test_pooled_tokens_equal_those_of_the_hierarchical_token_pooler(count: int, factor: int) -> None:
    vectors = unit_rows(count, 32, count)
    [expected] = HierarchicalTokenPooler().pool_embeddings([torch.from_numpy(vectors)], pool_factor=factor)
    pooled = pool_tokens(TokenMatrix(vectors, np.zeros((count, 4), np.float32)), factor)
    assert np.allclose(pooled.vectors, expected.numpy(), atol=1e-5)
    assert len(pooled.boxes) == len(pooled.vectors) <= max(count // factor, 1)
