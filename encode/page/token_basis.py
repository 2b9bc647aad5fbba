"""A projection of MiniLM's token vectors from 384 to 128 dimensions.

Late interaction stores one vector per word piece of a page, so their size matters. The 128 directions are the principal
components of the token vectors of the model's own vocabulary, computed by `benchmarks/build_token_basis.py`. No
document and no question was used, so they favour no collection. docs/LOG.md has measurements of the loss in quality.
"""

import hashlib
import io
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pagelens.core.errors import WeightsError
from pagelens.encode.batching import unit_rows

DIM = 128
BASIS_FILE = Path(__file__).with_name("minilm_token_basis.npy")
_SHA256 = "f7900020c63bbc30cd73b5595a746ede39c7e2c53177e591859f2fe601ceda79"


@cache
def load_basis(path: Path = BASIS_FILE) -> NDArray[np.float32]:
    """Return the basis that comes with the package, (384, 128). Raises WeightsError if the file is not the original."""
    try:
        content = path.read_bytes()
    except OSError as exc:
        raise WeightsError(f"expected {path}, cannot read it: {exc}; install pagelens again") from exc
    actual = hashlib.sha256(content).hexdigest()
    if actual != _SHA256:
        raise WeightsError(f"expected SHA-256 {_SHA256} for {path}, found {actual}; install pagelens again")
    return np.asarray(np.load(io.BytesIO(content), allow_pickle=False), np.float32)


def basis_name() -> str:
    """Return the name of this basis for a space's options."""
    return f"vocabulary{DIM}:{_SHA256[:12]}"


def projected(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return (n, 128), each row of length 1, of unit rows (n, 384)."""
    return unit_rows(vectors @ load_basis())
