"""The chunks of a page by place: which stand on one row, which meet a condition on their edges."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pagelens.core.tables.chunks import Chunk, vertical_overlap

SAME_ROW = 0.4  # of the lower chunk's height


class ChunkMap:
    """Chunks from top to bottom, with their edges as arrays: (n_chunks,) each."""

    def __init__(self, chunks: Sequence[Chunk]) -> None:
        self.chunks = chunks
        self.x0, self.y0, self.x1, self.y1 = np.array([chunk.box for chunk in chunks], np.float64).reshape(-1, 4).T
        self._rows: dict[int, list[Chunk]] = {}  # by the first word of a chunk

    def where(self, condition: NDArray[np.bool_]) -> list[Chunk]:
        """Return the chunks, from top to bottom, that meet a condition: (n_chunks,)."""
        return [self.chunks[int(index)] for index in np.flatnonzero(condition)]

    def on_row(self, chunk: Chunk) -> list[Chunk]:
        """Return the other chunks on the row of one, from left to right."""
        row = self._rows.get(chunk.first)
        if row is None:
            low, high = chunk.box.y0, chunk.box.y1
            near = self.where((self.y1 > low) & (self.y0 < high))
            row = [other for other in near if other is not chunk and on_one_row(other, chunk)]
            row.sort(key=lambda other: other.box.x0)
            self._rows[chunk.first] = row
        return row

    def label_before(self, value: Chunk) -> bool:
        """Tell whether the chunk left of a value is a label."""
        left = [chunk for chunk in self.on_row(value) if chunk.box.x1 < value.box.x0]
        return bool(left) and left[-1].kind == "label"

    def stands_alone(self, label: Chunk) -> bool:
        """Tell whether nothing but running text stands right of a label: it is a line of a label, and no header."""
        return all(chunk.kind == "prose" for chunk in self.on_row(label) if chunk.box.x0 > label.box.x1)

    def has_values(self, label: Chunk) -> bool:
        """Tell whether a number or a key stands on a label's row, right of it."""
        return any(chunk.kind in ("value", "key") and chunk.box.x0 > label.box.x1 for chunk in self.on_row(label))

    def names_values(self, label: Chunk) -> bool:
        """Tell whether a number stands on a label's row, right of it: it is no header."""
        return any(
            chunk.kind == "value" and chunk.box.x0 > label.box.x1 and any(map(str.isdigit, chunk.text))
            for chunk in self.on_row(label)
        )


def on_one_row(first: Chunk, second: Chunk) -> bool:
    """Tell whether two chunks share most of the height of the lower one."""
    return vertical_overlap(first.box, second.box) > SAME_ROW
