"""The builtin reranker: a linear model of three features that cost next to nothing, without torch.

`benchmarks/train_reranker.py` fits the weights and measures what they give; their file has its figures.
"""

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pagelens.core.types import RerankCandidate
from pagelens.retrieve.reranking.features import FEATURES, feature_matrix

WEIGHTS_FILE = Path(__file__).with_name("builtin_weights.json")


class BuiltinReranker:
    """Implements `pagelens.core.protocols.Reranker`."""

    name = "builtin"
    cost = ""

    def __init__(self, weights: Mapping[str, float] | None = None) -> None:
        """`weights` by feature; None: those of the package."""
        weights = read_weights_file()["weights"] if weights is None else weights
        self._weights = np.array([weights[name] for name in FEATURES])

    def scores(
        self, query: str, candidates: Sequence[RerankCandidate], idf: Mapping[str, float]
    ) -> NDArray[np.float64]:
        """See `Reranker.scores`."""
        del query
        scores: NDArray[np.float64] = feature_matrix(candidates, idf) @ self._weights
        return scores


@lru_cache(1)
def read_weights_file() -> Mapping[str, Any]:
    """Return the content of the package's weights: `weights` by feature, `folds` and `figures` of the fit."""
    content: dict[str, Any] = json.loads(WEIGHTS_FILE.read_text("utf-8"))
    return content
