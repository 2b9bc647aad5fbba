import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pagelens.core.types import QueryTokens, TokenMatrix
from pagelens.encode.page.colpali import grid_boxes, tiled_boxes
from pagelens.encode.page.heatmaps import heat_map, paint, spread, token_heat

# Three directions a vector may have; a query token looks at the patches of its own.
RED, GREEN, BLUE = np.eye(3, dtype=np.float32)


def page(vectors: NDArray[np.float32], boxes: NDArray[np.float32]) -> TokenMatrix:
    return TokenMatrix(np.asarray(vectors, np.float32), boxes)


def test_a_grid_covers_the_page_row_by_row() -> None:
    boxes = grid_boxes(2, 4)
    np.testing.assert_array_equal(boxes[0], [0, 0, 0.25, 0.5])
    np.testing.assert_array_equal(boxes[3], [0.75, 0, 1, 0.5])
    np.testing.assert_array_equal(boxes[4], [0, 0.5, 0.25, 1])
    assert boxes.shape == (8, 4) and boxes.dtype == np.float32


def test_tiles_come_in_order_and_the_whole_image_last() -> None:
    boxes = tiled_boxes(1, 2, 2)  # two tiles side by side, each of 2 x 2 patches
    assert boxes.shape == (12, 4)
    np.testing.assert_allclose(boxes[1], [0.25, 0, 0.5, 0.5])  # first tile, above, right
    np.testing.assert_allclose(boxes[4], [0.5, 0, 0.75, 0.5])  # second tile, above, left
    np.testing.assert_allclose(boxes[7], [0.75, 0.5, 1, 1])
    np.testing.assert_array_equal(boxes[8:], grid_boxes(2, 2))
    np.testing.assert_array_equal(tiled_boxes(0, 0, 2), grid_boxes(2, 2))


def test_words_are_the_means_of_their_pieces_and_all_counts_them_by_weight() -> None:
    query = QueryTokens(
        np.stack([RED, GREEN, BLUE, RED, GREEN]),
        ["lake", "lake", "", "deep", "lake"],
        np.array([1, 1, 9, 2, 1], np.float32),
    )
    found = heat_map(query, page(np.stack([RED, GREEN]), grid_boxes(1, 2)))
    assert found.words == ["lake", "deep", "lake"]
    np.testing.assert_allclose(found.by_word, np.array([[[0.5, 0.5]], [[1, 0]], [[0, 1]]]))
    # Weighted over the four tokens that stand for words: the unnamed one, though heavy, counts nothing.
    np.testing.assert_allclose(found.overall, np.array([[3 / 5, 2 / 5]]))


def test_a_query_without_words_counts_all_its_tokens() -> None:
    found = heat_map(QueryTokens(np.stack([RED, BLUE]), ["", ""]), page(np.stack([RED, GREEN]), grid_boxes(2, 1)))
    assert found.words == [] and found.by_word.shape == (0, 2, 1)
    np.testing.assert_allclose(found.overall, np.array([[0.5], [0]]))


@given(st.integers(0, 4), st.integers(1, 4), st.integers(1, 4), st.integers(0, 99))
def test_every_patch_has_the_cell_of_its_box(rows: int, columns: int, side: int, seed: int) -> None:
    if rows * columns == 1:
        rows = 0  # one tile is the picture as a whole
    boxes = tiled_boxes(rows, columns, side)
    fine = max(1, rows * columns) * side * side
    values = np.linspace(0, 1, len(boxes), dtype=np.float32)
    order = np.random.default_rng(seed).permutation(len(boxes))  # heat maps go by boxes, not by order
    found = heat_map(QueryTokens(np.ones((1, 1), np.float32), ["x"]), page(values[order, None], boxes[order])).overall
    assert found.shape == ((rows * side, columns * side) if rows else (side, side))
    for token in range(fine):
        x, y = (boxes[token, 0] + boxes[token, 2]) / 2, (boxes[token, 1] + boxes[token, 3]) / 2
        assert found[int(y * found.shape[0]), int(x * found.shape[1])] == values[token]


def test_boxes_that_form_no_grid_are_refused() -> None:
    boxes = np.array([[0, 0, 0.5, 0.5], [0.5, 0.5, 1, 1]], np.float32)
    query = QueryTokens(np.stack([RED]), ["x"])
    with pytest.raises(ValueError, match="expected patches that form a grid, found 2 in 2 rows, 2 columns"):
        heat_map(query, page(np.stack([RED, RED]), boxes))
    with pytest.raises(ValueError, match="found 0 in"):
        heat_map(query, page(np.zeros((0, 3), np.float32), np.zeros((0, 4), np.float32)))


def test_a_grid_is_interpolated_between_the_centres_of_its_patches() -> None:
    found = spread(np.array([[2, 4]], np.float32), 2, 8)
    assert found.shape == (2, 8)
    # Centres of the patches are at 2 and 6 of 8 pixels; between them a straight line, beyond them flat.
    np.testing.assert_allclose(found[0], [0, 0, 0.125, 0.375, 0.625, 0.875, 1, 1])
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(spread(np.full((3, 2), 0.7, np.float32), 5, 5), np.zeros((5, 5)))


@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 40), st.integers(1, 40), st.integers(0, 99))
def test_an_interpolated_grid_stays_between_0_and_1(
    rows: int, columns: int, height: int, width: int, seed: int
) -> None:
    grid = np.random.default_rng(seed).normal(size=(rows, columns)).astype(np.float32)
    found = spread(grid, height, width)
    assert found.shape == (height, width) and found.dtype == np.float32
    assert -1e-6 <= found.min() <= found.max() <= 1 + 1e-6


def test_the_heat_of_a_word_is_its_share_of_the_pages_score() -> None:
    words = page(np.stack([RED, GREEN, -BLUE]), grid_boxes(1, 3))
    query = QueryTokens(np.stack([RED, RED, GREEN, BLUE]), ["a", "a", "b", "c"], np.array([1, 1, 0.5, 1], np.float32))
    heat = token_heat(query, words)
    np.testing.assert_allclose(heat, [2, 0.5, 0])
    maxsim = float((query.weights * (query.vectors @ words.vectors.T).max(axis=1)).sum())
    assert heat.sum() == pytest.approx(maxsim)
    empty = page(np.zeros((0, 3), np.float32), np.zeros((0, 4), np.float32))
    assert token_heat(query, empty).shape == (0,)


def test_words_are_painted_over_their_boxes_with_the_maximum_where_they_overlap() -> None:
    boxes = np.array([[0, 0, 0.5, 0.5], [0.25, 0, 1, 0.5], [0.999, 0.999, 1, 1]], np.float32)
    found = paint(np.array([2, 1, -1], np.float32), boxes, 4, 4)
    np.testing.assert_allclose(found, np.array([[1, 1, 0.5, 0.5]] * 2 + [[0] * 4] * 2))
    np.testing.assert_array_equal(paint(np.zeros(0, np.float32), np.zeros((0, 4), np.float32), 2, 3), np.zeros((2, 3)))
