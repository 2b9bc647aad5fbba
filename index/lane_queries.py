"""What a lane asks of what is at rest, as a value: several are answered together (`pagelens.index.reader.Snapshot.answer`).

Where the rows lie on a server, all of a round's questions wait for it once.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from pagelens.core.types import QueryTokens
from pagelens.index.selection import Selection

Answer: TypeAlias = tuple[NDArray[np.int64], NDArray[np.float32]]
"""Keys and scores, best first."""

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class VectorAsking:
    """The best rows of a lane of one vector each: see `LaneVectors.search`."""

    lane: str
    query: NDArray[np.float32]
    k: int
    selection: Selection | None


@dataclass(frozen=True, slots=True)
class TokenAsking:
    """The best pages of a lane of many vectors each: see `LaneTokens.search`."""

    lane: str
    query: QueryTokens
    k: int
    selection: Selection | None


@dataclass(frozen=True, slots=True)
class WordAsking:
    """The best pages by their words: see `LaneWords.search`."""

    terms: Sequence[str]
    k: int
    selection: Selection | None


Asking: TypeAlias = VectorAsking | TokenAsking | WordAsking

Dialogue: TypeAlias = Generator[Asking, Answer, Result]
"""What asks, is sent the answer, asks again or returns."""
