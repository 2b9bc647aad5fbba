"""Where on a page a query matches: late-interaction similarities laid out by the tokens' boxes. Pure numpy.

Works for every late-interaction encoder: patches of an image form a grid, words of a text are painted over their boxes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pagelens.core.types import QueryTokens, TokenMatrix


@dataclass(frozen=True, slots=True, eq=False)
class HeatMap:
    """Cosines of a query with the finest patches of a page, in the patches' grid."""

    words: Sequence[str]  # in the order of the query, repeated words included
    by_word: NDArray[np.float32]  # (n_words, rows, columns), the mean over the word's pieces
    overall: NDArray[np.float32]  # (rows, columns), the weighted mean over all tokens that belong to words


def heat_map(query: QueryTokens, page: TokenMatrix) -> HeatMap:
    """Return the similarities of a query with the finest grid of a page. Raises ValueError if boxes form no grid.

    Tokens of the whole image (tiled families) have larger boxes and are left out. For a query without words, `overall`
    is the mean over all its tokens.
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
    """Return (n_page_tokens,): how much each token of a page contributes to its MaxSim, for pages of word tokens.

    For each query token, the page token with the highest cosine gets it times the query token's weight, if positive.
    """
    similarities = query.vectors @ page.vectors.T
    weights = np.ones(len(similarities), np.float32) if query.weights is None else query.weights
    heat = np.zeros(len(page.vectors), np.float32)
    if similarities.size:
        best = similarities.argmax(axis=1)
        np.add.at(heat, best, np.maximum(similarities.max(axis=1), 0) * weights)
    return heat


def spread(heat: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    """Return a grid resized to (height, width), bilinear between patch centres, and scaled to 0..1.

    The least value becomes 0 and the greatest 1; a constant grid becomes 0.
    """
    rows, columns = heat.shape
    vertical = _interpolation(rows, height)  # (height, rows)
    horizontal = _interpolation(columns, width)  # (width, columns)
    return _zero_to_one(vertical @ heat.astype(np.float32) @ horizontal.T)


def paint(heat: NDArray[np.float32], boxes: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    """Return (height, width) in 0..1 with each token's value over its box, the maximum where boxes overlap.

    Pixels outside boxes and negative values are 0. The greatest value becomes 1.
    """
    canvas = np.zeros((height, width), np.float32)
    scale = np.array([width, height, width, height], np.float32)
    for value, (x0, y0, x1, y1) in zip(heat, boxes * scale, strict=True):
        area = canvas[int(y0) : max(int(y0) + 1, round(float(y1))), int(x0) : max(int(x0) + 1, round(float(x1)))]
        np.maximum(area, value, out=area)
    greatest = canvas.max(initial=0.0)
    return canvas / greatest if greatest > 0 else canvas


def _grid(boxes: NDArray[np.float32]) -> tuple[NDArray[np.intp], int, int]:
    """Return the tokens of the finest grid, row by row, and its numbers of rows and columns."""
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    finest = np.flatnonzero(
        areas < areas.min(initial=1.0) * 1.5
    )  # boxes of the next coarser grid are at least twice as large
    tops, lefts = (np.round(boxes[finest, edge], 5) for edge in (1, 0))
    rows, columns = len(np.unique(tops)), len(np.unique(lefts))
    if not len(finest) or rows * columns != len(finest):
        raise ValueError(f"expected patches that form a grid, found {len(finest)} in {rows} rows, {columns} columns")
    return finest[np.lexsort((lefts, tops))], rows, columns


def _words(query: QueryTokens) -> tuple[list[str], list[list[int]]]:
    """Return the query's words and the tokens of each; neighbouring tokens of one word are its pieces."""
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
    """Return (pixels, cells): each cell's weight in each pixel, linear between cell centres, constant at the edges."""
    position = np.clip((np.arange(pixels) + 0.5) * cells / pixels - 0.5, 0, cells - 1)  # (pixels,) in cells
    low = np.floor(position).astype(np.intp)
    high = np.minimum(low + 1, cells - 1)
    share = position - low
    matrix = np.zeros((pixels, cells), np.float32)
    matrix[np.arange(pixels), low] += (1 - share).astype(np.float32)
    matrix[np.arange(pixels), high] += share.astype(np.float32)
    return matrix


def _zero_to_one(values: NDArray[np.float32]) -> NDArray[np.float32]:
    least, greatest = float(values.min()), float(values.max())
    return (values - least) / (greatest - least) if greatest > least else np.zeros_like(values)
