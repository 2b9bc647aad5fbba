"""Where late interaction matched a page: as a heat map, as a window of tokens, as the hottest patches.

If a page's tokens are words, the map is painted at their boxes; if they are patches of its image, the map is smooth.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pagelens.core.types import Box, PageText, QueryTokens, TokenMatrix
from pagelens.encode.page.heatmaps import heat_map, paint, spread, token_heat
from pagelens.index.late.maxsim import PageWindows, max_similarities, weighted_sum

HOT = 0.6  # a patch is evidence if it reaches this share of the way from the coldest to the hottest
MAX_PATCHES = 12


def draw_heat_map(
    query: QueryTokens, page: TokenMatrix, *, of_words: bool, height: int, width: int
) -> NDArray[np.float32]:
    """Return how much each place of the page adds to its score: (height, width), 0..1. `of_words`: tokens are words."""
    if of_words:
        return paint(token_heat(query, page), page.boxes, height, width)
    return spread(heat_map(query, page).overall, height, width)


def best_token_window(query: QueryTokens, page: TokenMatrix) -> slice:
    """Return the rows of the window of page tokens that scores best; all rows for a query without a window."""
    windows = PageWindows.of(np.zeros(1, np.int64), len(page.vectors), query.window)
    best = max_similarities(query.vectors, page.vectors, None, windows.starts)
    if windows.has_next is not None:
        np.maximum(best[:, :-1], best[:, 1:], out=best[:, :-1], where=windows.has_next[:-1])
    first = int(weighted_sum(best, query.weights).argmax())
    stops = [*windows.starts[1:].tolist(), len(page.vectors)]
    last = min(first + (windows.has_next is not None), len(stops) - 1)
    return slice(int(windows.starts[first]), stops[last])


def words_of_boxes(text: PageText, boxes: NDArray[np.float32]) -> tuple[int, int]:
    """Return the first and last word of a page, those whose boxes are nearest to the ends of `boxes` (n, 4), n > 0."""
    ends = boxes[[0, -1]]
    distances = np.abs(text.boxes[None] - ends[:, None]).sum(axis=2)  # (2, n_words)
    first, last = (int(word) for word in distances.argmin(axis=1))
    return min(first, last), max(first, last)


def hottest_patches(query: QueryTokens, page: TokenMatrix) -> Sequence[Box]:
    """Return the patches of the page image that the query matched most, hottest first."""
    heat = heat_map(query, page).overall
    rows, columns = heat.shape
    least, greatest = float(heat.min()), float(heat.max())
    hot = [cell for cell in np.argsort(-heat, axis=None) if heat.flat[cell] >= least + HOT * (greatest - least)]
    cells = [divmod(int(cell), columns) for cell in hot[:MAX_PATCHES]]
    return [Box(x / columns, y / rows, (x + 1) / columns, (y + 1) / rows) for y, x in cells]
