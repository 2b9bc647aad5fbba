"""Two probabilities: that the given pages are about the question, and that the best quote answers it.

    coverage  = best BM25 score of the pages / sum of weight * idf over the terms that describe the question's subject
    cosine    = cosine similarity of the question and the nearest sentence
    relevance = logistic of both: below `RELEVANT` nothing is shown

idf is that of the collection; terms about the form of the answer ("list", "page") weigh less, years and numbers
nothing. A term that occurs nowhere in the collection has the largest idf and is on no page, so questions on other
subjects have a low coverage. A page of average length that contains every describing term once has a coverage of about
1; the maximum is 2.2. Fitted on questions about 30 documents, against the same asked without their document and against
197 on other subjects.

The confidence of an answer is a logistic of five properties of its best quote: the share of the subject's words that it
lacks, how much else of the question it does not meet, words of the question about the document's form, the cosine, and
of a list, how much of its heading the question has.
It is fitted on those questions and on a hundred pairs of plain ones, with and without an answer; docs/LOG.md tells how
it holds on documents that it was not fitted on. That a passage with every word of a question misses its point, it
cannot know.
"""

import math
from collections.abc import Mapping, Sequence

from pagelens.core.protocols import Analyzer
from pagelens.core.types import ContextPage
from pagelens.generate.extractive.question_analysis import FORM_WEIGHT, AnalyzedQuestion
from pagelens.generate.extractive.sentence_scoring import ScoredCandidate

THRESHOLD = 0.5  # probability from which quotes are shown as an answer; pinned by tests/generate/test_confidence.py
RELEVANT = 0.3  # relevance from which passages are shown at all


def relevance(coverage: float, cosine: float | None) -> float:
    """Return how likely the pages are about the question's subject, 0..1. `cosine` is None without a text encoder."""
    logit = 2.7 * coverage - 1.9 if cosine is None else 1.75 * coverage + 6.4 * cosine - 3.95
    return 1 / (1 + math.exp(-logit))


WEIGHTS = {"lacks": -2.5, "unmet": -1.9, "form": -0.6, "cosine": 1.6, "heading": 0.5}
BIAS = 0.33
BY_WORDS = 0.6  # the cosine that is taken where there is none
MAX_UNMET, MAX_FORM = 4, 3  # that count


def answer_probability(question: AnalyzedQuestion, best: ScoredCandidate, *, by_words: bool) -> float:
    """Return how likely the best quote answers the question, 0..1."""
    values = {
        "lacks": best.lacks,
        "unmet": min(len(best.unmet), MAX_UNMET),
        "form": min(sum(weight == FORM_WEIGHT for weight in question.terms.values()), MAX_FORM),
        "cosine": BY_WORDS if by_words else best.cosine,
        "heading": best.candidate.fit,
    }
    return 1 / (1 + math.exp(-BIAS - sum(WEIGHTS[name] * value for name, value in values.items())))


def question_coverage(
    question: AnalyzedQuestion, pages: Sequence[ContextPage], analyze: Analyzer, idf: Mapping[str, float]
) -> float:
    """Return how much of the question the best page covers.

    Without the collection's idf all terms have the same, and a page's score is the weight of the terms it contains.
    """
    terms = {term: weight for term, weight in question.terms.items() if term not in question.constraints.figures}
    terms = terms or dict(question.terms)
    total = sum(weight * idf.get(term, 1.0) for term, weight in terms.items())
    if not total:
        return 0.0
    if idf:
        return max((page.bm25 or 0.0 for page in pages), default=0.0) / total
    page_terms = [question.terms_in(analyze(f"{page.title}\n{page.text.text}")) for page in pages]
    scores = [sum(weight for term, weight in terms.items() if term in on_page) for on_page in page_terms]
    return max(scores, default=0.0) / total
