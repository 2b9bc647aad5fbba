"""Spans that a reader picks from texts, scored against the null answer, and the Protocol of readers."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ScoredSpan:
    """The best span of a text for a question. Scores are sums of a start and an end logit, as in SQuAD 2."""

    start: int
    end: int
    score: float
    null_score: float  # of there being no answer, in the same window

    @property
    def margin(self) -> float:
        """Return by how much the span's score exceeds the null score."""
        return self.score - self.null_score

    @property
    def probability(self) -> float:
        """Return the softmax over this span and the null answer: 0.5 where they are equal. It is not calibrated."""
        return 1 / (1 + math.exp(-max(-500.0, min(500.0, self.margin))))


class SpanReader(Protocol):
    """An extractive question-answering model."""

    @property
    def name(self) -> str:
        """The model's name as users know it."""
        ...

    def best_spans(self, question: str, texts: Sequence[str]) -> list[ScoredSpan | None]:
        """Return the best span of each text; None for one without words."""
        ...
