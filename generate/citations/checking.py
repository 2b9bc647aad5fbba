"""Checks a sentence against the page it cites: its numbers, names, quotations and content words.

They must stand in one statement of the page that does not contradict the sentence (`statements`). In a table, and for a
sentence of few words, a number counts where the words around it in the sentence stand around it on the page too (near
it, in its row, or in the column above it); so it does where several pages are cited together. What this cannot detect
is said in docs/citations.md.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from pagelens.core.protocols import Analyzer, DependencyParser, TextEncoder
from pagelens.core.types import Box, PageText
from pagelens.generate.citations.claims import Claim, Fact, index_term, parse_claim
from pagelens.generate.citations.page_words import PageWords
from pagelens.generate.citations.phrase import Phrase
from pagelens.generate.citations.roles import Similar, never_similar
from pagelens.generate.citations.similarity import WordSimilarity
from pagelens.generate.citations.statements import PageStatements, Support

FACT_SHARE = 0.7  # of the words around a number or a name that must stand around it on the page, by weight
JOINT_FACT_FACTOR = 0.5  # times FACT_SHARE, if other pages are cited beside this one
CLAIM_SHARE = 0.6  # of all content words that must stand within one window of the page, by weight
OCR_QUOTE_SHARE = 0.85  # of a quotation's words, if the page was read by OCR and the quotation is not there literally
HALF_WEIGHT_DISTANCE = 3.0  # the neighbour at this place counts half as much as the nearest
MIN_REACH, REACH_GROWTH = 3, 1  # a word k words from a fact may stand 3 + k words from it in another sentence
QUESTION_REACH = 30  # the same for a word of the question
WINDOW_FACTOR = 1.6  # words of the window for each word of the sentence,
WINDOW_EXTRA = 30  # and so many more


@dataclass(frozen=True, slots=True)
class ClaimCheck:
    """The result of a check. `start` and `end` span the words that support the claim, in the page's text."""

    supported: bool
    share: float  # 0..1, of the content words that stand together on the page
    missing: Sequence[str]  # numbers, names and quotations that are not in the statement nearest to the sentence
    start: int = 0
    end: int = 0
    boxes: Sequence[Box] = ()
    reason: str = ""  # why it is not supported, in a word


class CitationChecker:
    """Checks sentences against pages. Words are compared by the analyzer's terms, which are cached.

    With an encoder, a word of the sentence may also be one that means nearly the same.
    """

    def __init__(
        self, analyze: Analyzer, encoder: TextEncoder | None = None, parser: DependencyParser | None = None
    ) -> None:
        self._parser = parser
        self._similarity = WordSimilarity(encoder) if encoder is not None else None
        self._terms: dict[str, list[str]] = {}
        self._statements: WeakKeyDictionary[PageWords, PageStatements] = WeakKeyDictionary()
        self._analyzer = analyze

    def _analyze(self, word: str) -> list[str]:
        if word not in self._terms:
            self._terms[word] = self._analyzer(word)
        return self._terms[word]

    def read(self, text: PageText) -> PageWords:
        """Return a page prepared for checks of several sentences."""
        return PageWords(text, self._analyze)

    def check(self, sentence: str, page: PageWords, *, question: str = "", joint: bool = False) -> ClaimCheck:
        """Return whether the page supports the sentence.

        `question` gives the subject of a sentence of few words. `joint`: other pages are cited for the same sentence,
        so fewer of the words around a number need to stand on this page.
        """
        claim = parse_claim(sentence, self._analyze, question=question)
        if not page.tokens or not (claim.words or claim.facts):
            return ClaimCheck(False, 0.0, [], reason="words")
        matches = _word_matches(claim.words, page)
        quotes = [quote for quote in claim.quotes if not self._contains_quote(page, quote)]
        missing = list(quotes)
        positions: list[int] = []  # of the facts
        for fact in claim.facts:
            position = self._fact_position(fact, page, FACT_SHARE * (JOINT_FACT_FACTOR if joint else 1.0))
            if position is None:
                missing.append(fact.text)
            else:
                positions.append(position)
        share, window = _best_window(claim, matches, page)
        together = not missing and (share >= CLAIM_SHARE or not claim.words)
        found = None if joint else self._statement(claim.text, page)
        reason = "" if together else "facts" if missing else "words"
        if found is not None and not (together and any(map(page.in_table, positions))):
            reason = found.reason or ("facts" if quotes else "")
            missing = [*quotes, *found.lacking] if reason else []
            window = (found.first, found.end) if not reason else window
        start, end, boxes = _supporting_words(page, matches, window, positions)
        return ClaimCheck(
            supported=not reason, share=share, missing=missing, start=start, end=end, boxes=boxes, reason=reason
        )

    def _statement(self, claim: str, page: PageWords) -> Support | None:
        """Return the support of a claim in one statement of the page; None if the claim has too few words."""
        statements = self._statements.get(page)
        if statements is None:
            statements = self._statements[page] = PageStatements(
                page, lambda word: index_term(word, self._analyze), self._parser
            )
        return statements.find(claim, self._similar)

    def _similar(self, claim: Phrase, statement: Phrase) -> tuple[Similar, Similar]:
        """Return two comparisons of the words of two phrases: of any two, and of two in the same place."""
        if self._similarity is None:
            return never_similar, never_similar
        self._similarity.add(item.folded for phrase in (claim, statement) for item in phrase.items)
        return self._similarity, self._similarity.near

    def _contains_quote(self, page: PageWords, quote: str) -> bool:
        if page.contains_quote(quote):
            return True
        if not page.from_ocr:
            return False
        claim = parse_claim(quote, self._analyze)
        share, _ = _best_window(claim, _word_matches(claim.words, page), page)
        return share >= OCR_QUOTE_SHARE

    def _fact_position(self, fact: Fact, page: PageWords, min_share: float) -> int | None:
        """Return the token of the page that is the fact and has the largest share of its context around it.

        None if the fact is not on the page, or no occurrence has `min_share` of its context.
        """
        positions = page.positions_of(fact)
        if not positions or not fact.context:
            return positions[0] if positions else None
        rows = np.stack(list(_word_matches(fact.context, page).values()))  # (n_words, n_tokens)
        distances = np.array(fact.distances)
        weights = _weights(rows) / (1 + np.arange(len(rows)) / HALF_WEIGHT_DISTANCE)
        reach = np.where(distances == 0, QUESTION_REACH, MIN_REACH + REACH_GROWTH * distances)  # (n_words,)
        shares = [
            float(weights @ np.any(rows & (page.distances(position) <= reach[:, None]), axis=1)) / float(weights.sum())
            for position in positions
        ]
        best = int(np.argmax(shares))
        return positions[best] if shares[best] >= min_share else None


def _word_matches(words: Mapping[str, str], page: PageWords) -> dict[str, NDArray[np.bool_]]:
    """Return for each word (folded -> index term) which tokens of the page match it, (n_tokens,)."""
    matches = {}
    for word, term in words.items():
        mask = np.zeros(len(page.tokens), bool)
        mask[page.positions_of_word(word, term)] = True
        matches[word] = mask
    return matches


def _weights(rows: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the weight of each word (n_words,), sum 1: less for words that occur often on the page."""
    counts = np.maximum(rows.sum(axis=1), 1)
    weights = 1 / (1 + np.log(counts))
    return np.asarray(weights / weights.sum(), np.float64)


def _best_window(
    claim: Claim, matches: Mapping[str, NDArray[np.bool_]], page: PageWords
) -> tuple[float, tuple[int, int]]:
    """Return the largest share of the content words in one window of the page, and the window's tokens (first, end)."""
    if not matches:
        return 0.0, (0, 0)
    rows = np.stack(list(matches.values()))  # (n_words, n_tokens)
    assert rows.shape[1] == len(page.tokens)
    length = min(rows.shape[1], math.ceil(WINDOW_FACTOR * len(claim.text.split()) + WINDOW_EXTRA))
    sums = np.pad(np.cumsum(rows, axis=1), ((0, 0), (1, 0)))
    inside = (sums[:, length:] - sums[:, :-length]) > 0  # (n_words, n_windows)
    shares = _weights(rows) @ inside
    best = int(np.argmax(shares))
    return float(shares[best]), (best, best + length)


def _supporting_words(
    page: PageWords, matches: Mapping[str, NDArray[np.bool_]], window: tuple[int, int], facts: Sequence[int]
) -> tuple[int, int, list[Box]]:
    """Return start, end and boxes of the matching words in the window; the boxes of facts outside it too."""
    first, end_of_window = window
    matched = [first + int(at) for rows in matches.values() for at in np.flatnonzero(rows[first:end_of_window])]
    inside = sorted({*matched, *(at for at in facts if first <= at < end_of_window)}) or sorted(facts)
    if not inside:
        return 0, 0, []
    text, tokens = page.text, page.tokens
    start, end = tokens[inside[0]].start, tokens[inside[-1]].end
    boxes = text.boxes_of(start, end)
    for at in facts:
        if not start <= tokens[at].start < end:
            boxes += text.boxes_of(tokens[at].start, tokens[at].end)
    return start, end, boxes
