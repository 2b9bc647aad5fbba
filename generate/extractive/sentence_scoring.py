"""Scores the candidates of all pages for a question.

The score is the share of the question's terms, rare terms weighing more; for the best candidates the text encoder's
cosine is added.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from pagelens.core.protocols import NO_IDF, Analyzer, TextEncoder
from pagelens.core.terms import plain_terms
from pagelens.core.types import ContextPage
from pagelens.generate.extractive.candidates import Candidate, cell_candidate, find_candidates
from pagelens.generate.extractive.question_analysis import AnalyzedQuestion, AnswerType
from pagelens.generate.extractive.tables.table_answers import read_tables

ENCODED_CANDIDATES = 32  # whose cosine is computed; the encoder does about 100 sentences in a CPU second
HEADING_TERM = 0.5  # of the weight of a term that stands only in the heading above
COLUMN_TERM = 0.9  # of the weight of a term that names a column of the table, if the candidate is a row of it
PAGE_TERM = 0.2  # of the weight of a term that stands elsewhere on the page, or in the document's title
COSINE_WEIGHT = 0.5  # beside the share of terms
WRONG_TYPE_FACTOR = 0.75  # if the question expects a type of answer (a number, a name) and the candidate has none
UNINFORMATIVE_FACTOR = 0.7  # for candidates with too few new terms, that are questions, or that only introduce
WHOLE_LIST_FACTOR = 0.85  # for a whole list if one of its items, a candidate too, has terms of the question
MIN_NEW_TERMS = 2  # terms beyond the question's that an informative candidate has
CELL_BONUS = 0.3  # of a cell that its row and its column name, if a value is asked for
RANK_BONUS = 0.1  # of candidates on the first page; divided by the rank for the others

_VALUES: frozenset[AnswerType] = frozenset({"number", "money", "percent"})


@dataclass(frozen=True, slots=True)
class ScoredCandidate:
    """A candidate with its score."""

    page: int  # index among the pages
    candidate: Candidate
    terms: frozenset[str]  # of the question, in the candidate, its heading or its columns
    share: float  # 0..1, of the question's terms, by weight
    score: float
    fit: float  # 0..1, factor for how well it fits the question's form
    cosine: float = 0.0


@dataclass(frozen=True, slots=True)
class CandidateScores:
    """The candidates of all pages, scored for a question."""

    candidates: Sequence[ScoredCandidate]  # best first
    weights: Mapping[str, float]  # the question's terms, sum 1
    cosine: float  # the largest; 0 without an encoder


def score_candidates(
    question: AnalyzedQuestion,
    pages: Sequence[ContextPage],
    analyze: Analyzer,
    *,
    encoder: TextEncoder | None = None,
    idf: Mapping[str, float] = NO_IDF,
) -> CandidateScores:
    """Score every candidate of the pages for a question. `pages` are ranked, best first."""
    found = [(number, candidate) for number, page in enumerate(pages) for candidate in find_candidates(page.text)]
    found += [
        (number, cell_candidate(page.text, reading))
        for number, page in enumerate(pages)
        for reading in read_tables(question, page.text, analyze, idf)
    ]
    analyzed = [analyze(candidate.text) for _, candidate in found]
    candidate_terms = [question.terms_in(terms) for terms in analyzed]
    weights = _term_weights(question, candidate_terms)
    heading_terms = {
        heading: question.terms_in(analyze(heading)) for heading in {candidate.heading for _, candidate in found}
    }
    page_terms = [question.terms_in(analyze(f"{page.title}\n{page.text.text}")) for page in pages]
    scored = []
    for (number, candidate), terms, all_terms in zip(found, candidate_terms, analyzed, strict=True):
        heading = heading_terms[candidate.heading]
        columns = _columns(question, pages[number], candidate, analyze)
        share = sum(weights[term] * _presence(term, terms, columns, heading, page_terms[number]) for term in weights)
        matching = frozenset(term for term in weights if term in terms or term in columns or term in heading)
        item_terms = terms - question.terms_in(analyze(candidate.lead))
        fit = _fit(question, candidate, terms, frozenset(plain_terms(all_terms))) * (
            WHOLE_LIST_FACTOR if candidate.lead and item_terms else 1.0
        )
        score = share * fit + RANK_BONUS / (1 + number) + _cell_bonus(question, candidate)
        if matching:
            scored.append(
                ScoredCandidate(page=number, candidate=candidate, terms=matching, share=share, score=score, fit=fit)
            )
    scored.sort(key=lambda item: -item.score)
    if encoder is not None and scored:
        scored = _add_cosines(question, scored, encoder)
    return CandidateScores(scored, weights, max((item.cosine for item in scored), default=0.0))


def _term_weights(question: AnalyzedQuestion, candidate_terms: Sequence[frozenset[str]]) -> dict[str, float]:
    """Return the weight of each term of the question, sum 1: its own times its idf over the candidates."""
    raw = {}
    for term, weight in question.terms.items():
        count = sum(term in terms for terms in candidate_terms)
        raw[term] = weight * math.log(1 + (len(candidate_terms) - count + 0.5) / (count + 0.5))
    total = sum(raw.values())
    return {term: value / total for term, value in raw.items()} if total else {}


def _columns(question: AnalyzedQuestion, page: ContextPage, candidate: Candidate, analyze: Analyzer) -> frozenset[str]:
    if candidate.reading is not None:
        return question.terms_in(analyze(candidate.reading.columns))
    if candidate.header is None:
        return frozenset()
    return question.terms_in(analyze(page.text.text[slice(*candidate.header)]))


def _cell_bonus(question: AnalyzedQuestion, candidate: Candidate) -> float:
    reading = candidate.reading
    if reading is None or not question.answer_types & _VALUES:
        return 0.0
    return CELL_BONUS * reading.fit


def _presence(
    term: str, candidate: frozenset[str], columns: frozenset[str], heading: frozenset[str], page: frozenset[str]
) -> float:
    """Return the share of its weight that a term counts, by the set of terms it is in."""
    if term in candidate:
        return 1.0
    return COLUMN_TERM if term in columns else HEADING_TERM if term in heading else PAGE_TERM if term in page else 0.0


def _fit(question: AnalyzedQuestion, candidate: Candidate, terms: frozenset[str], all_terms: frozenset[str]) -> float:
    """Return a factor, 0..1, for how well the candidate fits the form of an answer."""
    factor = 1.0
    if question.answer_types and not question.is_answered_by(candidate.text):
        factor *= WRONG_TYPE_FACTOR
    is_exact = not question.exact_terms.isdisjoint(terms)  # a question's number is rarely in a heading
    few_new = len(all_terms - question.known) < MIN_NEW_TERMS and not is_exact and candidate.reading is None
    if candidate.text.endswith(("?", ":")) or few_new:
        factor *= UNINFORMATIVE_FACTOR
    return factor


def _add_cosines(
    question: AnalyzedQuestion, ranked: Sequence[ScoredCandidate], encoder: TextEncoder
) -> list[ScoredCandidate]:
    """Add the weighted cosine with the question to the scores of the best candidates; the others stay behind them."""
    first, rest = ranked[:ENCODED_CANDIDATES], ranked[ENCODED_CANDIDATES:]
    query = encoder.encode_queries([question.text])[0]
    texts = [
        f"{item.candidate.heading}: {item.candidate.text}" if item.candidate.heading else item.candidate.text
        for item in first
    ]
    cosines = encoder.encode_passages(texts) @ query
    scored = []
    for item, cosine in zip(first, cosines, strict=True):
        positive = max(0.0, float(cosine))
        score = item.score + COSINE_WEIGHT * positive * item.fit
        scored.append(replace(item, score=score, cosine=positive))
    return [*sorted(scored, key=lambda item: -item.score), *rest]
