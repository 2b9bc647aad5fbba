"""Which spans of the shown pages answer a question best, and how much of the question the pages cover.

Words decide first (shares of the question's terms, the rare ones counting more), then, for the best few, the text
encoder's cosine. Knows neither where pages come from nor what is done with the answer.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from pagelens.core.protocols import Analyzer, TextEncoder
from pagelens.core.types import ContextPage
from pagelens.generate.extractive.candidates import Candidate, find_candidates
from pagelens.generate.extractive.question_analysis import Question

ENCODED = 32  # candidates whose cosine is computed; the encoder does some 100 sentences in a CPU-second
CONTEXT = 0.5  # what a term counts that stands in the heading above only
COLUMN = 0.9  # what it counts that names a column of the table whose row the span is
NEARBY = 0.2  # what it counts that stands elsewhere on the page, or in the document's title
COSINE = 0.5  # weight beside the share of terms
UNWANTED = 0.75  # factor where something particular is asked for (a number, a name) and the span does not hold it
EMPTY = 0.7  # factor for a span that says nothing beyond the question's own words, asks itself, or only announces
WHOLE = 0.85  # factor for a whole list where one of its items holds what was asked: the item says it alone
NEW_TERMS = 2  # terms beyond the question's that a span must hold to say something
RANK = 0.1  # what the first page's spans have over those of a page far down


@dataclass(frozen=True, slots=True)
class ScoredCandidate:
    """A span with its score, the question's terms that it or its heading holds, and its page, from 0 as shown."""

    page: int
    candidate: Candidate
    terms: frozenset[str]  # the question's, in the span or its heading
    share: float  # 0..1, of the question's terms, by weight
    score: float
    fit: float  # 0..1, how far it is of the kind that answers
    cosine: float = 0.0


@dataclass(frozen=True, slots=True)
class Reading:
    """What the shown pages say to a question."""

    spans: Sequence[ScoredCandidate]  # best first
    weights: Mapping[str, float]  # the question's terms, sum 1
    cosine: float  # the best one's; 0 without an encoder


def score_candidates(
    question: Question, pages: Sequence[ContextPage], analyze: Analyzer, *, encoder: TextEncoder | None = None
) -> Reading:
    """Score every span of the pages for a question. Order of `pages` is the retriever's, best first."""
    found = [(number, one) for number, page in enumerate(pages) for one in find_candidates(page.text)]
    held = [frozenset(analyze(one.text)) for _, one in found]
    weights = _weigh(question, held)
    contexts = {heading: frozenset(analyze(heading)) for heading in {one.heading for _, one in found}}
    around = [frozenset(analyze(f"{page.title}\n{page.text.text}")) for page in pages]
    spans = []
    for (number, candidate), terms in zip(found, held, strict=True):
        context = contexts[candidate.heading]
        columns = _columns(pages[number], candidate, analyze)
        share = sum(weights[term] * _presence(term, terms, columns, context, around[number]) for term in weights)
        mine = frozenset(term for term in weights if term in terms or term in columns or term in context)
        asked_of_item = (terms & weights.keys()) - frozenset(analyze(candidate.lead))
        fit = _fit(question, candidate, terms) * (WHOLE if candidate.lead and asked_of_item else 1.0)
        score = share * fit + RANK / (1 + number)
        if mine:
            spans.append(ScoredCandidate(number, candidate, mine, share, score, fit))
    spans.sort(key=lambda span: -span.score)
    if encoder is not None and spans:
        spans = _with_cosines(question, spans, encoder)
    return Reading(spans, weights, max((span.cosine for span in spans), default=0.0))


def _weigh(question: Question, held: Sequence[frozenset[str]]) -> dict[str, float]:
    """Return the question's terms with idf weights (over the spans shown) that sum to 1."""
    raw = {}
    for term, weight in question.terms.items():
        count = sum(term in terms for terms in held)
        raw[term] = weight * math.log(1 + (len(held) - count + 0.5) / (count + 0.5))
    whole = sum(raw.values())
    return {term: value / whole for term, value in raw.items()} if whole else {}


def _columns(page: ContextPage, candidate: Candidate, analyze: Analyzer) -> frozenset[str]:
    if candidate.header is None:
        return frozenset()
    return frozenset(analyze(page.text.text[slice(*candidate.header)]))


def _presence(
    term: str, span: frozenset[str], columns: frozenset[str], context: frozenset[str], page: frozenset[str]
) -> float:
    if term in span:
        return 1.0
    return COLUMN if term in columns else CONTEXT if term in context else NEARBY if term in page else 0.0


def _fit(question: Question, candidate: Candidate, terms: frozenset[str]) -> float:
    """Return a factor for how far the span is of the kind that answers."""
    factor = 1.0
    if question.wants and not question.is_answered_by(candidate.text):
        factor *= UNWANTED
    if candidate.text.endswith(("?", ":")) or len(terms - question.known) < NEW_TERMS:
        factor *= EMPTY
    return factor


def _with_cosines(question: Question, spans: Sequence[ScoredCandidate], encoder: TextEncoder) -> list[ScoredCandidate]:
    """Score the best spans anew with their cosine to the question; the others are left behind them."""
    first, rest = spans[:ENCODED], spans[ENCODED:]
    query = encoder.encode_queries([question.text])[0]
    texts = [
        f"{span.candidate.heading}: {span.candidate.text}" if span.candidate.heading else span.candidate.text
        for span in first
    ]
    cosines = encoder.encode_passages(texts) @ query
    scored = []
    for span, cosine in zip(first, cosines, strict=True):
        nearness = max(0.0, float(cosine))
        score = span.score + COSINE * nearness * span.fit
        scored.append(replace(span, score=score, cosine=nearness))
    return [*sorted(scored, key=lambda span: -span.score), *rest]
