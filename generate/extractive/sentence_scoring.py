"""Scores the candidates of all pages for a question.

The score is the share of the question's terms, rare terms weighing more; for the best candidates the text encoder's
cosine is added, and what the question demands and a candidate lacks takes from it.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from pagelens.core.protocols import NO_IDF, Analyzer, TextEncoder
from pagelens.core.terms import plain_terms
from pagelens.core.types import ContextPage
from pagelens.generate.extractive.answer_types import TYPE_NAMES, counts_near
from pagelens.generate.extractive.candidates import Candidate, cell_candidate, find_candidates
from pagelens.generate.extractive.constraints import (
    YEAR,
    CandidateContext,
    ShownPages,
    Unmet,
    abbreviates,
    denies,
    spells_out,
    unmet_constraints,
)
from pagelens.generate.extractive.debris import is_table_of_contents, margin_text, statements
from pagelens.generate.extractive.known_words import KnownWords
from pagelens.generate.extractive.languages.detection import page_language
from pagelens.generate.extractive.languages.question_language import AnswerType, QuestionLanguage
from pagelens.generate.extractive.list_answers import list_candidates
from pagelens.generate.extractive.question_analysis import AnalyzedQuestion
from pagelens.generate.extractive.tables.table_answers import read_tables

ENCODED_CANDIDATES = 16  # whose cosine is computed; the encoder does about 100 sentences in a CPU second
ENCODED_FOREIGN = 64  # the same where the question's words cannot meet the pages'
HEADING_TERM = 0.5  # of the weight of a term that stands only in the heading above, or in the sentence before
COLUMN_TERM = 0.9  # of the weight of a term that names a column of the table, if the candidate is a row of it
PAGE_TERM = 0.2  # of the weight of a term that stands elsewhere on the page
TITLE_TERM = 0.8  # of the weight of a term that stands in the document's title or file name: all its pages are about it
COSINE_WEIGHT = 0.5  # beside the share of terms
WRONG_TYPE_FACTOR = 0.75  # if the question expects a type of answer (a number, a name) and the candidate has none
UNMET_FACTOR = 0.7  # for each constraint of the question that a candidate does not meet; a denial counts twice
UNINFORMATIVE_FACTOR = 0.7  # for candidates with too few new terms, that are questions, or that only introduce
WHOLE_LIST_FACTOR = 0.85  # for a whole list if one of its items, a candidate too, has terms of the question
MIN_NEW_TERMS = 2  # terms beyond the question's that an informative candidate has; a number counts for two
MIN_NEW_DIGITS = 3  # of such a number: shorter ones count pages and items
LIST_BONUS = {"list": 0.3, "item": 0.3, "count": 0.3}  # of what is read from a list, by its heading's share
FULL_FIT = 0.9  # of a cell whose row and column the question names in full
CELL_BONUS = 0.3  # of a cell that its row and its column name, if a value is asked for
MIN_SUBJECT_PAGES = 3  # of a document among those shown, and the share of them
SUBJECT_SHARE = 0.6  # on which a name stands that the document is about
RANK_BONUS = 0.1  # of candidates on the first page; divided by the rank for the others

_SOURCE = re.compile(r"\W*(?:sources?|quelle|fuente|fonte)\s*:", re.IGNORECASE)  # of a chart's or a table's figures
_VALUES: frozenset[AnswerType] = frozenset({"number", "money", "percent"})
_WEAK = ("type", "statement", "picture", "news")  # take nothing more from the score


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredCandidate:
    """A candidate with its score."""

    page: int  # index among the pages
    candidate: Candidate
    terms: frozenset[str]  # of the question, in the candidate, its heading or its columns
    share: float  # 0..1, of the question's terms, by weight
    score: float
    fit: float  # 0..1, factor for how well it fits the question's form
    cosine: float = 0.0
    unmet: Sequence[Unmet] = ()  # what the question demands and it lacks
    lacks: float = 1.0  # 0..1, of the weight of the subject's words: those not in it, around it or in the title
    denied: bool = False  # whether it denies one of the question's terms
    all_terms: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidateScores:
    """The candidates of all pages, scored for a question."""

    candidates: Sequence[ScoredCandidate]  # best first
    weights: Mapping[str, float]  # the question's terms, sum 1
    cosine: float  # the largest; 0 without an encoder
    absent: frozenset[str] = frozenset()  # terms of the question that are on no page
    figures: frozenset[str] = frozenset()  # terms of the question that are years and numbers
    foreign_language: QuestionLanguage | None = None  # of the pages, if the question's words cannot meet theirs


class CandidateScorer:
    """Scores the candidates of the pages for a question. `pages` are ranked, best first."""

    def __init__(
        self,
        question: AnalyzedQuestion,
        pages: Sequence[ContextPage],
        analyze: Analyzer,
        *,
        encoder: TextEncoder | None = None,
        idf: Mapping[str, float] = NO_IDF,
    ) -> None:
        self._question = question
        self._pages = pages
        self._analyze = analyze
        self._encoder = encoder
        self._idf = idf
        self._languages = [page_language(page.text.text, question.language) for page in pages]
        self._foreign = self._foreign_language()
        texts = [f"{_title(page)}\n{page.text.text}" for page in pages]
        subjects = self._subject_names()
        self._title_texts = [f"{_title(page)}\n{subjects[page.ref.path]}" for page in pages]
        self._titles = [self._terms(title) for title in self._title_texts]
        self._shown = ShownPages(texts, [self._terms(text) for text in texts])
        self._page_words = [
            KnownWords(text, terms, has_compounds=language.nouns_in_capitals)
            for text, terms, language in zip(texts, self._shown.terms, self._languages, strict=True)
        ]

    def score(self) -> CandidateScores:
        """Return the candidates, best first."""
        question, pages = self._question, self._pages
        found = [(number, candidate) for number, page in enumerate(pages) for candidate in find_candidates(page.text)]
        found = statements(pages, found)
        found += [
            (number, cell_candidate(page.text, reading))
            for number, page in enumerate(pages)
            if not is_table_of_contents(page.text.text)
            for reading in read_tables(question, page.text, self._analyze, self._idf)
        ]
        found += list_candidates(question, pages, self._analyze)
        analyzed = [self._analyze(candidate.text) for _, candidate in found]
        candidate_terms = [question.terms_in(terms) for terms in analyzed]
        weights = _term_weights(question, candidate_terms)
        foreign = self._foreign
        heading_terms = {heading: self._terms(heading) for heading in {candidate.heading for _, candidate in found}}
        scored = []
        for (number, candidate), terms, all_terms in zip(found, candidate_terms, analyzed, strict=True):
            item = self._scored(
                number, candidate, weights, terms, heading_terms[candidate.heading], frozenset(plain_terms(all_terms))
            )
            if item.terms or foreign:
                scored.append(item)
        scored.sort(key=lambda item: -item.score)
        if self._encoder is not None and scored:
            count = ENCODED_CANDIDATES if foreign is None else ENCODED_FOREIGN
            scored = _add_cosines(question, scored, self._encoder, count)
        scored = self._subtract_unmet(scored, weights)
        cosine = max((item.cosine for item in scored), default=0.0)
        return CandidateScores(
            candidates=scored,
            weights=weights,
            cosine=cosine,
            absent=frozenset(question.terms) - frozenset[str]().union(*self._shown.terms),
            figures=question.constraints.figures,
            foreign_language=foreign,
        )

    def _scored(
        self,
        number: int,
        candidate: Candidate,
        weights: Mapping[str, float],
        terms: frozenset[str],
        heading: frozenset[str],
        all_terms: frozenset[str],
    ) -> ScoredCandidate:
        columns = self._terms(_header(self._pages[number], candidate))
        page_terms = self._shown.terms[number]
        before = self._terms(candidate.before)
        around = {
            TITLE_TERM: self._titles[number],
            COLUMN_TERM: columns,
            HEADING_TERM: heading | before,
            PAGE_TERM: page_terms,
        }
        share = sum(weights[term] * _presence(term, terms, around) for term in weights)
        matching = frozenset(term for term in weights if term in terms or term in columns or term in heading)
        item_terms = terms - self._terms(candidate.lead)
        fit = _fit(self._question, candidate, terms, all_terms, self._languages[number])
        fit *= WHOLE_LIST_FACTOR if candidate.lead and item_terms else 1.0
        return ScoredCandidate(
            page=number,
            candidate=candidate,
            terms=matching,
            share=share,
            score=share * fit + RANK_BONUS / (1 + number) + _form_bonus(self._question, candidate),
            fit=fit,
            all_terms=all_terms,
        )

    def _terms(self, text: str) -> frozenset[str]:
        return self._question.terms_in(self._analyze(text)) if text else frozenset()

    def _subject_names(self) -> dict[str, str]:
        """Return for each document the question's names that stand in the margins of most of its pages, also with their
        letters set apart: it is about them, as if its title named them."""
        subjects = {}
        for path in {page.ref.path for page in self._pages}:
            shown = [_compact(margin_text(page.text)) for page in self._pages if page.ref.path == path]
            subjects[path] = "\n".join(
                name.text
                for name in self._question.constraints.names
                if len(name.text.split()) > 1
                and len(shown) >= MIN_SUBJECT_PAGES
                and sum(_compact(name.text) in text for text in shown) >= SUBJECT_SHARE * len(shown)
            )
        return subjects

    def _foreign_language(self) -> QuestionLanguage | None:
        """Return the language of the pages if it is not the question's on any of them."""
        if not self._languages or self._question.language in self._languages:
            return None
        return self._languages[0]

    def _subtract_unmet(self, ranked: Sequence[ScoredCandidate], weights: Mapping[str, float]) -> list[ScoredCandidate]:
        """Note what the best candidates lack of what the question demands, and rank them anew."""
        first, rest = ranked[:ENCODED_CANDIDATES], ranked[ENCODED_CANDIDATES:]
        checked = []
        for item in first:
            passage = self._passage(item)
            unmet = self._unmet(item, passage)
            lacks = self._lacks(passage, weights, is_full=_is_full(item.candidate))
            denied = denies(item.candidate.text, self._question.constraints.subject, passage)
            lacking = [one.kind for one in unmet if one.kind not in _WEAK]
            score = item.score * UNMET_FACTOR ** (len(lacking) + lacking.count("denial"))
            if any(one.kind == "type" for one in unmet) and self._question.is_answered_by(item.candidate.text):
                score *= WRONG_TYPE_FACTOR  # a number, but not of what is counted
            checked.append(replace(item, unmet=unmet, lacks=lacks, denied=denied, score=score))
        return [*sorted(checked, key=lambda item: -item.score), *rest]

    def _passage(self, item: ScoredCandidate) -> CandidateContext:
        page, candidate = self._pages[item.page], item.candidate
        return CandidateContext(
            text=candidate.text,
            context="\n".join((candidate.heading, candidate.lead, _header(page, candidate))),
            before=candidate.before,
            # a cell is named by its own labels
            title=_title(page) if candidate.reading is not None else self._title_texts[item.page],
            page=page.text.text,
            page_words=self._page_words[item.page],
            language=self._languages[item.page],
            terms=self._terms,
        )

    def _unmet(self, item: ScoredCandidate, passage: CandidateContext) -> list[Unmet]:
        question = self._question
        unmet = unmet_constraints(question.constraints, passage, self._shown)
        if self._foreign is not None:  # words of two languages do not meet
            unmet = [one for one in unmet if one.kind != "name"]
        reading = item.candidate.reading
        if reading is not None and reading.computed:  # compared by code
            unmet = [one for one in unmet if one.kind != "comparison" or not reading.answers(one.what)]
            unmet = [one for one in unmet if one.kind != "number" or not reading.has_number(one.what)]
        if _is_full(item.candidate):  # what the numbers measure often stands nowhere
            implied = {word.text for word in question.constraints.words}
            unmet = [one for one in unmet if one.kind != "name" or one.what not in implied]
        in_words = question.demands_type and question.answer_type != "number" and self._states_type(item, passage)
        is_counted = item.candidate.form == "count"
        if (
            item.candidate.reading is not None or is_counted or in_words
        ):  # labels of charts are read; "What does the photo cost?"
            unmet = [one for one in unmet if one.kind != "picture"]
        type_name = TYPE_NAMES.get(question.answer_type) if question.answer_type else None
        if type_name is not None and not self._states_type(item, passage):
            unmet.append(Unmet("type", type_name))
        if not self._adds(item):
            unmet.append(Unmet("news", ""))
        return unmet

    def _adds(self, item: ScoredCandidate) -> bool:
        """Return whether a candidate says more than the question."""
        question = self._question
        is_exact = not question.exact_terms.isdisjoint(item.terms)
        is_denial = question.constraints.is_denied or not question.constraints.is_open
        needed = 1 if question.demands_type else MIN_NEW_TERMS
        return is_exact or is_denial or _new_terms(question, item.all_terms) >= needed

    def _lacks(self, passage: CandidateContext, weights: Mapping[str, float], *, is_full: bool) -> float:
        """Return the share of the subject's words, by weight, that a passage has neither itself nor around it; 1 of a
        question without any. Of a cell whose row and column are named in full only names count (`is_full`)."""
        constraints = self._question.constraints
        names = frozenset[str]().union(*(name.terms for name in constraints.names))
        around = f"{passage.text}\n{passage.context}\n{passage.before}\n{passage.title}"
        words = KnownWords(around, self._terms(around), has_compounds=passage.language.nouns_in_capitals)
        weight_of = {
            word: sum(weights[term] for term in word.terms if self._question.terms[term] == 1)
            for word in constraints.subject_words
            if not (is_full and word.terms.isdisjoint(names))
        }
        abbreviated = {word for name in constraints.names if abbreviates(name, around) for word in name.text.split()}
        total = sum(weight_of.values())
        lacking = sum(
            weight
            for word, weight in weight_of.items()
            if word not in words and word.text not in abbreviated and not spells_out(word, around)
        )
        return lacking / total if total else float(not is_full)

    def _states_type(self, item: ScoredCandidate, passage: CandidateContext) -> bool:
        """Return whether a candidate states what is asked for; a number in a sentence beside what "how many" counts."""
        question, text = self._question, item.candidate.text
        if not question.is_answered_by(text, passage.language):
            return False
        if item.candidate.form == "count":
            return True
        in_table = item.candidate.header is not None or item.candidate.reading is not None
        if question.answer_type != "number" or in_table or not question.counted or self._foreign is not None:
            return True
        return counts_near(
            text, question.text, lambda word: bool(question.counted & self._terms(word)), passage.language
        )


def _new_terms(question: AnalyzedQuestion, terms: frozenset[str]) -> int:
    """Return how many terms the question does not have; a number that is no year counts for two."""
    new = terms - question.known
    return len(new) + sum(
        term.isdecimal() and len(term) >= MIN_NEW_DIGITS and YEAR.fullmatch(term) is None for term in new
    )


def _is_full(candidate: Candidate) -> bool:
    """Return whether a candidate is of cells whose rows and columns the question names in full."""
    return candidate.reading is not None and candidate.reading.fit >= FULL_FIT


def _compact(text: str) -> str:
    return "".join(text.split()).casefold()


def _title(page: ContextPage) -> str:
    return f"{page.title}\n{page.ref.path.rpartition('/')[2]}"


def _header(page: ContextPage, candidate: Candidate) -> str:
    """Return the line that names a candidate's columns; "" if it is no row of a table."""
    if candidate.reading is not None:
        return candidate.reading.columns
    return "" if candidate.header is None else page.text.text[slice(*candidate.header)]


def _term_weights(question: AnalyzedQuestion, candidate_terms: Sequence[frozenset[str]]) -> dict[str, float]:
    """Return the weight of each term of the question, sum 1: its own times its idf over the candidates."""
    raw = {}
    for term, weight in question.terms.items():
        count = sum(term in terms for terms in candidate_terms)
        raw[term] = weight * math.log(1 + (len(candidate_terms) - count + 0.5) / (count + 0.5))
    total = sum(raw.values())
    return {term: value / total for term, value in raw.items()} if total else {}


def _form_bonus(question: AnalyzedQuestion, candidate: Candidate) -> float:
    reading = candidate.reading
    if candidate.form != "text":
        return LIST_BONUS[candidate.form] * candidate.fit
    if reading is None or not _VALUES.intersection(question.answer_types):
        return 0.0
    return CELL_BONUS * reading.fit


def _presence(term: str, candidate: frozenset[str], around: Mapping[float, frozenset[str]]) -> float:
    """Return the share of its weight that a term counts; `around` are the terms that stand elsewhere, by that share."""
    return 1.0 if term in candidate else max((share for share, terms in around.items() if term in terms), default=0.0)


def _fit(
    question: AnalyzedQuestion,
    candidate: Candidate,
    terms: frozenset[str],
    all_terms: frozenset[str],
    language: QuestionLanguage,
) -> float:
    """Return a factor, 0..1, for how well the candidate fits the form of an answer."""
    factor = 1.0
    if question.answer_types and not question.is_answered_by(candidate.text, language):
        factor *= WRONG_TYPE_FACTOR
    is_exact = not question.exact_terms.isdisjoint(terms)  # a question's number is rarely in a heading
    few_new = _new_terms(question, all_terms) < MIN_NEW_TERMS and not is_exact and candidate.reading is None
    is_source = "source" not in question.text.lower() and _SOURCE.match(candidate.text) is not None
    if candidate.text.endswith(("?", ":")) or few_new or is_source:
        factor *= UNINFORMATIVE_FACTOR
    return factor


def _add_cosines(
    question: AnalyzedQuestion, ranked: Sequence[ScoredCandidate], encoder: TextEncoder, count: int
) -> list[ScoredCandidate]:
    """Add the weighted cosine with the question to the scores of the best `count`; the others stay behind them."""
    first, rest = ranked[:count], ranked[count:]
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
