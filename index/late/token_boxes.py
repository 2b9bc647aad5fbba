"""Boxes of tokens at rest, compressed by page without loss: half the bytes. Only pages that are shown are read."""

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pagelens.core.errors import CollectionDamaged


@dataclass(frozen=True, slots=True, eq=False)
class PackedBoxes:
    """Boxes of pages: page p has the bytes offsets[p] to offsets[p + 1] of `data`."""

    offsets: NDArray[np.int64]  # (n_pages + 1,), ascending; the first need not be 0
    data: NDArray[np.uint8]

    def page_range(self, start: int, stop: int) -> "PackedBoxes":
        """Return the pages from start to stop, as a view."""
        return PackedBoxes(self.offsets[start : stop + 1], self.data)

    @property
    def used(self) -> NDArray[np.uint8]:
        """The bytes of these pages."""
        return self.data[self.offsets[0] : self.offsets[-1]]

    def page(self, page: int) -> NDArray[np.uint16]:
        """Return a page's boxes (n_tokens, 4). Raises CollectionDamaged for bytes not written by `pack_boxes`."""
        try:
            packed = zlib.decompress(self.data[self.offsets[page] : self.offsets[page + 1]].tobytes())
            low_and_high = np.frombuffer(packed, np.uint8).reshape(4, 2, -1)
        except (zlib.error, ValueError) as exc:
            raise CollectionDamaged(
                f"expected the boxes of a page's tokens, found other bytes ({exc}). Run: pagelens doctor --repair"
            ) from exc
        columns = low_and_high[:, 0] | low_and_high[:, 1].astype(np.uint16) << 8
        corners_and_sizes = np.cumsum(columns.T, axis=0, dtype=np.uint16)
        corners_and_sizes[:, 2:] += corners_and_sizes[:, :2]
        return corners_and_sizes


def pack_boxes(pages: Iterable[NDArray[np.uint16]]) -> PackedBoxes:
    """Compress boxes (n_tokens, 4), one array a page: how corner, width and height change from token to token."""
    packed = [_pack(boxes) for boxes in pages]
    return PackedBoxes(_offsets([len(page) for page in packed]), np.frombuffer(b"".join(packed), np.uint8))


def _pack(boxes: NDArray[np.uint16]) -> bytes:
    corners_and_sizes = np.array(boxes, np.uint16)
    corners_and_sizes[:, 2:] -= corners_and_sizes[:, :2]  # wraps around where a box is turned, and back
    changes = np.diff(corners_and_sizes, axis=0, prepend=np.zeros((1, 4), np.uint16)).T
    return zlib.compress(np.stack([changes & 255, changes >> 8], axis=1).astype(np.uint8).tobytes())


def _offsets(lengths: Sequence[int]) -> NDArray[np.int64]:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths, dtype=np.int64)])
