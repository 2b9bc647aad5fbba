"""How much work a search does: `quick`, `normal` or `thorough`.

`quick` is the lanes alone. `normal` reranks where the profile, the collection or the environment says so. `thorough`
splits the question into parts (`pagelens.retrieve.question_parts`), searches for each, interleaves what was found so
that every part has pages among the first, looks which names, years and numbers of the question none of the first pages
has, searches for pages that have those, and shows its steps. It stops when nothing is missing, when a round of searches
found none of what was missing, or after `MAX_SEARCHES`.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from typing import Literal

import numpy as np

from pagelens.core.keys import document_of, number_of
from pagelens.core.query_conditions import Wording
from pagelens.core.terms import WantedTerms
from pagelens.core.types import Depth, Filters, FusedHit, PageRef, Query, SearchStep
from pagelens.index.reader import Snapshot
from pagelens.retrieve.question_parts import QuestionSplitter, names_in, split_question, years_in
from pagelens.retrieve.search import NO_FILTERS, Fusion, RetrievalResult, Retriever

MAX_SEARCHES = 10  # of one thorough search
READ = 6  # first pages that are read for what is missing: those that an answer uses
SHOWN = 3  # pages of each step
_EACH = re.compile(
    r"\b(?:each|every|both|all)\b(?:\s+of)?(?:\s+(?:the|these|those|my|our))?(?:\s+\w+)?\s+"
    r"(?:documents?|reports?|files?|manuals?|guides?|papers?|brochures?|presentations?|contracts?)\b",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"(?<![\w.,-])\d[\d.,]*\d(?![\w-])")  # of two digits or more


@dataclass(frozen=True, slots=True, kw_only=True)
class DepthOptions:
    """What a search at some depth passes on to each of its searches: see `Retriever.search`."""

    filters: Filters = NO_FILTERS
    lanes: Sequence[str] | None = None
    fusion: Fusion | None = None
    rerank: bool | None = None
    split: QuestionSplitter = split_question
    on_search: Callable[[SearchStep], None] | None = None  # called after each search of a thorough search


def search_at_depth(
    snapshot: Snapshot, retriever: Retriever, query: Query, depth: Depth, *, k: int, options: DepthOptions
) -> RetrievalResult:
    """Return the `k` best pages as `Retriever.search` does, found with as much work as `depth` says.

    `options.rerank` decides on reranking at any depth; None: as set for the collection, and not at all if `quick`.
    """
    if depth == "quick" and options.rerank is None:
        options = replace(options, rerank=False)
    search = _ThoroughSearch(snapshot=snapshot, retriever=retriever, query=query, k=k, options=options)
    return search.run() if depth == "thorough" else search.search(query)


@dataclass(slots=True, kw_only=True)
class _ThoroughSearch:
    snapshot: Snapshot
    retriever: Retriever
    query: Query
    k: int
    options: DepthOptions
    steps: list[SearchStep] = field(default_factory=list)

    def search(self, query: Query) -> RetrievalResult:
        options = self.options
        return self.retriever.search(
            self.snapshot,
            query,
            k=self.k,
            filters=options.filters,
            lanes=options.lanes,
            fusion=options.fusion,
            rerank=options.rerank,
        )

    def run(self) -> RetrievalResult:
        whole = self.search(self.query)
        self._note("question", whole.text, whole.hits)
        if self.query.image is not None or not whole.text:
            return replace(whole, steps=self.steps)
        parts = [part for part in self.options.split(whole.text) if part.strip() and part != whole.text]
        found = [self._step("part", replace(self.query, text=part, spelling=False)) for part in parts]
        rankings = [whole.hits, *(result.hits for result in found)]
        if _EACH.search(whole.text):
            rankings = [_documents_first(hits) for hits in rankings]
        hits = self._search_for_missing(whole, parts, interleave(rankings))
        return replace(
            whole,
            hits=hits[: self.k],
            weak=whole.weak and all(result.weak for result in found),
            nothing_found="" if hits else whole.nothing_found,
            steps=self.steps,
        )

    def _search_for_missing(
        self, whole: RetrievalResult, parts: Sequence[str], hits: Sequence[FusedHit]
    ) -> Sequence[FusedHit]:
        """Return the hits with pages that have what the first ones lack, before the last places of those."""
        missing = self._missing(whole.text, hits)
        while missing and len(self.steps) < MAX_SEARCHES:
            added: list[FusedHit] = []
            for wanted in missing[: MAX_SEARCHES - len(self.steps)]:
                part = next((part for part in parts if wanted in part), whole.text)
                required = (*self.query.conditions.required, (Wording(wanted, exact=False),))
                conditions = replace(self.query.conditions, required=required, lenient=False)
                query = replace(self.query, text=part, conditions=conditions, spelling=False)
                added += self._step("missing", query, wanted).hits[:1]
            before, hits = missing, _inserted(hits, added)
            missing = [wanted for wanted in self._missing(whole.text, hits) if wanted not in before]
        return hits

    def _missing(self, text: str, hits: Sequence[FusedHit]) -> list[str]:
        """Return the names, years and numbers of the question that the collection has and none of the first pages."""
        analyze = self.retriever.analyze
        wanted = {name: WantedTerms.of(analyze(name)) for name in _items(text)}
        keys = np.array(sorted(hit.page for hit in hits[:READ]), np.int64)
        documents = self.snapshot.documents
        read = [
            analyze(f"{documents[document_of(key)].document.title}\n{page}\n{caption}")
            for key, page, caption in self.snapshot.texts(keys)
        ]
        return [
            name
            for name, terms in wanted.items()
            if terms.plain
            and not any(terms.found_in(page) == terms.plain for page in read)
            and len(self.snapshot.known(sorted(terms.plain))) == len(terms.plain)
        ]

    def _step(self, reason: Literal["part", "missing"], query: Query, wanted: str = "") -> RetrievalResult:
        result = self.search(query)
        self._note(reason, wanted or query.text, result.hits)
        return result

    def _note(self, reason: Literal["question", "part", "missing"], text: str, hits: Sequence[FusedHit]) -> None:
        pages = [
            PageRef(self.snapshot.documents[document_of(hit.page)].path, number_of(hit.page)) for hit in hits[:SHOWN]
        ]
        self.steps.append(SearchStep(reason=reason, text=text, pages=pages))
        if self.options.on_search is not None:
            self.options.on_search(self.steps[-1])


def _items(text: str) -> list[str]:
    """Return the names, years and numbers of a question."""
    return list(dict.fromkeys([*names_in(text), *years_in(text), *_NUMBER.findall(text)]))


def interleave(rankings: Sequence[Sequence[FusedHit]]) -> list[FusedHit]:
    """Return the hits of a question and of its parts in turn, each page once, so that each part has pages early.

    The first ranking is the question's own. A part's pages are ordered by their share of the best score for the part
    and for the question together: a part alone may have lost what it is about. Pages and documents that the question
    names stay before all others.
    """
    whole, parts = rankings[0], rankings[1:]
    own_shares = _shares(whole)
    rounds = zip_longest(*(_for_question(part, own_shares) for part in parts), whole)
    own = {hit.page: hit for hit in whole}
    merged: dict[int, FusedHit] = {}
    for places in rounds:
        for hit in places:
            if hit is not None:
                merged.setdefault(hit.page, own.get(hit.page, hit))
    return sorted(merged.values(), key=lambda hit: not hit.named)


def _shares(hits: Sequence[FusedHit]) -> dict[int, float]:
    """Return each page's score as a share of the best one."""
    best = max((hit.score for hit in hits), default=0.0) or 1.0
    return {hit.page: hit.score / best for hit in hits}


def _for_question(part: Sequence[FusedHit], own_shares: Mapping[int, float]) -> list[FusedHit]:
    shares = _shares(part)
    return sorted(part, key=lambda hit: -(shares[hit.page] + own_shares.get(hit.page, 0.0)))


def _documents_first(hits: Iterable[FusedHit]) -> list[FusedHit]:
    """Return the best page of each document before all others; the order within both groups stays."""
    seen: set[int] = set()
    first: list[FusedHit] = []
    others: list[FusedHit] = []
    for hit in hits:
        (others if document_of(hit.page) in seen else first).append(hit)
        seen.add(document_of(hit.page))
    return [*first, *others]


def _inserted(hits: Sequence[FusedHit], added: Sequence[FusedHit]) -> list[FusedHit]:
    """Return the hits with those added directly before the place `READ`, where they count among the first pages."""
    new = list({hit.page: hit for hit in added}.values())
    pages = {hit.page for hit in new}
    old = [hit for hit in hits if hit.page not in pages]
    place = max(0, READ - len(new))
    return [*old[:place], *new, *old[place:]]
