"""Takes out of vectors of multilingual-e5-small what is common to all texts, and what tells their language.

The model's vectors lie close together (cosines of 0.7 to 0.9), and those of one language closer: a question in Chinese
is nearer to any page with Chinese letters, or to pages with hardly any words, than to the English page that answers.
So the mean is subtracted, and 16 directions in which languages differ are projected out. They are computed by
`benchmarks/build_language_directions.py` from messages of a program in 32 languages; no document and no question was
used. docs/LOG.md has measurements: questions in eight languages find their English page half as often again.
"""

import io
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pagelens.encode.batching import unit_rows
from pagelens.encode.weights import package_file

COUNT = 16  # directions; 4, 8 and 30 measured worse or equal
FILE = Path(__file__).with_name("multilingual_e5_directions.npy")
SHA256 = "f1446399c7c268ac0b60601d60f10165667e6b1b392c9128da2c473c6ce401af"


@dataclass(frozen=True, slots=True, eq=False)
class LanguageDirections:
    """The mean vectors of queries and of passages, each (dim,), and directions (COUNT, dim)."""

    query_mean: NDArray[np.float32]
    passage_mean: NDArray[np.float32]
    directions: NDArray[np.float32]

    def removed(self, vectors: NDArray[np.float32], *, of_queries: bool) -> NDArray[np.float32]:
        """Return unit rows (n, dim) without the mean and the directions."""
        centred = vectors - (self.query_mean if of_queries else self.passage_mean)
        rest = centred - (centred @ self.directions.T) @ self.directions
        return unit_rows(np.asarray(rest, np.float32))


@cache
def load_directions(path: Path = FILE) -> LanguageDirections:
    """Return the means and directions that come with the package. Raises WeightsError if the file is another."""
    rows = np.asarray(np.load(io.BytesIO(package_file(path, SHA256)), allow_pickle=False), np.float32)
    return LanguageDirections(rows[0], rows[1], rows[2:])
