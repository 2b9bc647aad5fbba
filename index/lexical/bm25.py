"""BM25 as an inner product of sparse vectors: what a page weighs for each of its terms, what a query asks of each.

    score(page) = sum over the query's terms and pairs of idf(term) * weight(term, page)
    idf(term) = ln(1 + (N - n + 1/2) / (n + 1/2)),  n of N pages hold the term
    weight(term, page) = tf * (k1 + 1) / (tf + k1 * (1 - b + b * length / average))

(Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009; k1 = 1.2, b = 0.75.) Lengths
are rounded down to one of 256 as tantivy keeps them (Lucene's "small float": 3 bits behind the first), so that the two
score alike to single precision, ties included. Terms and pairs have an average length each.

The average moves as a collection grows. So that rows need not be written anew each time, a page weighs each term
twice, by the average of then and by one AHEAD of it, and the query takes its share of both: on a straight line through
them in 1 / average. That is exact at the first, and off by little between and around them (docs/LOG.md).

A term's place in the vector is 30 bits of its BLAKE2b hash, a pair's the same with the highest bit set; the second
weight has the next bit set. Two terms of one hash are one term to the index: counted as one, found for each other.
Pure arithmetic; knows no index.
"""

import hashlib
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from pagelens.index.lexical.tantivy_index import SCHEMA, analyze, pairs

LAYOUT = 100 * SCHEMA + 2  # of rows and counts: changes with the analyzer, the places or the weights
K1, B = 1.2, 0.75
EXACT = 24  # lengths below are kept as they are
PAIR, SECOND = 1 << 31, 1 << 30
AHEAD = 1.05  # the second average beside the first
FARTHEST = 1.5  # the straight line ends at so many times 1 / average: from twice on, long pages weigh less than nothing
REMEMBERED = 1 << 16  # hashes: most words of a page are words of other pages


class Lengths(NamedTuple):
    """How many terms and pairs: of a page, or of pages on average."""

    terms: float
    pairs: float


class PageTerms(NamedTuple):
    """How often each term and pair stands on a page, by its place in the vector, and how many there are in all."""

    counts: dict[int, int]
    lengths: Lengths


class Sparse(NamedTuple):
    """A sparse vector: rising places, and the number at each."""

    places: list[int]
    values: list[float]


def read_terms(text: str) -> PageTerms:
    """Return what a page's text holds."""
    terms = analyze(text)
    both = pairs(terms)
    counts = Counter(map(place_of_term, terms))
    counts.update(map(place_of_pair, both))
    return PageTerms(dict(sorted(counts.items())), Lengths(len(terms), len(both)))


def weigh_page(page: PageTerms, average: Lengths) -> Sparse:
    """Return what a page weighs for each of its terms and pairs, by an average and by one AHEAD of it."""
    values: dict[int, float] = {}
    for second, ahead in ((0, 1.0), (SECOND, AHEAD)):
        norms = [_norm(length, ahead * mean) for length, mean in zip(page.lengths, average, strict=True)]
        for place, count in page.counts.items():
            values[place | second] = count * (K1 + 1) / (count + norms[place >= PAIR])
    places = sorted(values)
    return Sparse(places, [values[place] for place in places])


def weigh_query(asked: Mapping[int, float], weighed_by: Lengths, average: Lengths) -> Sparse:
    """Return a query over pages that were weighed by one average, for another: places, and what is asked of each."""
    shares = [_second_share(then, now) for then, now in zip(weighed_by, average, strict=True)]
    values: dict[int, float] = {}
    for place, weight in asked.items():
        share = shares[place >= PAIR]
        values[place] = weight * (1 - share)
        if share:
            values[place | SECOND] = weight * share
    places = sorted(values)
    return Sparse(places, [values[place] for place in places])


def query_places(terms: Sequence[str], *, with_pairs: bool = True) -> list[int]:
    """Return the places that a query of analyzed terms, in their order, asks for, each once, rising."""
    both = pairs(terms) if with_pairs else []
    return sorted({*map(place_of_term, terms), *map(place_of_pair, both)})


def idf(pages: int, having: int) -> float:
    """Return a term's inverse document frequency: so many of so many pages have it."""
    return math.log(1 + (pages - having + 0.5) / (having + 0.5))


@lru_cache(REMEMBERED)
def place_of_term(term: str) -> int:
    """Return an analyzed term's place in the vector, 0 to 2^30 - 1."""
    return int.from_bytes(hashlib.blake2b(term.encode(), digest_size=4).digest(), "big") >> 2


@lru_cache(REMEMBERED)
def place_of_pair(pair: str) -> int:
    """Return a pair's place, from 2^31 on."""
    return place_of_term(pair) | PAIR


def round_length(length: int) -> int:
    """Return the greatest length that is kept, and not above this one."""
    return int(_KEPT[np.searchsorted(_KEPT, length, side="right") - 1])


def _norm(length: float, average: float) -> float:
    return K1 * (1 - B + B * round_length(int(length)) / average) if average else 0.0


def _second_share(then: float, now: float) -> float:
    """Return where 1 / now lies on the way from 1 / then (0) to that of the average ahead (1)."""
    return (1 - min(then / now, FARTHEST)) / (1 - 1 / AHEAD) if then and now else 0.0


def _kept(code: int) -> int:
    """Return the length that a byte stands for."""
    rest = code - EXACT
    if rest < 0:
        return code
    bits, shift = rest & 7, (rest >> 3) - 1
    return EXACT + (bits if shift < 0 else (bits | 8) << shift)


_KEPT = np.array([_kept(code) for code in range(256)], np.int64)
