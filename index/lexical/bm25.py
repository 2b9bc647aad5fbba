"""BM25 as an inner product of sparse vectors, one for each page and one for the query.

    score(page) = sum over the query's terms and bigrams of idf(term) * weight(term, page)
    idf(term) = ln(1 + (N - n + 1/2) / (n + 1/2)),  n of N pages contain the term
    weight(term, page) = tf * (k1 + 1) / (tf + k1 * (1 - b + b * length / average length))

(Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009; k1 = 1.2, b = 0.75.) Terms and
bigrams have an average length each. Lengths are rounded down to one of 256 values as in tantivy (Lucene's "small
float"), so that both implementations give the same scores to single precision, ties included.

The average length changes as a collection grows. So that stored vectors need not be rewritten each time, a page has two
weights for each term: one for the average at the time of writing and one for an average AHEAD times as long. A query
interpolates linearly between them in 1 / average. The score is exact at the first average and close to exact between
and around the two (docs/LOG.md).

The index of a term in the vector is 30 bits of its BLAKE2b hash; bit 31 marks bigrams, bit 30 the second weight. Terms
with equal hashes are treated as one term.
"""

import hashlib
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from pagelens.index.lexical.analysis import ANALYSIS_VERSION, analyze_page, bigrams

LAYOUT = 100 * ANALYSIS_VERSION + 2  # version of vectors and counts: changes with the analyzer, indices and weights
K1, B = 1.2, 0.75
BIGRAM, SECOND = 1 << 31, 1 << 30
AHEAD = 1.05  # second average length / first
MAX_RATIO = 1.5  # of the first average to the current one in interpolation; from 2 on, long pages get negative weights
CACHED_TERMS = 1 << 16


class Lengths(NamedTuple):
    """Number of terms and of bigrams: of one page, summed, or averaged."""

    terms: float
    bigrams: float


class PageTerms(NamedTuple):
    """How often each term and bigram occurs on a page, by vector index, and the page's lengths."""

    counts: dict[int, int]
    lengths: Lengths


class SparseVector(NamedTuple):
    """A sparse vector: rising indices, and the value at each."""

    indices: list[int]
    values: list[float]


def count_terms(text: str) -> PageTerms:
    """Return the term and bigram counts of a page's text."""
    terms = analyze_page(text)
    pairs = bigrams(terms)
    counts = Counter([*map(term_index, terms), *map(bigram_index, pairs)])
    return PageTerms(dict(sorted(counts.items())), Lengths(len(terms), len(pairs)))


def page_vector(page: PageTerms, average: Lengths) -> SparseVector:
    """Return the weights of a page's terms and bigrams for an average length, and for one AHEAD times as long."""
    values: dict[int, float] = {}
    for second, factor in ((0, 1.0), (SECOND, AHEAD)):
        norms = [_length_norm(length, factor * mean) for length, mean in zip(page.lengths, average, strict=True)]
        for index, count in page.counts.items():
            values[index | second] = count * (K1 + 1) / (count + norms[index >= BIGRAM])
    return _sparse(values)


def query_vector(weights: Mapping[int, float], indexed_average: Lengths, average: Lengths) -> SparseVector:
    """Return a query for page vectors written with one average length that scores them by the current average.

    `weights` are the idf of the query's terms and bigrams by vector index.
    """
    shares = [_second_share(indexed, now) for indexed, now in zip(indexed_average, average, strict=True)]
    values: dict[int, float] = {}
    for index, weight in weights.items():
        share = shares[index >= BIGRAM]
        values[index] = weight * (1 - share)
        if share:
            values[index | SECOND] = weight * share
    return _sparse(values)


def query_indices(terms: Sequence[str]) -> list[int]:
    """Return the vector indices of a query's analyzed terms, in their order, and of its bigrams: sorted, without
    duplicates."""
    return sorted({*map(term_index, terms), *map(bigram_index, bigrams(terms))})


def idf(pages: int, frequency: int) -> float:
    """Return the inverse document frequency of a term that `frequency` of `pages` pages contain."""
    return math.log(1 + (pages - frequency + 0.5) / (frequency + 0.5))


@lru_cache(CACHED_TERMS)
def term_index(term: str) -> int:
    """Return the vector index of an analyzed term, 0 to 2^30 - 1."""
    return int.from_bytes(hashlib.blake2b(term.encode(), digest_size=4).digest(), "big") >> 2


@lru_cache(CACHED_TERMS)
def bigram_index(bigram: str) -> int:
    """Return the vector index of a bigram, from 2^31 on."""
    return term_index(bigram) | BIGRAM


def round_length(length: int) -> int:
    """Return the largest representable length that is not above `length`: below 24 each, then 8 for each power of 2."""
    return int(_LENGTHS[np.searchsorted(_LENGTHS, length, side="right") - 1])


_LENGTHS = np.array(
    [*range(24), *range(24, 32), *(24 + (8 + bits << shift) for shift in range(28) for bits in range(8))], np.int64
)
"""The 256 representable lengths, rising (Lucene's SmallFloat.byte4ToInt)."""


def _sparse(values: Mapping[int, float]) -> SparseVector:
    indices = sorted(values)
    return SparseVector(indices, [values[index] for index in indices])


def _length_norm(length: float, average: float) -> float:
    return K1 * (1 - B + B * round_length(int(length)) / average) if average else 0.0


def _second_share(indexed: float, now: float) -> float:
    """Return the position of 1 / now between 1 / indexed (0) and 1 / (AHEAD * indexed) (1)."""
    return (1 - min(indexed / now, MAX_RATIO)) / (1 - 1 / AHEAD) if indexed and now else 0.0
