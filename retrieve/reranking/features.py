"""The features of candidates by which the builtin reranker scores them.

Few, and none depends on the size of a collection. `document coverage` compares documents: the share of the query's
words, by idf, that the candidates of one document have together. What a page lacks may stand on another page of its
document (the company on the cover, the figure on page 40), which no lane sees, as each ranks pages alone. In a search
of one document it is the same for all candidates, and changes nothing.

Tried and left out, since they added nothing on documents that they were not fitted on (docs/LOG.md): each lane's share
and rank, text length, share of numbers, contents pages, lists of references, headings, captions, neighbouring pages.
"""

import unicodedata
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from pagelens.core.keys import document_of
from pagelens.core.types import RerankCandidate

FEATURES = ("fused share", "fused reciprocal rank", "document coverage")
MIN_STEM = 5  # letters of a term whose last one may be left out


def feature_matrix(candidates: Sequence[RerankCandidate], idf: Mapping[str, float]) -> NDArray[np.float64]:
    """Return (n_candidates, n_features), each feature in 0..1; `idf` has the query's terms."""
    best = max((candidate.score for candidate in candidates), default=0.0) or 1.0
    coverage = document_coverage(candidates, idf)
    rows = [
        (candidate.score / best, 1 / candidate.rank, coverage[document_of(candidate.page)]) for candidate in candidates
    ]
    return np.array(rows, np.float64).reshape(len(rows), len(FEATURES))


def document_coverage(candidates: Sequence[RerankCandidate], idf: Mapping[str, float]) -> dict[int, float]:
    """Return the share of the terms, by idf, that stand on the candidates of each document, by document key."""
    stems = {term: _stem(term) for term in idf}
    found: dict[int, set[str]] = {}
    for candidate in candidates:
        terms = found.setdefault(document_of(candidate.page), set())
        missing = stems.keys() - terms
        text = _folded(candidate.text) if missing else ""
        terms.update(term for term in missing if stems[term] in text)
    total = sum(idf.values()) or 1.0
    return {document: sum(idf[term] for term in sorted(terms)) / total for document, terms in found.items()}


def _stem(term: str) -> str:
    """Return the part of an index term that stands in the word as it is written: "compan" of "compani"."""
    return term[:-1] if len(term) >= MIN_STEM and term[-1] in "ie" else term


def _folded(text: str) -> str:
    """Return a text in lower case without accents, as index terms are."""
    if text.isascii():
        return text.lower()
    text = unicodedata.normalize("NFKD", text.lower())
    for mark in filter(unicodedata.combining, set(text)):
        text = text.replace(mark, "")
    return text
