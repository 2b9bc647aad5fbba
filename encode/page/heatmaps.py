"""Where on a page a query looked: similarities of late interaction, laid out by the tokens' boxes. Pure numpy.

Takes what any late-interaction encoder gives, so patches of a picture and words of a page alike: patches make a grid,
words are painted where they stand. Knows no model, no page and no colours.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pagelens.core.types import QueryTokens, TokenMatrix


@dataclass(frozen=True, slots=True, eq=False)
class HeatMap:
    """Cosines of a query and the finest patches of a page, laid out as they lie on it."""

    words: Sequence[str]  # in the order of the query; a word that stands in it twice stands here twice
    by_word: NDArray[np.float32]  # (n_words, rows, columns), the mean over the word's pieces
    overall: NDArray[np.float32]  # (rows, columns), the weighted mean over all tokens that stand for words


def heat_map(query: QueryTokens, page: TokenMatrix) -> HeatMap:
    """Return the similarities of a query and the finest grid of a page. Raises ValueError where boxes make no grid.

    Tokens of the picture as a whole (tiled families) have larger boxes and stand outside. A query without words
    counts all its tokens in `overall`.
    """
    cells, rows, columns = _grid(page.boxes)
    similarities = query.vectors @ page.vectors[cells].T  # (n_query, rows * columns)
    words, members = _words(query)
    by_word = [similarities[tokens].mean(axis=0) for tokens in members]
    counted = [token for tokens in members for token in tokens] or list(range(len(similarities)))
    weights = np.ones(len(similarities), np.float32) if query.weights is None else query.weights
    overall = np.average(similarities[counted], axis=0, weights=weights[counted])
    shape = (rows, columns)
    laid_out = np.asarray(by_word, np.float32).reshape(len(words), *shape)
    return HeatMap(words, laid_out, overall.astype(np.float32).reshape(shape))


def token_heat(query: QueryTokens, page: TokenMatrix) -> NDArray[np.float32]:
    """Return (n_page_tokens,): how much each token of a page adds to its MaxSim, for pages whose tokens are words.

    A query token's best page token gets its cosine times its weight where that is positive; the others get nothing.
    """
    similarities = query.vectors @ page.vectors.T
    weights = np.ones(len(similarities), np.float32) if query.weights is None else query.weights
    heat = np.zeros(len(page.vectors), np.float32)
    if similarities.size:
        best = similarities.argmax(axis=1)
        np.add.at(heat, best, np.maximum(similarities.max(axis=1), 0) * weights)
    return heat


def spread(heat: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    """Return a grid's values as (height, width) in 0..1, bilinear between centres of patches, to draw over a page.

    The least value becomes 0 and the greatest 1; a flat grid becomes 0.
    """
    rows, columns = heat.shape
    down = _interpolation(rows, height)  # (height, rows)
    across = _interpolation(columns, width)  # (width, columns)
    return _zero_to_one(down @ heat.astype(np.float32) @ across.T)


def paint(heat: NDArray[np.float32], boxes: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    """Return (height, width) in 0..1 with each token's value over its box, the greater where boxes overlap.

    Where no box is, 0. The greatest value becomes 1; negative ones become 0.
    """
    canvas = np.zeros((height, width), np.float32)
    scale = np.array([width, height, width, height], np.float32)
    for value, (x0, y0, x1, y1) in zip(heat, boxes * scale, strict=True):
        area = canvas[int(y0) : max(int(y0) + 1, round(float(y1))), int(x0) : max(int(x0) + 1, round(float(x1)))]
        np.maximum(area, value, out=area)
    greatest = canvas.max(initial=0.0)
    return canvas / greatest if greatest > 0 else canvas


def _grid(boxes: NDArray[np.float32]) -> tuple[NDArray[np.intp], int, int]:
    """Return the tokens of the finest grid row by row, its rows and its columns."""
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    finest = np.flatnonzero(areas < areas.min(initial=1.0) * 1.5)  # the next coarser is at least twice as large
    tops, lefts = (np.round(boxes[finest, edge], 5) for edge in (1, 0))
    rows, columns = len(np.unique(tops)), len(np.unique(lefts))
    if not len(finest) or rows * columns != len(finest):
        raise ValueError(f"expected patches that make a grid, found {len(finest)} in {rows} rows, {columns} columns")
    return finest[np.lexsort((lefts, tops))], rows, columns


def _words(query: QueryTokens) -> tuple[list[str], list[list[int]]]:
    """Return the query's words and for each its tokens; neighbours of one name are pieces of one word."""
    words: list[str] = []
    members: list[list[int]] = []
    before = ""
    for token, word in enumerate(query.words):
        if word and word == before:
            members[-1].append(token)
        elif word:
            words.append(word)
            members.append([token])
        before = word
    return words, members


def _interpolation(cells: int, pixels: int) -> NDArray[np.float32]:
    """Return (pixels, cells): how much each cell counts for each pixel, linear between centres, flat at the edges."""
    at = np.clip((np.arange(pixels) + 0.5) * cells / pixels - 0.5, 0, cells - 1)  # (pixels,) in cells
    low = np.floor(at).astype(np.intp)
    high = np.minimum(low + 1, cells - 1)
    share = at - low
    matrix = np.zeros((pixels, cells), np.float32)
    matrix[np.arange(pixels), low] += (1 - share).astype(np.float32)
    matrix[np.arange(pixels), high] += share.astype(np.float32)
    return matrix


def _zero_to_one(values: NDArray[np.float32]) -> NDArray[np.float32]:
    least, greatest = float(values.min()), float(values.max())
    return (values - least) / (greatest - least) if greatest > least else np.zeros_like(values)
