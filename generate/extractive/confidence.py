"""How sure one may be that the shown pages are about what was asked: two signals, one fixed logistic.

    coverage = the best page's BM25 / sum of weight * idf over the terms that describe the question's subject
    cosine   = of the question and the sentence nearest to it

with the collection's own idf; terms that speak of the answer's form ("list", "page", "chart") weigh less. A term that
stands nowhere in the collection weighs the most and is held by no page: that is what foreign questions are told by. A
page of average length that says every describing word once has a coverage of about 1, at most 2.2. The cosine speaks
for questions that say it in other words.

This refuses what is foreign to a collection. It cannot see that a document on the very subject lacks the answer: for
that no score of words and vectors is much better than a coin, and it takes a reader. Fitted on the questions of
MMLongBench-Doc's 30 development documents, against the same asked without their document and against 197 on other
subjects; cross-validated by document: AUROC .83 and .97. Tables in docs/LOG.md.
"""

import math
from collections.abc import Mapping, Sequence

from pagelens.core.protocols import Analyzer
from pagelens.core.types import ContextPage
from pagelens.generate.extractive.question_analysis import Question

THRESHOLD = 0.5


def confidence(covered: float, cosine: float | None) -> float:
    """Return 0..1: how likely the pages are about the question rather than foreign to it. `cosine` None: without an
    encoder."""
    logit = 2.7 * covered - 1.9 if cosine is None else 1.75 * covered + 6.4 * cosine - 3.95
    return 1 / (1 + math.exp(-logit))


def coverage(question: Question, pages: Sequence[ContextPage], analyze: Analyzer, idf: Mapping[str, float]) -> float:
    """Return how much of the question the best page holds. Without the collection's idf every term weighs alike, and
    a page's score is the weight of those that stand on it."""
    whole = sum(weight * idf.get(term, 1.0) for term, weight in question.terms.items())
    if not whole:
        return 0.0
    if idf:
        return max((page.bm25 or 0.0 for page in pages), default=0.0) / whole
    held = [frozenset(analyze(f"{page.title}\n{page.text.text}")) for page in pages]
    scores = [sum(weight for term, weight in question.terms.items() if term in terms) for terms in held]
    return max(scores, default=0.0) / whole
