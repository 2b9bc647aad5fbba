"""What an encoder says of a text's single tokens: a vector and a place in the text for each. Knows no model."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class TokenVectors:
    """A text's tokens in reading order, special tokens left out. Late interaction compares these one by one."""

    vectors: NDArray[np.float32]  # (n_tokens, dim), each row of length 1
    spans: NDArray[np.int32]  # (n_tokens, 2) start and end of each token in the text given


def moved_tokens(tokens: TokenVectors, offset: int) -> TokenVectors:
    """Return the tokens with spans moved by so many characters, as parts of a longer text or without its head."""
    return TokenVectors(tokens.vectors, tokens.spans + np.int32(offset))
