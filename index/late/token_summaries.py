"""A page in a tenth of its tokens: what a large collection looks at first.

Spherical k-means on the page's own tokens (Dhillon and Modha, 2001), a few rounds from evenly spaced ones: a page
takes about a millisecond. Nothing is trained on a collection, so a summary is as lasting as its page. Knows arrays
only.
"""

import numpy as np
from numpy.typing import NDArray

SHARE = 10  # tokens to one of the summary
ROUNDS = 3


def summarise(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return ceil(n_tokens / 10) unit vectors that stand for the unit vectors (n_tokens, dim)."""
    count = -(-len(vectors) // SHARE)
    if not count:
        return vectors
    centres = vectors[np.linspace(0, len(vectors) - 1, count).astype(np.int64)]
    tokens = np.arange(len(vectors))
    for _ in range(ROUNDS):
        member = np.zeros((count, len(vectors)), np.float32)
        member[(vectors @ centres.T).argmax(axis=1), tokens] = 1
        sums = member @ vectors
        lengths = np.linalg.norm(sums, axis=1, keepdims=True)
        centres = np.where(lengths > 1e-6, sums / np.maximum(lengths, 1e-6), centres)  # an empty cluster stays
    return centres
