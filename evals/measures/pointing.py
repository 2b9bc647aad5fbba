"""How well boxes on a page point at the gold boxes of the evidence, by areas. Computed exactly, from numbers only.

    inside    at least half of the area that is pointed at lies inside the gold boxes
    coverage  the share of the gold boxes' area that is pointed at
    F1        the harmonic mean of the two shares of area, as in ViDoRe V3's box F1

Boxes that overlap count once: areas are those of unions.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pagelens.core.types import Box

INSIDE = 0.5  # of the area pointed at: from here on it points inside the gold boxes


@dataclass(frozen=True, slots=True)
class Pointing:
    """Shares of area, 0 to 1: of what is pointed at that is gold (precision), of gold that is pointed at (coverage)."""

    precision: float
    coverage: float

    @property
    def inside(self) -> bool:
        """Whether at least half of what is pointed at is gold."""
        return self.precision >= INSIDE

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and coverage; 0 if both are."""
        total = self.precision + self.coverage
        return 2 * self.precision * self.coverage / total if total else 0.0


NOWHERE = Pointing(0.0, 0.0)


def point(found: Sequence[Box], gold: Sequence[Box]) -> Pointing:
    """Compare the boxes found on a page with the gold boxes of the same page; NOWHERE if there are none of either."""
    edges_x, edges_y = (np.unique([box[axis] for box in (*found, *gold) for axis in axes]) for axes in ((0, 2), (1, 3)))
    areas = np.outer(np.diff(edges_y), np.diff(edges_x))  # of the cells between neighbouring edges
    found_cells, gold_cells = (_covered(boxes, edges_x, edges_y) for boxes in (found, gold))
    found_area, gold_area = float(areas[found_cells].sum()), float(areas[gold_cells].sum())
    if not found_area or not gold_area:
        return NOWHERE
    common = float(areas[found_cells & gold_cells].sum())
    return Pointing(precision=common / found_area, coverage=common / gold_area)


def _covered(boxes: Sequence[Box], edges_x: NDArray[np.float64], edges_y: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which cells any of the boxes covers, (n_rows, n_columns)."""
    cells = np.zeros((max(0, len(edges_y) - 1), max(0, len(edges_x) - 1)), np.bool_)
    for x0, y0, x1, y1 in boxes:
        left, right = np.searchsorted(edges_x, (x0, x1))
        top, bottom = np.searchsorted(edges_y, (y0, y1))
        cells[top:bottom, left:right] = True
    return cells
