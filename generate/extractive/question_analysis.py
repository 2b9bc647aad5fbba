"""Analyzes a question: its language, the terms that describe its subject, what it asks for and what it names."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

from pagelens.core.protocols import Analyzer
from pagelens.core.question_form import without_instructions, without_source
from pagelens.core.terms import WantedTerms, plain_terms
from pagelens.generate.extractive.answer_types import MAX_COUNTED, TYPE_NAMES, defined_subject, holds_type
from pagelens.generate.extractive.constraints import Constraints, compiled, find_constraints, find_years
from pagelens.generate.extractive.languages.detection import detect_language
from pagelens.generate.extractive.languages.germanic import ENGLISH
from pagelens.generate.extractive.languages.question_language import AnswerType, QuestionLanguage, parts
from pagelens.generate.irregular_verbs import VERBS

EXACT_DIGITS = 5  # of a number or a date that an answer must have if any sentence has it; years are shorter
FORM_WEIGHT = 0.3  # of a term about the document or the form of the answer
MIN_COMPOUND_PART = 3  # letters of each of two words that a page may write as one
EARLIER_WEIGHT = 0.15  # of a term that a follow-up leaves to the question before

_ASKS_PAGE = re.compile(
    r"\b(which|what)\s+(pdf\s+)?(page|pages|slide|slides)\b(?!\s*\d)|\bpage\s+numbers?\b", re.IGNORECASE
)
_CAPITALS = re.compile(r"\b[A-Z]{2,6}\b")
_WHO = re.compile(r"\bWHO\b")  # the organization
_WORD = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalyzedQuestion:
    """An analyzed question: its terms with their weight (1 for the subject), and the answer types it expects."""

    text: str  # without instructions about the answer's form
    language: QuestionLanguage
    terms: Mapping[str, float]
    forms: Mapping[str, frozenset[str]]  # other forms of its terms, and the terms that they stand for
    known: frozenset[str]  # terms that add nothing to the question: its own, and function words
    answer_types: tuple[AnswerType, ...]  # the first is the one that it asks for
    constraints: Constraints
    counted: frozenset[str] = frozenset()  # the terms of what "how many" counts
    wants_list: bool = False  # whether several things are asked for
    asks_for_page: bool = False
    names_nothing: bool = False  # whether it has function words only
    names_page_only: bool = False  # "What is on page 3?": nothing but a page describes its subject
    has_stop_word_in_capitals: bool = False  # WHO, IT: a text encoder, which reads small letters, takes it for another

    def terms_in(self, analyzed: Iterable[str]) -> frozenset[str]:
        """Return those of its terms that an analyzed text has, in any form."""
        return WantedTerms(frozenset(self.terms), self.forms).found_in(analyzed) & self.terms.keys()

    @property
    def exact_terms(self) -> frozenset[str]:
        """Its long numbers and its dates: a sentence with others is about something else."""
        return frozenset(term for term in self.terms if term.isdecimal() and len(term) >= EXACT_DIGITS)

    @property
    def answer_type(self) -> AnswerType | None:
        """The type that it asks for."""
        return self.answer_types[0] if self.answer_types else None

    def is_answered_by(self, text: str, language: QuestionLanguage = ENGLISH) -> bool:
        """Return whether a text holds what is asked for, which the question itself does not hold."""
        return any(holds_type(answer_type, text, self.text, language) for answer_type in self.answer_types)

    @property
    def demands_type(self) -> bool:
        """Whether only a text that holds the type asked for can answer."""
        return self.answer_type in TYPE_NAMES


class QuestionAnalyzer:
    """Analyzes questions. Function words are compared by the terms of `analyze`."""

    def __init__(self, analyze: Analyzer) -> None:
        self._analyze = analyze
        self._terms_of: dict[str, tuple[frozenset[str], frozenset[str]]] = {}  # by language: function and form words

    def analyze(self, text: str, subject: str = "") -> AnalyzedQuestion:
        """Return the analysis. If a question has function words only, all of them describe its subject.

        `subject` is what a follow-up leaves to the question before: its words count less and are no constraints, but
        its years are where the question names none.
        """
        language = detect_language(text) or ENGLISH
        wants_list = compiled(language.wants_list).search(text) is not None
        if language is ENGLISH:
            text = without_instructions(text)
        function_terms, form_terms = self._known_terms(language)
        described = describing_text(text, language)
        analyzed = self._analyze(f"{text} {subject}")
        own_terms = plain_terms(self._analyze(described)) or plain_terms(analyzed)
        weights = {term: FORM_WEIGHT if term in form_terms else 1.0 for term in own_terms if term not in function_terms}
        years = "" if find_years(text) else " ".join(find_years(subject))
        for term in plain_terms(self._analyze(subject)):
            weights.setdefault(term, EARLIER_WEIGHT)
        named = without_source(text) if language is ENGLISH else text
        names_page = compiled(language.page).search(text) is not None
        describing = weights or dict.fromkeys(own_terms, 1.0)
        return AnalyzedQuestion(
            text=text,
            language=language,
            terms=describing,
            forms={**self._written_together(described, function_terms), **WantedTerms.of(analyzed).forms},
            known=function_terms | frozenset(plain_terms(analyzed)),
            answer_types=_answer_types(text, language),
            constraints=find_constraints(f"{named} {years}", describing, language, self._analyze),
            counted=self._counted(text, language, function_terms),
            wants_list=wants_list,
            asks_for_page=_ASKS_PAGE.search(text) is not None,
            names_nothing=not weights,
            names_page_only=names_page
            and not compiled(language.count).search(text)
            and not set(plain_terms(self._analyze(described))) - function_terms - form_terms,
            has_stop_word_in_capitals=any(
                word.lower() in own_terms and not self._analyze(word.lower()) for word in _CAPITALS.findall(text)
            ),
        )

    def _known_terms(self, language: QuestionLanguage) -> tuple[frozenset[str], frozenset[str]]:
        """Return the terms of a language's function words, and those of its words of form that are none of them."""
        if language.code not in self._terms_of:
            function, form = (
                frozenset(plain_terms(self._analyze(listed)))
                for listed in (" ".join(language.function_words), language.form_words)
            )
            self._terms_of[language.code] = function, form - function
        return self._terms_of[language.code]

    def _written_together(self, text: str, function_terms: frozenset[str]) -> dict[str, frozenset[str]]:
        """Return the terms of a question's neighbouring words written as one word, with the terms of both words: "how
        much rain has fallen" and "rainfall". Function words between them count for nothing."""
        words = [
            (word.casefold(), terms)
            for word in _WORD.findall(text)
            if (terms := frozenset(plain_terms(self._analyze(word)))) and not terms & function_terms
        ]
        return {
            form: first_terms | second_terms
            for (first, first_terms), (second, second_terms) in pairwise(words)
            if first != second and min(len(first), len(second)) >= MIN_COMPOUND_PART
            for end in {second, VERBS.get(second, second)}
            for form in plain_terms(self._analyze(first + end))
        }

    def _counted(self, text: str, language: QuestionLanguage, function_terms: frozenset[str]) -> frozenset[str]:
        """Return the terms of the words after "how many", up to the next function word."""
        how = compiled(language.count).search(text)
        if how is None:
            return frozenset()
        counted: set[str] = set()
        for word in _WORD.findall(text, how.end())[:MAX_COUNTED]:
            terms = frozenset(plain_terms(self._analyze(word)))
            if not terms or terms & function_terms:
                break
            counted |= terms
        return frozenset(counted)


def describing_text(question: str, language: QuestionLanguage) -> str:
    """Return a question without "how many", "page 12", words that deny, and where words are not separated by blanks,
    function words."""
    patterns = [language.page, language.measure, language.negation, language.asks.get("meaning", "(?!)")]
    if not language.spaced:
        patterns.append(parts(" ".join(sorted(language.function_words, key=len, reverse=True))))
    for pattern in patterns:
        question = compiled(pattern).sub(" ", question)
    return question


def _answer_types(text: str, language: QuestionLanguage) -> tuple[AnswerType, ...]:
    spoken = (text if text.isupper() else _WHO.sub("", text)).strip(" ¿¡")
    found: list[AnswerType] = [name for name, pattern in language.asks.items() if compiled(pattern).search(spoken)]
    if not found and defined_subject(text):
        return ("definition",)
    return tuple(found)
