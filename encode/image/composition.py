"""A query that is a text and a picture at once, as one vector of their common space. Pure numpy; knows no model."""

import numpy as np
from numpy.typing import NDArray

from pagelens.encode.text.batching import unit_rows


def compose(
    text_vector: NDArray[np.float32], image_vector: NDArray[np.float32], *, weight: float = 0.5
) -> NDArray[np.float32]:
    """Return the unit vector of `weight * text + (1 - weight) * image`; both are (dim,) of length 1 and of one space.

    0 is the picture alone, 1 the text alone. Opposite vectors at one half leave nothing, which stays zero.
    """
    assert text_vector.shape == image_vector.shape, (text_vector.shape, image_vector.shape)
    assert 0.0 <= weight <= 1.0, weight
    mixed = np.float32(weight) * text_vector + np.float32(1.0 - weight) * image_vector
    return unit_rows(np.asarray(mixed, np.float32))
