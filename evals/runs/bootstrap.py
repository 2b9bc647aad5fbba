"""Seeded bootstrap intervals of means, and of paired differences of means, computed from numbers only.

Percentile intervals over resampled questions (Efron, 1979), or over resampled groups of questions: results on one
document are correlated, so an interval that resamples single questions is too narrow.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 5_000
SEED = 20_261_121
LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean with its 95% confidence interval over `count` questions."""

    mean: float
    low: float
    high: float
    count: int

    @property
    def excludes_zero(self) -> bool:
        """Whether zero is outside the interval, so that a difference is significant."""
        return self.low > 0 or self.high < 0


def mean_interval(values: Sequence[float], groups: Sequence[str] | None = None) -> Interval:
    """Return the mean of values with its interval; values with the same name in `groups` are resampled together."""
    if not values:
        return Interval(0.0, 0.0, 0.0, 0)
    column = np.asarray(values, np.float64)[:, None]
    low, high = intervals(column, groups)
    return Interval(float(column.mean()), float(low[0]), float(high[0]), len(values))


def intervals(
    values: NDArray[np.float64], groups: Sequence[str] | None = None, *, resamples: int = RESAMPLES, seed: int = SEED
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the ends of the interval of each column's mean. `values` (n_questions, n_columns) -> two (n_columns,)."""
    means = resampled_means(values, groups, resamples=resamples, seed=seed)
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(means, [tail, 1 - tail], axis=0)
    return low, high


def resampled_means(
    values: NDArray[np.float64], groups: Sequence[str] | None = None, *, resamples: int = RESAMPLES, seed: int = SEED
) -> NDArray[np.float64]:
    """Return each column's mean in every resample, (resamples, n_columns). The same seed draws the same questions."""
    sums, sizes = values, np.ones(len(values))
    if groups is not None:
        assert len(groups) == len(values), (len(groups), len(values))
        _, group = np.unique(np.asarray(groups), return_inverse=True)
        sums = np.zeros((int(group.max()) + 1, values.shape[1]))
        np.add.at(sums, group, values)
        sizes = np.bincount(group).astype(np.float64)
    units = len(sums)
    counts = _resample_counts(units, resamples, seed)
    return (counts @ sums) / (counts @ sizes)[:, None]


@lru_cache(maxsize=8)
def _resample_counts(units: int, resamples: int, seed: int) -> NDArray[np.float64]:
    """Return how often each unit is drawn in each resample, (resamples, units)."""
    counts = np.random.default_rng(seed).multinomial(units, np.full(units, 1 / units), size=resamples)
    return counts.astype(np.float64)
