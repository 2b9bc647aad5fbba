"""The relevance floor: tells results that are as good as noise, by a linear score of a few signals.

With the builtin text encoder, a query of words has weak results if

    9.8 * cosine + 16.9 * nearest - 7.2 * unknown - 1.4 * log10(pages) - 3.2 < 0

with the builtin multilingual one if

    17.8 * cosine + 10.7 * nearest - 11.3 * unknown - 1.0 * log10(pages) - 4.5 < 0

where unknown terms of a query in a language of no pages do not count, and without a text lane if

    8.2 * coverage - 5.2 * unknown - 1.0 * log10(pages) - 0.1 < 0

    cosine    of the query with the nearest passage
    nearest   mean cosine of the five nearest pages' nearest passages, or of all if there are fewer
    unknown   share of the query's terms, by idf, that no page has; times N / (N + 100), since a collection of few (N)
              pages lacks many words of questions that it answers
    coverage  best BM25 score over the sum of the idf of the query's terms
    pages     that were searched, up to 1,000: the nearest of many is nearer, whatever the query is

A page that has all of the query's words is never weak: `pagelens.retrieve.search` asks. A photo is near enough if its
image's cosine is: see `FLOOR_OF_IMAGES`. Fitted by logistic regression on the questions
of MMLongBench-Doc's development documents, over all and over samples of 1 to 30 pages, against questions and strings on
other subjects; cross-validated by document: docs/LOG.md, `benchmarks/floor.py`. Other encoders have other cosines, for
which no floor was measured: their results are not said to be weak.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pagelens.core.terms import OtherForm, plain_terms
from pagelens.core.types import Ranking

MAX_PAGES = 1_000  # the score was fitted on collections up to this size
NEAREST = 5  # pages whose mean cosine is a signal
HALF_KNOWN = 100  # pages of a collection in which unknown terms count half


@dataclass(frozen=True, slots=True, kw_only=True)
class FloorWeights:
    """The weight of each signal; the results are weak where the weighted sum is below zero."""

    coverage: float = 0.0
    unknown: float = 0.0
    cosine: float = 0.0
    nearest: float = 0.0
    size: float = 0.0
    constant: float
    across_languages: bool = False  # whether pages may answer that have no word of a query in another language


FLOOR_OF_WORDS = FloorWeights(coverage=8.2, unknown=-5.2, size=-1.0, constant=-0.1)
FLOOR_OF_TEXT = FloorWeights(unknown=-7.2, cosine=9.8, nearest=16.9, size=-1.4, constant=-3.2)  # all-MiniLM-L6-v2
FLOOR_OF_MULTILINGUAL_TEXT = FloorWeights(
    unknown=-11.3, cosine=17.8, nearest=10.7, size=-1.0, constant=-4.5, across_languages=True
)  # multilingual-e5-small
FLOOR_OF_PHOTOS = FloorWeights(constant=-1.0)  # weak unless the image is near enough
FLOOR_OF_IMAGES = 0.17  # cosine in the builtin image lane from which a photo is near enough

NO_WORD = "The query has no word to search for: only stop words, marks or symbols."
NO_KNOWN_WORD = "No page has any of the query's words, and none is near them in meaning."


@dataclass(frozen=True, slots=True, kw_only=True)
class RelevanceSignals:
    """What is known of the results of a query of words."""

    best: Mapping[str, float]  # the best score of each lane
    nearest: float  # mean score of the text lane's first pages: see `mean_of_nearest`
    idf_sum: float  # of the query's terms
    unknown: float  # 0 to 1: see `unknown_share`
    page_count: int  # pages that were searched
    collection_size: int  # pages that document frequencies count


def is_weak(signals: RelevanceSignals, floor: FloorWeights) -> bool:
    """Return whether the results are as good as noise."""
    if signals.best.get("image", 0.0) >= FLOOR_OF_IMAGES:
        return False
    coverage = signals.best.get("words", 0.0) / signals.idf_sum if signals.idf_sum else 0.0
    known_part = signals.collection_size / (signals.collection_size + HALF_KNOWN)
    score = (
        floor.coverage * coverage
        + floor.unknown * signals.unknown * known_part
        + floor.cosine * signals.best.get("text", 0.0)
        + floor.nearest * signals.nearest
        + floor.size * math.log10(max(1, min(signals.page_count, MAX_PAGES)))
        + floor.constant
    )
    return score < 0


def best_scores(rankings: Iterable[Ranking]) -> dict[str, float]:
    """Return the best score of each lane that found a page."""
    return {ranking.lane: ranking.hits[0].score for ranking in rankings if ranking.hits}


def mean_of_nearest(rankings: Iterable[Ranking]) -> float:
    """Return the mean score of the text lane's first `NEAREST` pages; 0 where it found none.

    A subject that a collection is about has several pages near a query; a chance likeness has one.
    """
    scores = [hit.score for ranking in rankings if ranking.lane == "text" for hit in ranking.hits[:NEAREST]]
    return sum(scores) / len(scores) if scores else 0.0


def unknown_share(terms: Sequence[str], idf: Mapping[str, float], collection_size: int) -> float:
    """Return the share of an analyzed query's plain terms, by idf, that no page has in any form.

    `idf` has all terms, other forms too. 0 where nothing is known of any, since the lexical index is damaged.
    """
    without_pages = math.log(1 + (collection_size + 0.5) / 0.5) - 1e-9
    known = {term for term in terms if idf[term] < without_pages}
    known |= {plain for term in terms if term in known and isinstance(term, OtherForm) for plain in term.of}
    plain = set(plain_terms(terms))
    total = sum(idf[term] for term in plain)
    return sum(idf[term] for term in plain - known) / total if total else 0.0
