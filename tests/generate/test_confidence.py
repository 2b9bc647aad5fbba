"""How sure an answer may be: by hand, and what must hold of it."""

import math
from dataclasses import replace

import pytest

from pagelens.generate.extractive.answerability import judge_answer
from pagelens.generate.extractive.answerer import ExtractiveAnswerer
from pagelens.generate.extractive.candidates import Candidate
from pagelens.generate.extractive.confidence import THRESHOLD, answer_probability, question_coverage, relevance
from pagelens.generate.extractive.constraints import Unmet
from pagelens.generate.extractive.question_analysis import QuestionAnalyzer
from pagelens.generate.extractive.sentence_scoring import CandidateScores, ScoredCandidate
from tests.generate.pages import analyze, show

QUESTION = QuestionAnalyzer(analyze).analyze("Which page lists the deepest berths?")
IDF = {"deepest": 4.0, "berth": 2.0, "list": 1.0, "page": 0.5}


def test_coverage_is_the_best_pages_bm25_over_what_the_question_describes() -> None:
    item, two = replace(show("x"), bm25=3.0), replace(show("y"), bm25=4.5)
    describing = sum(weight * IDF[term] for term, weight in QUESTION.terms.items())
    assert describing == pytest.approx(4.0 + 2.0 + 0.3 * 0.5)  # "lists" asks, "page" speaks of form
    assert question_coverage(QUESTION, [item, two, show("z")], analyze, IDF) == pytest.approx(4.5 / describing)


def test_a_term_that_nobody_in_the_collection_writes_takes_from_what_is_covered() -> None:
    page = replace(show("berth"), bm25=2.0)
    common = question_coverage(QUESTION, [page], analyze, {**IDF, "deepest": 2.0})
    assert question_coverage(QUESTION, [page], analyze, {**IDF, "deepest": 8.0}) < common


def test_pages_that_the_words_lane_did_not_rank_cover_nothing() -> None:
    assert question_coverage(QUESTION, [show("berth")], analyze, IDF) == 0.0


def test_without_the_collections_figures_the_shown_words_count() -> None:
    share = question_coverage(QUESTION, [show("The deepest berth of all."), show("berth")], analyze, {})
    assert share == pytest.approx(2.0 / sum(QUESTION.terms.values()))


def test_relevance_is_a_logistic_of_coverage_and_cosine() -> None:
    assert relevance(0.9, 0.6) == pytest.approx(1 / (1 + math.exp(-(1.75 * 0.9 + 6.4 * 0.6 - 3.95))))
    assert relevance(0.7, None) < 0.5 < relevance(0.71, None)
    assert relevance(0.5, 0.7) > 0.5 > relevance(0.5, 0.4)


@pytest.mark.parametrize(("bm25", "shown"), [(3.95, True), (3.85, False)])
def test_passages_are_shown_from_a_relevance_of_three_tenths(bm25: float, shown: bool) -> None:
    """Fails if RELEVANT moves by 0.01: coverages of 0.395 and 0.385 give relevances of 0.303 and 0.297."""
    page = replace(show("The deepest berth is at the northern pier."), bm25=bm25)
    idf = {"deepest": 5.0, "berth": 5.0}
    answer = ExtractiveAnswerer(analyze).answer("Where is the deepest berth?", [page], idf=idf)
    assert bool(answer.found) == shown


def quote(lacks: float, *unmet: Unmet, cosine: float = 0.0) -> ScoredCandidate:
    candidate = Candidate(start=0, end=1, text="The deepest berth is at the northern pier.", heading="")
    return ScoredCandidate(
        page=0,
        candidate=candidate,
        terms=frozenset(),
        share=1.0,
        score=1.0,
        fit=1.0,
        lacks=lacks,
        unmet=unmet,
        cosine=cosine,
    )


def test_the_probability_of_an_answer_is_a_logistic_of_what_its_best_quote_lacks() -> None:
    plain = QuestionAnalyzer(analyze).analyze("Where is the deepest berth?")
    year = Unmet("year", "2019")
    assert answer_probability(plain, quote(0.2, year, cosine=0.5), by_words=False) == pytest.approx(
        1 / (1 + math.exp(-(0.33 - 2.5 * 0.2 - 1.9 + 1.6 * 0.5)))
    )
    of_form = QuestionAnalyzer(analyze).analyze("Where is the deepest berth of the report?")
    assert answer_probability(of_form, quote(0.2, cosine=0.5), by_words=False) == pytest.approx(
        1 / (1 + math.exp(-(0.33 - 2.5 * 0.2 - 0.6 + 1.6 * 0.5)))
    )


def test_a_list_is_surer_by_the_share_of_its_heading_that_the_question_has() -> None:
    question = QuestionAnalyzer(analyze).analyze("Where is the deepest berth?")
    plain = quote(0.2, cosine=0.5)
    headed = replace(plain, candidate=replace(plain.candidate, fit=0.8))
    assert answer_probability(question, headed, by_words=False) == pytest.approx(
        1 / (1 + math.exp(-(0.33 - 2.5 * 0.2 + 1.6 * 0.5 + 0.5 * 0.8)))
    )


@pytest.mark.parametrize(("lacks", "found"), [(0.512, True), (0.520, "closest")])
def test_quotes_are_an_answer_from_a_probability_of_one_half(lacks: float, found: bool | str) -> None:
    """Fails if THRESHOLD moves by 0.01: without a cosine the two have 0.5025 and 0.4975."""
    question = QuestionAnalyzer(analyze).analyze("Where is the deepest berth?")
    quotes = [quote(lacks)]
    scores = CandidateScores(candidates=quotes, weights={}, cosine=0.0)
    verdict = judge_answer(question, scores, quotes, analyze, coverage=1.0, by_words=True, threshold=THRESHOLD)
    assert verdict.found == found
