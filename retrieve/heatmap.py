"""Where on a page late interaction looked: as a picture of heat, as the window of words, as the hottest places.

Pages of words are painted where their words stand, pages of patches as a smooth map. Knows tokens and boxes; no lanes,
no snapshots.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pagelens.core.types import Box, PageText, QueryTokens, TokenMatrix
from pagelens.encode.page.heatmaps import heat_map, paint, spread, token_heat
from pagelens.index.late.maxsim import PageWindows, max_similarities, weighted_sum

HOT = 0.6  # of the way from the coldest patch to the hottest: as hot is evidence,
MOST_PLACES = 12  # so many patches at most


def draw_heat(query: QueryTokens, page: TokenMatrix, *, of_words: bool, height: int, width: int) -> NDArray[np.float32]:
    """Return (height, width) in 0..1: how much each place of the page adds to its score."""
    if of_words:
        return paint(token_heat(query, page), page.boxes, height, width)
    return spread(heat_map(query, page).overall, height, width)


def best_stretch(query: QueryTokens, page: TokenMatrix) -> slice:
    """Return the rows of the page's tokens that it stands by; all of them for a query without a window."""
    cuts = PageWindows.of(np.zeros(1, np.int64), len(page.vectors), query.window)
    best = max_similarities(query.vectors, page.vectors, None, cuts.starts)
    if cuts.joined is not None:
        np.maximum(best[:, :-1], best[:, 1:], out=best[:, :-1], where=cuts.joined[:-1])
    first = int(weighted_sum(best, query.weights).argmax())
    stops = [*cuts.starts[1:].tolist(), len(page.vectors)]
    last = min(first + (cuts.joined is not None), len(stops) - 1)
    return slice(int(cuts.starts[first]), stops[last])


def words_at(text: PageText, boxes: NDArray[np.float32]) -> tuple[int, int]:
    """Return the first and last word of a page that stand at some of its words' boxes (n, 4), n > 0."""
    ends = boxes[[0, -1]]
    apart = np.abs(text.boxes[None] - ends[:, None]).sum(axis=2)  # (2, n_words)
    first, last = (int(word) for word in apart.argmin(axis=1))
    return min(first, last), max(first, last)


def hottest_places(query: QueryTokens, page: TokenMatrix) -> Sequence[Box]:
    """Return the patches that the query looked at most, hottest first."""
    heat = heat_map(query, page).overall
    rows, columns = heat.shape
    least, greatest = float(heat.min()), float(heat.max())
    hot = [cell for cell in np.argsort(-heat, axis=None) if heat.flat[cell] >= least + HOT * (greatest - least)]
    places = [divmod(int(cell), columns) for cell in hot[:MOST_PLACES]]
    return [Box(x / columns, y / rows, (x + 1) / columns, (y + 1) / rows) for y, x in places]
