"""The pages that meet a query's conditions: which words and phrases stand, or do not stand, on them.

A single word is looked up in the lexical index. Phrases are looked for in the texts of the pages that have their words.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from pagelens.core.keys import page_key
from pagelens.core.protocols import Analyzer
from pagelens.core.query_conditions import PageConditions, Wording
from pagelens.core.terms import plain_terms, whole_word_terms
from pagelens.index.catalog.reads import DocumentRow
from pagelens.index.lane_queries import LexicalQuery
from pagelens.index.lexical.folding import fold
from pagelens.index.lexical.phrases import certain_terms, has_phrase, phrase_pattern
from pagelens.index.reader import Snapshot
from pagelens.index.selection import Selection, intersection, of_pages

MAX_READ = 4_000  # pages whose texts are read for one phrase: 1 s (docs/LOG.md)
LOOKED_UP = 3  # rarest words of a phrase that pages are looked up by

PageKeys = NDArray[np.int64]  # sorted
NO_PAGES: PageKeys = np.zeros(0, np.int64)

EMPTY_COLLECTION = "The collection has no pages yet."
NONE_MATCHES_FILTERS = "No document or page matches the filters."
NONE_MEETS_CONDITIONS = "No page meets all of the query's conditions."


@dataclass(frozen=True, slots=True)
class ConditionResult:
    """The selection that filters and conditions leave (None: everything), its number of pages, and notes for users."""

    selection: Selection | None
    page_count: int
    nothing_left: str = ""  # why there are no pages, as a sentence
    preferred: Selection | None = None  # of a question: pages that have its phrases come first
    phrases: Sequence[str] = ()
    notes: Sequence[str] = ()


def apply_conditions(
    snapshot: Snapshot, conditions: PageConditions, selection: Selection | None, analyze: Analyzer
) -> ConditionResult:
    """Return the pages of a selection, which filters made, that meet the conditions."""
    filtered = _count(snapshot, selection)
    if not filtered:
        reason = NONE_MATCHES_FILTERS if snapshot.page_count else EMPTY_COLLECTION
        return ConditionResult(selection, 0, nothing_left=reason)
    if not conditions:
        return ConditionResult(selection, filtered)
    finder = _PageFinder(snapshot, selection, analyze)
    phrases: list[str] = []
    preferred: Selection | None = None
    for alternatives in conditions.required:
        pages = reduce(np.union1d, (finder.find(wording, any_form=True) for wording in alternatives), NO_PAGES)
        finder.note_missing(alternatives, found=len(pages) > 0, lenient=conditions.lenient)
        phrases += [wording.text for wording in alternatives if wording.exact]
        if not conditions.lenient:
            selection = intersection(selection, of_pages(pages))
        elif len(pages):
            preferred = intersection(preferred, of_pages(pages))
    excluded = reduce(np.union1d, (finder.find(wording, any_form=False) for wording in conditions.excluded), NO_PAGES)
    if len(excluded):
        selection = intersection(selection, Selection(left_out=excluded))
    page_count = _count(snapshot, selection)
    return ConditionResult(
        selection,
        page_count,
        nothing_left="" if page_count else NONE_MEETS_CONDITIONS,
        preferred=preferred,
        phrases=phrases,
        notes=finder.notes,
    )


def _count(snapshot: Snapshot, selection: Selection | None) -> int:
    return snapshot.page_count if selection is None else selection.count(snapshot.documents)


class _PageFinder:
    """Finds the pages of a selection that have a word or a phrase."""

    def __init__(self, snapshot: Snapshot, selection: Selection | None, analyze: Analyzer) -> None:
        self._snapshot, self._selection, self._analyze = snapshot, selection, analyze
        self.notes: list[str] = []

    def find(self, wording: Wording, *, any_form: bool) -> PageKeys:
        """Return the pages that have it, and those of documents that have it in their title or file name.

        `any_form`: of a word that is not exact, also in the stems of other languages than English, which may be more.
        """
        terms = self._analyze(wording.text)
        if not terms and not wording.exact:
            self.notes.append(f"“{wording.text}” is too frequent a word to be a condition: left aside")
            return NO_PAGES
        is_phrase = wording.exact or len(plain_terms(terms)) != 1  # "follow-up" is two terms in a row
        wanted = whole_word_terms(terms) if any_form else plain_terms(terms)
        pages = self._with_phrase(wording.text) if is_phrase else np.sort(self._search(wanted))
        return np.union1d(pages, self._of_title(wording.text))

    def note_missing(self, alternatives: Sequence[Wording], *, found: bool, lenient: bool) -> None:
        """Note where no page has any of these, and what could be done."""
        if found:
            return
        names = " or ".join(f"“{wording.text}”" for wording in alternatives)
        if lenient:
            self.notes.append(f"no page has {names}: searched as words")
            return
        without = len(reduce(np.union1d, (self._with_all(certain_terms(item.text)) for item in alternatives), NO_PAGES))
        number = "1 page has" if without == 1 else f"{without} pages have"
        hint = f"; without quotation marks, {number} its words" if without else ""
        self.notes.append(f"no page has {names}{hint}")

    def _with_phrase(self, phrase: str) -> PageKeys:
        candidates = self._candidates(phrase)
        if len(candidates) > MAX_READ:
            self.notes.append(
                f"“{phrase}”: {len(candidates)} pages may have it; the {MAX_READ} that match its words best were read"
            )
            candidates = candidates[:MAX_READ]
        pattern = phrase_pattern(phrase)
        texts = self._snapshot.texts(np.sort(candidates))
        return np.array([key for key, text, caption in texts if has_phrase(text, caption, pattern)], np.int64)

    def _candidates(self, phrase: str) -> PageKeys:
        """Return the pages that may have a phrase, those that match its words best first if they are many."""
        certain = certain_terms(phrase)
        pages = self._with_all(certain)
        if certain and len(pages) <= MAX_READ:
            return pages
        terms = self._analyze(phrase)
        ranked = self._search(terms) if plain_terms(terms) else self._all_pages()
        return ranked[np.isin(ranked, pages)] if certain else ranked

    def _with_all(self, terms: Sequence[str]) -> PageKeys:
        """Return the pages that have all of a few terms, the rarest if there are more."""
        idf = self._snapshot.idf(terms)
        rarest = sorted(terms, key=lambda term: -idf[term])[:LOOKED_UP]
        return reduce(np.intersect1d, (self._search([term]) for term in rarest)) if rarest else NO_PAGES

    def _search(self, terms: Sequence[str]) -> PageKeys:
        """Return the selected pages with any of the terms, best first."""
        query = LexicalQuery(tuple(terms), self._snapshot.page_count, self._selection)
        return self._snapshot.search([query])[0][0]

    def _of_title(self, text: str) -> PageKeys:
        pattern = phrase_pattern(text)
        rows = self._snapshot.documents.values()
        found = (row for row in rows if any(pattern.search(fold(name)) for name in _names(row)))
        return self._selected(page_key(row.key, n) for row in found for n in range(1, row.document.page_count + 1))

    def _all_pages(self) -> PageKeys:
        rows = self._snapshot.documents.values()
        return self._selected(page_key(row.key, n) for row in rows for n in range(1, row.document.page_count + 1))

    def _selected(self, pages: Iterable[int]) -> PageKeys:
        keys = np.array(sorted(pages), np.int64)
        return keys if self._selection is None else keys[self._selection.mask(keys)]


def _names(row: DocumentRow) -> list[str]:
    return [row.document.title, *(path.rpartition("/")[2] for path in row.paths)]
