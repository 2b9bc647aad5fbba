"""Analyzes a question: the terms that describe its subject, and the types of answer that it expects.

The rules are English. In another language every word describes the subject and no answer type is expected.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from pagelens.core.protocols import Analyzer
from pagelens.core.terms import WantedTerms, plain_terms

AnswerType = Literal["definition", "meaning", "number", "money", "percent", "year", "date", "person", "place"]

# Words that ask and do not describe the subject.
_QUESTION_WORDS = """
a about according after all also am an and any are as at be because been before being but by can could did do does
doing don for from give given had has have he her here his how i if in into is it its just list many me more most much
my no of off on only or other our out over please same several she should show so some such tell than that the
their them then there these they this those through to too under until up us very was we were what when where whether
which while who whom whose why will with would you your
"""
# Words about the document or the form of the answer, rarely about its subject.
_FORM_WORDS = """
answer answers article brochure chapter chart column describe described direct directly display displayed document
documents enumerate example figure float following form format formatted graph guide guidebook handbook illustrate
illustrated image int integer introduce introduced left mention mentioned name names page pages paper
papers picture report respectively right section show shown shows slide slides specified stand string survey table text
title total value write written
"""
EXACT_DIGITS = 5  # of a number or a date that an answer must have if any sentence has it; years are shorter
FORM_WEIGHT = 0.3  # of a term of `_FORM_WORDS`

_PAGE = re.compile(r"\b(page|pages|slide|slides)\s+(no\.?\s*|number\s+)?\d+(\s*(-|–|to|and)\s*\d+)?", re.IGNORECASE)
_MEASURE = r"long|old|far|high|tall|large|big|wide|deep|heavy|often|fast|soon"
_HOW = re.compile(rf"\bhow\s+(many|much|{_MEASURE})\b", re.IGNORECASE)
_ASKS_PAGE = re.compile(
    r"\b(which|what)\s+(pdf\s+)?(page|pages|slide|slides)\b(?!\s*\d)|\bpage\s+numbers?\b", re.IGNORECASE
)
# The words of a question by which each answer type is recognized.
_QUESTION_PATTERNS: Mapping[AnswerType, str] = {
    "meaning": r"\bstands? for\b|\b(abbreviation|acronym|initialism)\b",
    "percent": r"\bpercent(age)?s?\b|%|\b(what|which) (share|proportion|fraction)\b",
    "money": r"\bhow much (money|do(es)? .* cost|did .* cost|is the (price|cost|fee))"
    r"|\b(price|cost|fee|salary|revenue|dividend|budget)\b",
    "year": r"\b(which|what) years?\b",
    "date": r"^when\b|[,;] when\b|\bwhat (date|day|month|time)\b|\b(deadline|due date)\b",
    "number": _HOW.pattern + r"|\b(number|amount|average|total|score|maximum|minimum|rate) of\b"
    r"|\bwhat (number|amount|score)\b",
    "person": r"\b(who|whom|whose)\b|\bwhich (person|individual|author|director)\b",
    "place": r"\bwhere\b|\b(which|what) (country|countries|city|cities|place|location|address|state)\b",
}
_CAPITALS = re.compile(r"\b[A-Z]{2,6}\b")
_WHO = re.compile(r"\bWHO\b")  # the organization
_DEFINITION = re.compile(r"\s*what\s+(?:is|are|was|were)\s+(?:an?\s+|the\s+)?([^?,]{2,60}?)\s*\??\s*$", re.IGNORECASE)
_EXPECTS = {answer_type: re.compile(pattern, re.IGNORECASE) for answer_type, pattern in _QUESTION_PATTERNS.items()}

# Texts that contain an answer of each type.
_DIGITS = re.compile(r"\d[\d.,]*")
_YEAR = re.compile(r"(?<!\d)(1[5-9]|20)\d\d(?!\d)")
_COUNT = re.compile(
    r"\b(one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|thirty|forty|fifty|hundred|thousand|"
    r"dozen|half|twice|none)\b",
    re.IGNORECASE,
)
_PERCENT = re.compile(r"\d\s*(%|percent|per cent)", re.IGNORECASE)
_MONEY = re.compile(
    r"[$€£¥₹]\s*\d|\b(rs|inr|usd|eur|sgd|gbp)\b\.?\s*\d"
    r"|\d\s*(dollars|euros|pounds|rupees|million|billion|lacs|lakhs|crores?)\b",
    re.IGNORECASE,
)
_MONTH = (
    r"Jan(uary)?|Feb(ruary)?|Mar(ch)?|Apr(il)?|May|June?|July?|Aug(ust)?|Sept?(ember)?"
    r"|Oct(ober)?|Nov(ember)?|Dec(ember)?"
)
_DATE = re.compile(  # capitals count: "may" is no month
    rf"\b({_MONTH}|{_MONTH.upper()})\b|\b\d{{1,2}}[:/.]\d{{2}}\b|\b(Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day\b"
)
_NAME = re.compile(r"\b(?:[A-Z]\.\s*)*[A-Z][\w'’-]+(?:\s+(?:[A-Z]\.\s*)*(?:(?:de|van|von|bin|of)\s+)?[A-Z][\w'’-]+)+")
_COPULAS = r"is|are|was|were|means?|refers? to|consists? of|denotes?"
_ACRONYM = re.compile(r"\b[A-Z][A-Z0-9&-]+\b")
_PLACE = re.compile(r"\b(in|at|near|from|to|of|on)\s+(the\s+)?[A-Z][\w'’-]+|\b[A-Z][\w'’-]+,\s+[A-Z][\w'’-]+")


@dataclass(frozen=True, slots=True)
class AnalyzedQuestion:
    """An analyzed question: its terms with their weight (1 for the subject), and the answer types it expects."""

    text: str
    terms: Mapping[str, float]
    forms: Mapping[str, frozenset[str]]  # other forms of its terms, and the terms that they stand for
    known: frozenset[str]  # terms that add nothing to the question: its own, and function words
    answer_types: frozenset[AnswerType]
    asks_for_page: bool
    has_stop_word_in_capitals: bool  # WHO, IT: a text encoder, which reads small letters, takes it for another word

    def terms_in(self, analyzed: Iterable[str]) -> frozenset[str]:
        """Return those of its terms that an analyzed text has, in any form."""
        return WantedTerms(frozenset(self.terms), self.forms).found_in(analyzed) & self.terms.keys()

    @property
    def exact_terms(self) -> frozenset[str]:
        """Its long numbers and its dates: a sentence with others is about something else."""
        return frozenset(term for term in self.terms if term.isdecimal() and len(term) >= EXACT_DIGITS)

    def is_answered_by(self, text: str) -> bool:
        """Return whether a text contains an expected type of answer that the question itself does not contain."""
        return any(_CONTAINS[answer_type](text, self.text) for answer_type in self.answer_types)


class QuestionAnalyzer:
    """Analyzes questions. Function words are compared by the terms of `analyze`."""

    def __init__(self, analyze: Analyzer) -> None:
        self._analyze = analyze
        self._question_terms = frozenset(plain_terms(analyze(_QUESTION_WORDS)))
        self._form_terms = frozenset(plain_terms(analyze(_FORM_WORDS))) - self._question_terms

    def analyze(self, text: str) -> AnalyzedQuestion:
        """Return the analysis. If a question has function words only, all of them describe its subject."""
        asks_for_page = _ASKS_PAGE.search(text) is not None
        # "On page 12" is for retrieval, which uses it; "how long" is for the answer type.
        subject = _HOW.sub(" ", _PAGE.sub(" ", text))
        analyzed = self._analyze(text)
        terms = dict.fromkeys(plain_terms(self._analyze(subject)) or plain_terms(analyzed))
        weights = {
            term: FORM_WEIGHT if term in self._form_terms else 1.0 for term in terms if term not in self._question_terms
        }
        spoken = text if text.isupper() else _WHO.sub("", text)
        answer_types = frozenset(name for name, pattern in _EXPECTS.items() if pattern.search(spoken))
        if not answer_types and _DEFINITION.match(text):
            answer_types = frozenset[AnswerType]({"definition"})
        known = self._question_terms | frozenset(plain_terms(analyzed))
        return AnalyzedQuestion(
            text=text,
            terms=weights or dict.fromkeys(terms, 1.0),
            forms=WantedTerms.of(analyzed).forms,
            known=known,
            answer_types=answer_types,
            asks_for_page=asks_for_page,
            has_stop_word_in_capitals=any(
                word.lower() in terms and not self._analyze(word.lower()) for word in _CAPITALS.findall(text)
            ),
        )


def _has_new_match(pattern: re.Pattern[str], text: str, question: str) -> bool:
    """Return whether the pattern matches something in the text that it does not match in the question."""
    known = {match.group() for match in pattern.finditer(question)}
    return any(match.group() not in known for match in pattern.finditer(text))


def _contains_number(text: str, question: str) -> bool:
    return _has_new_match(_DIGITS, text, question) or _has_new_match(_COUNT, text, question)


def _defines(text: str, question: str) -> bool:
    """Return whether the question's subject is followed by "is" or the like in the text."""
    subject = _DEFINITION.match(question)
    if subject is None:
        return False
    words = r"\W+".join(map(re.escape, subject.group(1).split()))
    return re.search(rf"\b{words}\W[^.?!]{{0,30}}?\b({_COPULAS})\b", text, re.IGNORECASE) is not None


def _spells_out(text: str, question: str) -> bool:
    """Return whether a text spells out an acronym of the question: "Global Positioning System (GPS)"."""
    acronyms = {match.group() for match in _ACRONYM.finditer(question)}
    return any(f"({acronym})" in text or f"{acronym} (" in text for acronym in acronyms)


_CONTAINS: Mapping[AnswerType, Callable[[str, str], bool]] = {
    "definition": _defines,
    "meaning": _spells_out,
    "number": _contains_number,
    "money": lambda text, question: _has_new_match(_MONEY, text, question) or _has_new_match(_DIGITS, text, question),
    "percent": lambda text, question: _has_new_match(_PERCENT, text, question),
    "year": lambda text, question: _has_new_match(_YEAR, text, question),
    "date": lambda text, question: _has_new_match(_DATE, text, question) or _has_new_match(_YEAR, text, question),
    "person": lambda text, question: _has_new_match(_NAME, text, question),
    "place": lambda text, question: _has_new_match(_PLACE, text, question),
}
