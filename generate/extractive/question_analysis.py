"""What a question asks for: the terms that describe its subject, and the kind of thing that would answer it.

Reads English; in another language every word describes and nothing particular is asked for. Knows no page.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from pagelens.core.protocols import Analyzer

AnswerType = Literal["definition", "meaning", "number", "money", "percent", "year", "date", "person", "place"]

# They ask; they do not describe.
_ASKING = """
a about according after all also am an and any are as at be because been before being but by can could did do does
doing don for from give given had has have he her here his how i if in into is it its just list many me more most much
my no not of off on only or other our out over please same several she should show so some such tell than that the
their them then there these they this those through to too under until up us very was we were what when where whether
which while who whom whose why will with would you your
"""
# They speak of the document or of the answer's form; its subject is rarely among them.
_FORM = """
answer answers article brochure chapter chart column describe described direct directly display displayed document
documents enumerate example figure float following form format formatted graph guide guidebook handbook illustrate
illustrated image int integer introduce introduced left mention mentioned name names page pages paper
papers picture report respectively right section show shown shows slide slides specified stand string survey table text
title total value write written
"""
FORM_WEIGHT = 0.3  # of a term that speaks of the form

_PAGE = re.compile(r"\b(page|pages|slide|slides)\s+(no\.?\s*|number\s+)?\d+(\s*(-|–|to|and)\s*\d+)?", re.IGNORECASE)
_MEASURE = r"long|old|far|high|tall|large|big|wide|deep|heavy|often|fast|soon"
_HOW = re.compile(rf"\bhow\s+(many|much|{_MEASURE})\b", re.IGNORECASE)
_ASKS_PAGE = re.compile(
    r"\b(which|what)\s+(pdf\s+)?(page|pages|slide|slides)\b(?!\s*\d)|\bpage\s+numbers?\b", re.IGNORECASE
)
# What is wanted, by what the question says.
_ASKED: Mapping[AnswerType, str] = {
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
_DEFINITION = re.compile(r"\s*what\s+(?:is|are|was|were)\s+(?:an?\s+|the\s+)?([^?,]{2,60}?)\s*\??\s*$", re.IGNORECASE)
_WANTED = {want: re.compile(pattern, re.IGNORECASE) for want, pattern in _ASKED.items()}

# And what holds it.
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
class Question:
    """A question, read: analyzed terms with their weight (1 for the subject), and what would answer it."""

    text: str
    terms: Mapping[str, float]
    known: frozenset[str]  # function words and every term of the question: what says nothing new
    wants: frozenset[AnswerType]
    asks_for_page: bool

    def is_answered_by(self, text: str) -> bool:
        """Say whether a text holds what is asked for, beyond what the question itself says."""
        return any(_HOLDS[want](text, self.text) for want in self.wants)


class QuestionAnalyzer:
    """Questions to what they ask; made for one analyzer, whose terms its function words are compared in."""

    def __init__(self, analyze: Analyzer) -> None:
        self._analyze = analyze
        self._asking = frozenset(analyze(_ASKING))
        self._form = frozenset(analyze(_FORM)) - self._asking

    def read(self, text: str) -> Question:
        """Return what a question asks. A question of function words alone is described by all of its words."""
        asks_for_page = _ASKS_PAGE.search(text) is not None
        # "On page 12" says where to look, and the retriever has heard it; "how long" says what is wanted.
        subject = _HOW.sub(" ", _PAGE.sub(" ", text))
        terms = dict.fromkeys(self._analyze(subject)) or dict.fromkeys(self._analyze(text))
        weights = {term: FORM_WEIGHT if term in self._form else 1.0 for term in terms if term not in self._asking}
        wants = frozenset(want for want, pattern in _WANTED.items() if pattern.search(text))
        if not wants and _DEFINITION.match(text):
            wants = frozenset[AnswerType]({"definition"})
        known = self._asking | frozenset(self._analyze(text))
        return Question(text, weights or dict.fromkeys(terms, 1.0), known, wants, asks_for_page)


def _new(pattern: re.Pattern[str], text: str, question: str) -> bool:
    known = {match.group() for match in pattern.finditer(question)}
    return any(match.group() not in known for match in pattern.finditer(text))


def _holds_number(text: str, question: str) -> bool:
    return _new(_DIGITS, text, question) or _new(_COUNT, text, question)


def _defines(text: str, question: str) -> bool:
    """Say whether a text goes on from the question's subject with "is" or the like."""
    subject = _DEFINITION.match(question)
    if subject is None:
        return False
    words = r"\W+".join(map(re.escape, subject.group(1).split()))
    return re.search(rf"\b{words}\W[^.?!]{{0,30}}?\b({_COPULAS})\b", text, re.IGNORECASE) is not None


def _spells_out(text: str, question: str) -> bool:
    """Say whether a text gives an acronym of the question beside its words: "Global Positioning System (GPS)"."""
    acronyms = {match.group() for match in _ACRONYM.finditer(question)}
    return any(f"({acronym})" in text or f"{acronym} (" in text for acronym in acronyms)


_HOLDS: Mapping[AnswerType, Callable[[str, str], bool]] = {
    "definition": _defines,
    "meaning": _spells_out,
    "number": _holds_number,
    "money": lambda text, question: _new(_MONEY, text, question) or _new(_DIGITS, text, question),
    "percent": lambda text, question: _new(_PERCENT, text, question),
    "year": lambda text, question: _new(_YEAR, text, question),
    "date": lambda text, question: _new(_DATE, text, question) or _new(_YEAR, text, question),
    "person": lambda text, question: _new(_NAME, text, question),
    "place": lambda text, question: _new(_PLACE, text, question),
}
