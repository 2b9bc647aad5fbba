"""Why a page was found: the quote of the page that holds most of the query, or regions of the page image."""

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from math import fsum
from operator import itemgetter
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pagelens.core.caching import LRUCache
from pagelens.core.keys import ordinal_of
from pagelens.core.protocols import Analyzer, WordsAnalyzer
from pagelens.core.terms import WantedTerms
from pagelens.core.types import Evidence, FusedHit, PageText, Passage, QueryTokens, TokenMatrix
from pagelens.core.word_breaks import join_broken_words, join_cjk_lines, whole_words
from pagelens.index.catalog.reads import PageRow
from pagelens.index.lexical.phrases import phrase_spans
from pagelens.index.lexical.word_filter import SelectiveAnalyzer
from pagelens.index.lexical.word_terms import WordAnalyzer
from pagelens.index.reader import Snapshot
from pagelens.retrieve.heatmap import best_token_window, draw_heat_map, hottest_patches, words_of_boxes
from pagelens.retrieve.lanes import PageLane
from pagelens.retrieve.regions import find_region, without_titles

QUOTE_WORDS = 32
SNAP_WORDS = 8  # a quote may grow by this much on either side to begin and end with a sentence or a paragraph
CACHED_WORDS = 50_000  # analyzed words: pages of a collection share most of their words
CACHED_QUERIES = 32  # whose terms are wanted for each hit


class WeightedTerms(NamedTuple):
    """The terms of a query with the inverse document frequency of each plain one, and what finds them in words."""

    wanted: WantedTerms
    weights: Mapping[str, float]
    analyze: WordsAnalyzer


class EvidenceFinder:
    """Finds the evidence for hits: in the page's words, or by late interaction of the query with the page image."""

    def __init__(self, analyze: Analyzer, page_lane: PageLane | None) -> None:
        self._analyze = analyze
        self._analyze_words = WordAnalyzer(CACHED_WORDS)
        self._wanted: LRUCache[WeightedTerms] = LRUCache(CACHED_QUERIES)
        self._page_lane = page_lane

    def find(
        self,
        snapshot: Snapshot,
        query: str,
        page: PageRow,
        hit: FusedHit | None = None,
        *,
        phrases: Sequence[str] = (),
    ) -> list[Evidence]:
        """Return a quote with each of the phrases that the page has; if none, the best quote for the query, rare terms
        weighing more.

        Its boxes are those of its lines; where a table or chart has the query's terms as labels, or the query is about
        what is seen, the box of the table or the figure.
        On a page without words, return the regions of its image that late interaction matched most. Empty if the query
        has no text, or nothing can be shown.
        """
        if not query:
            return []
        if quotes := [_quote(page.text, *span) for span in phrase_spans(page.text.text, phrases)] if phrases else []:
            return quotes
        found_passages = [rank.passage for rank in hit.lanes.values() if rank.passage is not None] if hit else []
        key = (snapshot.generation, query)
        wanted, weights, analyze = self._wanted.get(key, lambda: self._weighted(snapshot, query))
        quote = find_quote(
            page.text,
            weights,
            analyze,
            forms=wanted.forms,
            matched_words=lambda: self._matched_words(snapshot, query, page, hit),
            passage=page.passages[ordinal_of(found_passages[0])] if found_passages else None,
        )
        if quote:
            region = find_region(query, page.text, quote, wanted, weights, analyze, page.tables)
            return [replace(quote, boxes=region or without_titles(page.text, quote.boxes))]
        tokens = self._tokens(snapshot, query, page.key) if hit is None or "page" in hit.lanes else None
        if tokens is None or self._tokens_are_words:
            return []
        return [Evidence("", 0, 0, hottest_patches(*tokens))]

    def _weighted(self, snapshot: Snapshot, query: str) -> WeightedTerms:
        """Return the terms that the evidence of a query is found by."""
        # Words alone too: the words of a page are compared one by one, and a date has several.
        by_word = [term for word in query.split() for term in self._analyze(word)]
        wanted = WantedTerms.of([*self._analyze(query), *by_word])
        analyze = SelectiveAnalyzer(self._analyze_words, wanted.plain.union(wanted.forms))
        return WeightedTerms(wanted, snapshot.idf(sorted(wanted.plain)), analyze)

    def heat_map(
        self, snapshot: Snapshot, query: str, page: int, *, height: int, width: int
    ) -> NDArray[np.float32] | None:
        """Return how much each place of a page adds to its score in the `page` lane: (height, width), 0..1.

        None if the collection has no such lane, or the lane has no tokens of the page.
        """
        tokens = self._tokens(snapshot, query, page)
        if tokens is None:
            return None
        return draw_heat_map(*tokens, of_words=self._tokens_are_words, height=height, width=width)

    @property
    def _tokens_are_words(self) -> bool:
        return self._page_lane is not None and self._page_lane.of_words

    def _matched_words(
        self, snapshot: Snapshot, query: str, page: PageRow, hit: FusedHit | None
    ) -> tuple[int, int] | None:
        """Return the first and last word of the page that the `page` lane matched, if its tokens are words."""
        if hit is None or "page" not in hit.lanes or not len(page.text.spans) or not self._tokens_are_words:
            return None
        tokens = self._tokens(snapshot, query, page.key)
        if tokens is None:
            return None
        query_tokens, page_tokens = tokens
        return words_of_boxes(page.text, page_tokens.boxes[best_token_window(query_tokens, page_tokens)])

    def _tokens(self, snapshot: Snapshot, query: str, page: int) -> tuple[QueryTokens, TokenMatrix] | None:
        """Return the `page` lane's tokens of the query and of the page."""
        if self._page_lane is None or not query:
            return None
        page_tokens = self._page_lane.page_tokens(snapshot, page)
        return None if page_tokens is None else (self._page_lane.query_tokens(query), page_tokens)


def find_quote(
    text: PageText,
    terms: Mapping[str, float],
    analyze: WordsAnalyzer,
    *,
    forms: Mapping[str, frozenset[str]] = MappingProxyType({}),
    matched_words: Callable[[], tuple[int, int] | None] = lambda: None,
    passage: Passage | None = None,
) -> Evidence | None:
    """Return the best quote of a page for the query's weighted plain terms; None if the page has no words.

    `forms` maps other forms of the terms to those that they stand for.

    If no term occurs on the page, the quote is the words that late interaction matched (`matched_words` returns the
    first and the last, and is called only then), or else the start of the passage that was found.
    """
    if not len(text.spans):
        return None
    occurrences = _term_occurrences(text, WantedTerms(frozenset(terms), forms), analyze)
    if occurrences:
        first, last = _densest_window(occurrences, terms, len(text.spans))
    elif matched := matched_words():
        first, last = matched
    else:
        first = 0 if passage is None else int(np.searchsorted(text.spans[:, 0], passage.start))
        last = min(first + QUOTE_WORDS, len(text.spans)) - 1
    return _evidence(text, *_extend_to_sentence(text, first, last))


def _quote(text: PageText, start: int, end: int) -> Evidence:
    """Return the span of a page's text with words around it."""
    first = int(np.searchsorted(text.spans[:, 1], start, side="right"))
    last = int(np.searchsorted(text.spans[:, 0], end, side="left")) - 1
    return _evidence(text, *_extend_to_sentence(text, *_with_context(first, last, len(text.spans))))


def _evidence(text: PageText, first: int, last: int) -> Evidence:
    """Return the evidence from the first to the last word."""
    start, end = int(text.spans[first, 0]), int(text.spans[last, 1])
    quote = join_cjk_lines(join_broken_words(text.text, start, end))
    return Evidence(quote, start, end, text.boxes_of(start, end))


def _term_occurrences(text: PageText, wanted: WantedTerms, analyze: WordsAnalyzer) -> list[tuple[int, str]]:
    """Return (word position, query term) for each word of the page that holds a term of the query."""
    words = whole_words(text)
    matching = {word: sorted(found) for word, found in wanted.found_in_words(analyze(set(words))).items()}
    return [(position, term) for position, word in enumerate(words) if word in matching for term in matching[word]]


def _densest_window(occurrences: list[tuple[int, str]], terms: Mapping[str, float], word_count: int) -> tuple[int, int]:
    """Return the first and last word of the window with the largest weight of distinct terms; the earliest on ties."""
    best, best_window = -1.0, (0, 0)
    for index, (first, _) in enumerate(occurrences):
        inside = occurrences[index : bisect_left(occurrences, first + QUOTE_WORDS, index, key=itemgetter(0))]
        last = inside[-1][0]
        weight = fsum(terms[term] for term in {term for _, term in inside}) - 0.001 * (last - first)  # in any order
        if weight > best:
            best, best_window = weight, (first, last)
    return _with_context(*best_window, word_count)


def _with_context(first: int, last: int, word_count: int) -> tuple[int, int]:
    """Return a window of words with as many more on both sides as a quote may have."""
    spare = max(0, QUOTE_WORDS - (last - first + 1)) // 2
    return max(0, first - spare), min(word_count - 1, last + spare)


def _extend_to_sentence(text: PageText, first: int, last: int) -> tuple[int, int]:
    """Move each end outwards to the nearest sentence or paragraph break within `SNAP_WORDS` words, if there is one."""
    for step in range(SNAP_WORDS + 1):
        if _begins_sentence(text, first - step):
            first -= step
            break
    for step in range(SNAP_WORDS + 1):
        if _ends_sentence(text, last + step):
            last += step
            break
    return first, last


def _begins_sentence(text: PageText, word: int) -> bool:
    return word == 0 or (word > 0 and _ends_sentence(text, word - 1))


def _ends_sentence(text: PageText, word: int) -> bool:
    count = len(text.spans)
    if word >= count - 1:
        return word == count - 1
    end, following = int(text.spans[word, 1]), int(text.spans[word + 1, 0])
    return text.text[end - 1 : end] in ".!?" or "\n\n" in text.text[end:following]
