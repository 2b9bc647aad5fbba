"""Where on a page each token of a page picture looks: grids of patches as boxes. Pure numpy; knows no model.

Boxes are x0 y0 x1 y1 in fractions of the picture, tokens row by row. Every family resizes the whole picture to its
grid, without cropping or borders, so a patch is a like part of the page whatever the sizes in pixels.
"""

import numpy as np
from numpy.typing import NDArray


def grid_boxes(rows: int, columns: int) -> NDArray[np.float32]:
    """Return (rows * columns, 4), one box for each patch, row by row."""
    assert rows > 0 and columns > 0, (rows, columns)
    top, left = np.mgrid[0:rows, 0:columns].reshape(2, -1)  # each (rows * columns,)
    edges = (left / columns, top / rows, (left + 1) / columns, (top + 1) / rows)
    return np.stack(edges, axis=1).astype(np.float32)


def tiled_boxes(tile_rows: int, tile_columns: int, side: int) -> NDArray[np.float32]:
    """Return the boxes of a picture cut into tiles of side x side patches, followed by those of the picture as a whole.

    Tiles come row by row, and within each its patches (Idefics3, arXiv 2408.12637). No tile at all, 0 x 0, leaves the
    picture as a whole. Returns ((tile_rows * tile_columns + 1) * side * side, 4).
    """
    whole = grid_boxes(side, side)
    if not tile_rows or not tile_columns:
        return whole
    tiles = grid_boxes(tile_rows, tile_columns)  # (n_tiles, 4)
    corner, size = tiles[:, None, :2], tiles[:, None, 2:] - tiles[:, None, :2]  # each (n_tiles, 1, 2)
    inside = np.concatenate([corner + whole[:, :2] * size, corner + whole[:, 2:] * size], axis=2)
    return np.concatenate([inside.reshape(-1, 4), whole]).astype(np.float32)
