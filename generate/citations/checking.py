"""Whether a sentence stands on the page it cites: its numbers, names, quotes and words, each beside its neighbours.

A number counts where it stands among the words that the sentence says it with (around it, in its row, over it in a
table), not anywhere on the page. What this cannot see: a "not" too many, a cause for a consequence, two values
exchanged within one table row. Knows no model.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pagelens.core.protocols import Analyzer
from pagelens.core.types import Box, PageText
from pagelens.generate.citations.claims import Claim, Fact, read_claim
from pagelens.generate.citations.page_words import PageWords

FACT_SHARE = 0.7  # of the words around a number or a name that must stand beside it on the page, by weight
CLAIM_SHARE = 0.6  # of all content words that must stand in one place of the page
NEAREST = 3.0  # the neighbour whose word counts half as much as the very next one's
REACH, REACH_MORE = 3, 1  # a word said k words from a fact may stand 3 + k words from it in another sentence
ANYWHERE_NEAR = 30  # the same for a word that the question says
STRETCH = 1.6  # times the sentence's words: how far they may be spread on the page
SPREAD = 30  # words more


@dataclass(frozen=True, slots=True)
class Check:
    """What a page says to a sentence. `start` and `end` span the words it rests on, in the page's text."""

    verified: bool
    share: float  # 0..1, of the content words that stand together on the page
    missing: Sequence[str]  # numbers, names and quotes that do not stand there, as the sentence has them
    start: int = 0
    end: int = 0
    boxes: Sequence[Box] = ()


class CitationChecker:
    """Checks sentences against pages; made for one analyzer, whose terms words are compared in."""

    def __init__(self, analyze: Analyzer, *, claim_share: float = CLAIM_SHARE, fact_share: float = FACT_SHARE) -> None:
        self._terms: dict[str, list[str]] = {}
        self._analyzer = analyze
        self._claim_share = claim_share
        self._fact_share = fact_share

    def _analyze(self, word: str) -> list[str]:
        if word not in self._terms:
            self._terms[word] = self._analyzer(word)
        return self._terms[word]

    def read(self, text: PageText) -> PageWords:
        """Return a page ready to be checked against, for several sentences."""
        return PageWords(text, self._analyze)

    def check(self, sentence: str, page: PageWords, *, question: str = "", part: bool = False) -> Check:
        """Return whether the page bears the sentence out. `question` says what a sentence of few words is about.

        `part`: others are cited beside it, so half of the words around a number need not stand on this page.
        """
        claim = read_claim(sentence, self._analyze, question=question)
        if not page.tokens or not (claim.words or claim.facts):
            return Check(False, 0.0, [])
        matched = {word: _marked(page, page.places_of_word(word, term)) for word, term in claim.words.items()}
        missing = [one for one in claim.quotes if not self._holds(page, one)]
        places: list[int] = []
        for fact in claim.facts:
            place = self._place_of(fact, page, self._fact_share / 2 if part else self._fact_share)
            if place is None:
                missing.append(fact.text)
            else:
                places.append(place)
        share, window = _best_window(claim, matched, page)
        verified = not missing and (share >= self._claim_share or not claim.words)
        return _rest_on(page, matched, window, places, verified=verified, share=share, missing=missing)

    def _holds(self, page: PageWords, quote: str) -> bool:
        if page.holds_quote(quote):
            return True
        if not page.machine_read:
            return False
        claim = read_claim(quote, self._analyze)
        matched = {word: _marked(page, page.places_of_word(word, term)) for word, term in claim.words.items()}
        return _best_window(claim, matched, page)[0] >= 0.85

    def _place_of(self, fact: Fact, page: PageWords, enough: float) -> int | None:
        """Return the place of a fact that has most of the words around it; None where none has enough."""
        places = page.places_of(fact)
        if not places or not fact.beside:
            return places[0] if places else None
        rows = np.stack([_marked(page, page.places_of_word(word, term)) for word, term in fact.beside.items()])
        said = np.array(fact.distances)
        weights = _weights(rows) / (1 + np.arange(len(rows)) / NEAREST)
        reach = np.where(said == 0, ANYWHERE_NEAR, REACH + REACH_MORE * said)  # (n_words,)
        shares = [
            float(weights @ np.any(rows & (page.distances(place) <= reach[:, None]), axis=1)) / float(weights.sum())
            for place in places
        ]
        best = int(np.argmax(shares))
        return places[best] if shares[best] >= enough else None


def _marked(page: PageWords, places: Sequence[int]) -> NDArray[np.bool_]:
    marks = np.zeros(len(page.tokens), bool)
    marks[list(places)] = True
    return marks


def _weights(rows: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the weight of each word (n_words,), sum 1: those that stand all over a page say little about where."""
    counts = np.maximum(rows.sum(axis=1), 1)
    weights = 1 / (1 + np.log(counts))
    return np.asarray(weights / weights.sum(), np.float64)


def _best_window(
    claim: Claim, matched: Mapping[str, NDArray[np.bool_]], page: PageWords
) -> tuple[float, tuple[int, int]]:
    """Return how much of the content words stands in the best stretch of the page, and that stretch in tokens."""
    if not matched:
        return 0.0, (0, 0)
    rows = np.stack(list(matched.values()))  # (n_words, n_tokens)
    length = min(rows.shape[1], math.ceil(STRETCH * len(claim.text.split()) + SPREAD))
    sums = np.pad(np.cumsum(rows, axis=1), ((0, 0), (1, 0)))
    held = (sums[:, length:] - sums[:, :-length]) > 0  # (n_words, n_windows)
    shares = _weights(rows) @ held
    best = int(np.argmax(shares))
    return float(shares[best]), (best, best + length)


def _rest_on(
    page: PageWords,
    matched: Mapping[str, NDArray[np.bool_]],
    window: tuple[int, int],
    places: Sequence[int],
    *,
    verified: bool,
    share: float,
    missing: Sequence[str],
) -> Check:
    """Return the check with the words it rests on: the stretch from the first to the last word found, and the facts."""
    first, last = window
    found = [first + int(at) for rows in matched.values() for at in np.flatnonzero(rows[first:last])]
    inside = sorted({*found, *(place for place in places if first <= place < last)}) or sorted(places)
    if not inside:
        return Check(verified, share, missing)
    text, tokens = page.text, page.tokens
    start, end = tokens[inside[0]].start, tokens[inside[-1]].end
    boxes = text.boxes_of(start, end)
    for place in places:
        if not start <= tokens[place].start < end:
            boxes += text.boxes_of(tokens[place].start, tokens[place].end)
    return Check(verified, share, missing, start, end, boxes)
