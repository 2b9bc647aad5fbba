"""Fit of a linear reranker: a multinomial logistic regression over the candidates of each query.

(Bradley-Terry, ListNet: Cao et al., "Learning to rank: from pairwise approach to listwise approach", ICML 2007.) With a
ridge penalty on weights of standardized features, and weights not below zero.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

RIDGE = 0.02  # on weights of standardized features
PRIOR_RIDGE = 0.05 * RIDGE  # the same for the first feature, which needs no shrinking

Candidates = tuple[NDArray[np.float64], NDArray[np.bool_]]
"""Features of a query's candidates, (n_candidates, n_features), and which of them are relevant, (n_candidates,)."""


def fit_weights(queries: Iterable[Candidates], names: Sequence[str]) -> dict[str, float]:
    """Return the weight of each feature that makes the relevant candidates most probable among those of their query.

    Queries without a relevant candidate are left out; all weights are 0 where no query is left.
    """
    usable = [(features, relevant) for features, relevant in queries if relevant.any()]
    if not usable:
        return dict.fromkeys(names, 0.0)
    deviation = np.concatenate([features - features.mean(axis=0) for features, _ in usable]).std(axis=0) + 1e-9
    ridge = np.array([PRIOR_RIDGE, *[RIDGE] * (len(names) - 1)])
    scaled = [(features / deviation, relevant / relevant.sum()) for features, relevant in usable]

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        total, gradient = 0.0, np.zeros(len(weights))
        for features, target in scaled:
            logits = features @ weights
            log_sum = np.logaddexp.reduce(logits)
            total -= float(target @ (logits - log_sum))
            gradient -= (target - np.exp(logits - log_sum)) @ features
        count = len(scaled)
        return total / count + float(ridge @ weights**2) / 2, gradient / count + ridge * weights

    found = minimize(loss, np.zeros(len(names)), jac=True, bounds=[(0, None)] * len(names), method="L-BFGS-B")
    return {name: round(float(weight), 4) for name, weight in zip(names, found.x / deviation, strict=True)}
