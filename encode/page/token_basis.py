"""Projections of the builtin text encoders' token vectors from 384 to 128 dimensions.

Late interaction stores one vector per word piece of a page, so their size matters. The 128 directions are the principal
components of the token vectors of the model's own vocabulary, computed by `benchmarks/build_token_basis.py`. No
document and no question was used, so they favour no collection. docs/LOG.md has measurements of the loss in quality.
"""

import io
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pagelens.encode.batching import unit_rows
from pagelens.encode.text import minilm, multilingual_e5
from pagelens.encode.weights import package_file

DIM = 128


@dataclass(frozen=True, slots=True)
class TokenBasis:
    """A file with 128 directions, and behind them, where vectors are centred, what is added to a projection."""

    path: Path
    sha256: str

    @property
    def name(self) -> str:
        """The name of the basis for a space's options."""
        return f"vocabulary{DIM}:{self.sha256[:12]}"

    def project(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return (n, 128), each row of length 1, of unit rows (n, 384)."""
        rows = load_rows(self)
        dim = vectors.shape[1]
        products = vectors @ rows[:dim]
        return unit_rows(products + rows[dim] if len(rows) > dim else products)


BASES = {
    minilm.MODEL: TokenBasis(
        Path(__file__).with_name("minilm_token_basis.npy"),
        "f7900020c63bbc30cd73b5595a746ede39c7e2c53177e591859f2fe601ceda79",
    ),
    multilingual_e5.MODEL: TokenBasis(
        Path(__file__).with_name("multilingual_e5_token_basis.npy"),
        "5f478478af8064d7b4e1a01c093516296ce6e368a89000055ab9789d5996bf18",
    ),
}


@cache
def load_rows(basis: TokenBasis) -> NDArray[np.float32]:
    """Return the rows of a basis, (384 or 385, 128). Raises WeightsError if the file is not the original."""
    content = package_file(basis.path, basis.sha256)
    return np.asarray(np.load(io.BytesIO(content), allow_pickle=False), np.float32)
