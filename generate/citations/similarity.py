"""Words that mean nearly the same, by a text encoder."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from pagelens.core.protocols import TextEncoder

MIN_SCORE = 3.5  # standard deviations above a word's mean cosine with unrelated words
MIN_NEAR_SCORE = 1.2  # the same for words that stand in the same role to the same word
# Unrelated to most words and to each other: a cosine means something only beside theirs, which differ by encoder.
_UNRELATED = """time people water city money law music color animal machine history idea war food house number river
energy book health science road paper government village moon stone speed winter doctor""".split()


class WordSimilarity:
    """Compares words by their vectors, which are cached."""

    def __init__(self, encoder: TextEncoder) -> None:
        self._encoder = encoder
        self._vectors: dict[str, NDArray[np.float32]] = {}
        self._scales: dict[str, tuple[float, float]] = {}  # word -> mean and deviation of its cosines with others

    def add(self, words: Iterable[str]) -> None:
        """Encode the words that were not encoded yet, in one batch."""
        new = sorted({*words, *_UNRELATED} - self._vectors.keys())
        if new:
            self._vectors.update(zip(new, self._encoder.encode_queries(new), strict=True))

    def __call__(self, word: str, other: str) -> bool:
        """Return whether two words mean nearly the same. Both were added."""
        return self._score(word, other) >= MIN_SCORE

    def near(self, word: str, other: str) -> bool:
        """Return whether two words may mean nearly the same where they stand in the same place. Both were added."""
        return self._score(word, other) >= MIN_NEAR_SCORE

    def _score(self, word: str, other: str) -> float:
        cosine = float(self._vectors[word] @ self._vectors[other])
        return min((cosine - mean) / deviation for mean, deviation in map(self._scale, (word, other)))

    def _scale(self, word: str) -> tuple[float, float]:
        if word not in self._scales:
            cosines = np.stack([self._vectors[other] for other in _UNRELATED if other != word]) @ self._vectors[word]
            self._scales[word] = float(cosines.mean()), max(float(cosines.std()), 1e-6)
        return self._scales[word]
