"""Whether quotes hold the expected answer: numbers within rounding, texts as words, lists item by item.

A rule cannot see everything: a "3" in a quote may be another 3, and a long answer may be told in other words. So a
grade says whether it is sure. What is not sure is for a person to judge; until then the rule's guess counts.
"""

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass

from pagelens.evals.measures.answer_numbers import Number, read_numbers
from pagelens.evals.measures.mmlongbench_score import clean, mmlongbench_score
from pagelens.evals.measures.text_overlap import normalize

MOST = 0.7  # of the expected words: they tell the answer in an order of their own
SOME = 0.35  # of the expected words: below, the quotes are about something else
TELLING_DIGITS = 3  # a number of so many digits does not stand in a quote by chance
TELLING_LETTERS = 4  # nor does a text of so many letters
ROUNDING = 0.01  # relative, for numbers with a fraction

_NUMBER_ALONE = re.compile(r"[^\w\s]?[\d,.]+\s?\S{0,2}")
_GROUPED = re.compile(r"\d+(?:,\d+)+(?:\.\d+)?")
_NUMBER_WORDS = "zero one two three four five six seven eight nine ten eleven twelve".split()
_WORD_VALUES = {word: float(value) for value, word in enumerate(_NUMBER_WORDS)}


@dataclass(frozen=True, slots=True)
class QuoteGrade:
    """Whether quotes hold the expected answer, and whether the rule is sure of it."""

    holds: bool
    sure: bool


def grade_quotes(expected: str, answer_format: str, quotes: Sequence[str], *, on_evidence: bool) -> QuoteGrade:
    """Grade the quotes of an answer by MMLongBench-Doc's formats (Int, Float, Str, List).

    `on_evidence`: a quote stands on a page that answers the question. Where none does, nothing that seems to hold is
    sure, and the guess is that it does not.
    """
    grade = _grade(expected, answer_format, quotes)
    return grade if on_evidence or not grade.holds else QuoteGrade(holds=False, sure=False)


def _grade(expected: str, answer_format: str, quotes: Sequence[str]) -> QuoteGrade:
    values = [quote.rpartition(": ")[2] for quote in quotes]  # "Timber, 2024: 52,300 tonnes"
    scored = max((mmlongbench_score(expected, text, answer_format) for text in (*quotes, *values)), default=0.0)
    text = " ".join(quotes)
    if answer_format == "List":
        grades = [_grade_text(item, text) for item in _items(expected)]
        held = sum(grade.holds for grade in grades)
        if held == len(grades):
            return QuoteGrade(holds=True, sure=all(grade.sure for grade in grades))
        return QuoteGrade(holds=False, sure=held < len(grades) / 2)
    number = _only_number(expected)
    if number is not None:
        found = any(_same(number, other, expected) for other in _numbers(text))
        return QuoteGrade(holds=found, sure=not found or _digits(expected) >= TELLING_DIGITS)
    grade = _grade_text(expected, text)
    return QuoteGrade(holds=True, sure=False) if scored and not grade.holds else grade


def _grade_text(expected: str, text: str) -> QuoteGrade:
    """Grade one expected text: its words stand together, or most of them stand somewhere."""
    found = f" {normalize(text)} "
    forms = {form for form in (normalize(expected), normalize(clean(expected))) if form}
    if any(f" {form} " in found for form in forms):
        return QuoteGrade(holds=True, sure=len(normalize(expected)) >= TELLING_LETTERS)
    words, found_words = set(normalize(expected).split()), set(found.split())
    share = len(words & found_words) / max(1, len(words))
    return QuoteGrade(holds=share >= MOST, sure=share < SOME)


def _only_number(expected: str) -> Number | None:
    """Return the number that an expected answer consists of, None if it is a text."""
    numbers = read_numbers(expected)
    return numbers[0] if len(numbers) == 1 and _NUMBER_ALONE.fullmatch(expected.strip()) else None


def _numbers(text: str) -> list[Number]:
    """Return the numbers of a text, also those in words and those whose digits are grouped in other ways (3,02,164)."""
    words = [Number(_WORD_VALUES[word]) for word in re.findall(r"[a-z]+", text.lower()) if word in _WORD_VALUES]
    grouped = [Number(float(match.replace(",", ""))) for match in _GROUPED.findall(text)]
    return read_numbers(text) + words + grouped


def _same(expected: Number, found: Number, text: str) -> bool:
    """Return whether numbers are equal: exactly, or within rounding if one is expected with a fraction."""
    if expected.unit and found.unit and expected.unit != found.unit:
        return False
    if expected.value == found.value:
        return True
    return "." in text and abs(expected.value - found.value) <= ROUNDING * abs(expected.value)


def _digits(text: str) -> int:
    return sum(map(str.isdigit, text))


def _items(text: str) -> list[str]:
    try:
        value = ast.literal_eval(text.strip())
    except (ValueError, SyntaxError):
        return [text]
    return [str(item) for item in value] if isinstance(value, list) else [text]
