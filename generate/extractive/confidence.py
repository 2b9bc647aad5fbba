"""Confidence that the given pages are about the question: a logistic function of two signals.

    coverage = best BM25 score of the pages / sum of weight * idf over the terms that describe the question's subject
    cosine   = cosine similarity of the question and the nearest sentence

idf is that of the collection; terms about the form of the answer ("list", "page", "chart") weigh less. A term that
occurs nowhere in the collection has the largest idf and is on no page, so questions on other subjects have a low
coverage. A page of average length that contains every describing term once has a coverage of about 1; the maximum is
2.2. The cosine helps questions that use other words than the pages.

This detects questions on subjects that the collection does not contain. It cannot detect that a document on the right
subject lacks the answer: for that no score of words and vectors is much better than chance. Fitted on the questions of
MMLongBench-Doc's 30 development documents, against the same asked without their document and against 197 on other
subjects; cross-validated by document: AUROC .83 and .97. Tables in docs/LOG.md.
"""

import math
from collections.abc import Mapping, Sequence

from pagelens.core.protocols import Analyzer
from pagelens.core.types import ContextPage
from pagelens.generate.extractive.question_analysis import AnalyzedQuestion

THRESHOLD = 0.5  # confidence from which a question is answered; pinned by tests/generate/test_confidence.py


def confidence(coverage: float, cosine: float | None) -> float:
    """Return how likely the pages are about the question's subject, 0..1. `cosine` is None without a text encoder."""
    logit = 2.7 * coverage - 1.9 if cosine is None else 1.75 * coverage + 6.4 * cosine - 3.95
    return 1 / (1 + math.exp(-logit))


def question_coverage(
    question: AnalyzedQuestion, pages: Sequence[ContextPage], analyze: Analyzer, idf: Mapping[str, float]
) -> float:
    """Return how much of the question the best page covers.

    Without the collection's idf all terms have the same, and a page's score is the weight of the terms it contains.
    """
    total = sum(weight * idf.get(term, 1.0) for term, weight in question.terms.items())
    if not total:
        return 0.0
    if idf:
        return max((page.bm25 or 0.0 for page in pages), default=0.0) / total
    page_terms = [question.terms_in(analyze(f"{page.title}\n{page.text.text}")) for page in pages]
    scores = [sum(weight for term, weight in question.terms.items() if term in terms) for terms in page_terms]
    return max(scores, default=0.0) / total
