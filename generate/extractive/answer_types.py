"""Whether a text holds the type of answer that a question asks for: a number, a date, a name."""

import re
from collections.abc import Callable, Mapping
from functools import cache

from pagelens.generate.extractive.languages.germanic import ENGLISH
from pagelens.generate.extractive.languages.question_language import AnswerType, QuestionLanguage

TYPE_NAMES: Mapping[AnswerType, str] = {
    "meaning": "what it stands for",
    "percent": "a percentage",
    "money": "an amount",
    "year": "a year",
    "date": "a date or time",
    "number": "a number",
    "person": "a person's name",
    "organisation": "an organisation's name",
    "colour": "a colour",
    "reason": "a reason",
}
"""What a text must state to answer; types that are not here may be answered in any words."""

MAX_COUNTED = 3  # words after "how many" that name what is counted
MAX_BETWEEN = 5  # words from a number to what it counts
_DIGITS = re.compile(r"\d[\d.,]*")
_FIGURE = re.compile(r"[^\w#]*(\d[\d.,]*)[^\d]{0,4}")
_LABEL = re.compile(r"#?\d{1,2}[.:,;)]?")
_YEAR = re.compile(  # before 1900 only where a word says so: "1704 crores" is none
    r"(?<![\d.,])(?:(?:19|20)\d\d|(?:(?<=in )|(?<=of )|(?<=by )|(?<=since )|(?<=from )|(?<=until )|(?<=around )"
    r"|(?<=im )|(?<=en )|(?<=em )|(?<=nel )|(?<=dal )|(?<=anno )|(?<=в ))1[5-8]\d\d)(?![\d%]|[.,]\d)",
    re.IGNORECASE,
)
_PERCENT = re.compile(
    r"\d\s*(?:[%％٪]|per ?cent|prozent|pro ?cent|por ?ciento|por ?cento|per ?cento|pour ?cent|процент|パーセント|퍼센트"
    r"|بالمئة)|百分之",
    re.IGNORECASE,
)
_MONEY = re.compile(
    r"[$€£¥₹￥₩]\s*\d|\b(?:rs|inr|usd|eur|sgd|gbp|chf|rmb)\b\.?\s*\d"
    r"|\d\s*(?:[$€£¥₹₩元円원]|dollars?|euros?|pounds?|rupees|francs?|reais|рубл\w*|million|billion|milli\w+|mrd|mio|lacs?|"
    r"lakhs?|crores?|usd|eur|sgd|gbp|chf|دولار|يورو|ريال)",
    re.IGNORECASE,
)
_CLOCK = re.compile(
    r"\b\d{1,2}[:/.]\d{2}\b|\b\d{1,2}\s?(?:am|pm|a\.m\.|p\.m\.|uhr|h)\b|\d{4}-\d{2}-\d{2}", re.IGNORECASE
)
_CAPITAL = r"[A-ZÀ-ÖØ-ÞА-ЯЁ]"
_PEOPLE = re.compile(
    rf"\b(?:{_CAPITAL}\.\s*)*{_CAPITAL}[\w'’-]+(?:\s+(?:{_CAPITAL}\.\s*)*(?:(?:de|da|di|van|von|der|bin|al|el)\s+)*"
    rf"{_CAPITAL}[\w'’-]+)+"
)
_NAME = re.compile(rf"(?<=[^\s.!?:]\s){_CAPITAL}[\w'’-]+")  # not at the beginning, where any word has a capital
_UNCASED = re.compile(r"[\u0600-\u06ff\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af]")
_WORD = re.compile(r"[^\W\d_]+")
_ACRONYM = re.compile(r"\b[A-Z][A-Z0-9&-]+\b")
_DEFINITION = re.compile(r"\s*what\s+(?:is|are|was|were)\s+(?:an?\s+|the\s+)?([^?,]{2,60}?)\s*\??\s*$", re.IGNORECASE)
_COPULAS = r"is|are|was|were|means?|refers? to|consists? of|denotes?"


def holds_type(answer_type: AnswerType, text: str, question: str, language: QuestionLanguage) -> bool:
    """Return whether a text of a page in `language` holds an answer of a type that the question itself does not hold.

    Types that may be answered in any words are held by every text, but a definition must define.
    """
    check = _CHECKS.get(answer_type)
    return check is None or check(text, question, language)


def counts_near(text: str, question: str, counted: Callable[[str], bool], language: QuestionLanguage) -> bool:
    """Return whether a number that is not the question's stands within `MAX_BETWEEN` words of one that is `counted`."""
    words = text.split()
    known = set(_DIGITS.findall(question))
    numbers, nouns = [], []
    for index, word in enumerate(words):
        is_label = index > 0 and words[index - 1][:1].isupper() and _LABEL.fullmatch(word) is not None  # "Question 1."
        is_year = _YEAR.search(word) is not None and not (index + 1 < len(words) and counted(words[index + 1]))
        figure = None if is_label or is_year else _FIGURE.fullmatch(word)
        if (figure and figure[1].rstrip(".,") not in known) or _compiled(language.number_words).search(word):
            numbers.append(index)
        if counted(word):
            nouns.append(index)
    bullets = [index for index, word in enumerate(words) if not any(map(str.isalnum, word))]
    return any(
        abs(number - noun) <= MAX_BETWEEN
        and not any(min(number, noun) < bullet < max(number, noun) for bullet in bullets)
        for number in numbers
        for noun in nouns
    )


def defined_subject(question: str) -> str:
    """Return what "What is ...?" asks the definition of; "" for other questions."""
    match = _DEFINITION.match(question)
    return match[1] if match else ""


def _is_new(pattern: re.Pattern[str], text: str, question: str) -> bool:
    known = {match.group().lower() for match in pattern.finditer(question)}
    return any(match.group().lower() not in known for match in pattern.finditer(text))


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


def _without_years(text: str, question: str, language: QuestionLanguage) -> str:
    """Return a text without its years; "2000 eggs" is none if the question asks how many eggs."""
    how = _compiled(language.count).search(question)
    counted = [word.casefold() for word in _WORD.findall(question, how.end())[:MAX_COUNTED]] if how else []

    def kept(year: re.Match[str]) -> str:
        following = _WORD.match(text, year.end() + 1)
        return year[0] if following and following[0].casefold() in counted else " "

    return _YEAR.sub(kept, text)


def _holds_number(text: str, question: str, language: QuestionLanguage) -> bool:
    without_years = _without_years(text, question, language)
    return _is_new(_DIGITS, without_years, question) or _is_new(_compiled(language.number_words), text, question)


def _holds_date(text: str, question: str, language: QuestionLanguage) -> bool:
    months = (_compiled(table.times) for table in (language, ENGLISH))
    return any(_is_new(pattern, text, question) for pattern in (_YEAR, _CLOCK, *months))


def _holds_person(text: str, question: str, language: QuestionLanguage) -> bool:
    del language
    return _is_new(_PEOPLE, text, question) or _is_new(_NAME, text, question) or _UNCASED.search(text) is not None


def _holds_name(text: str, question: str, language: QuestionLanguage) -> bool:
    return _holds_person(text, question, language) or _is_new(_ACRONYM, text, question)


def _defines(text: str, question: str, language: QuestionLanguage) -> bool:
    """Return whether the question's subject is followed by "is" or the like in the text."""
    del language
    subject = r"\W+".join(map(re.escape, defined_subject(question).split()))
    return (
        bool(subject) and re.search(rf"\b{subject}\W[^.?!]{{0,30}}?\b({_COPULAS})\b", text, re.IGNORECASE) is not None
    )


def _spells_out(text: str, question: str, language: QuestionLanguage) -> bool:
    """Return whether a text spells out an acronym of the question: "Global Positioning System (GPS)"."""
    del language
    acronyms = {match.group() for match in _ACRONYM.finditer(question)}
    return any(f"({acronym})" in text or f"{acronym} (" in text for acronym in acronyms)


_Check = Callable[[str, str, QuestionLanguage], bool]


def _matches(*patterns: re.Pattern[str] | str) -> _Check:
    """Return a check for something that a pattern, or that of a language's table with this name, matches."""

    def check(text: str, question: str, language: QuestionLanguage) -> bool:
        compiled = (_compiled(getattr(language, one)) if isinstance(one, str) else one for one in patterns)
        return any(_is_new(pattern, text, question) for pattern in compiled)

    return check


def _holds_amount(text: str, question: str, language: QuestionLanguage) -> bool:
    return _matches(_MONEY)(text, question, language) or _is_new(
        _DIGITS, _without_years(text, question, language), question
    )


_CHECKS: Mapping[AnswerType, _Check] = {
    "definition": _defines,
    "meaning": _spells_out,
    "number": _holds_number,
    "money": _holds_amount,
    "percent": _matches(_PERCENT),
    "year": _matches(_YEAR),
    "date": _holds_date,
    "person": _holds_person,
    "organisation": _holds_name,
    "place": _holds_name,
    "reason": _matches("reasons"),
    "colour": _matches("colours"),
}
