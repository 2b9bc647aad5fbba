"""MMLongBench-Doc's scoring rule (Ma et al., 2024, section 4.1), without its first step.

The published protocol first has a language model shorten a free answer; here the given answer is scored. By format:
Int must be equal; Float within 1%, or equal after rounding, a share also as a percentage; Str by ANLS
(1 - edit distance / length, 0 if that is at most 0.5), but must be equal if it is a link, a file, a page, a number or a
date; List must have as many items, compared in sorted order. If a list cannot be parsed, where the published scorer
fails, the text is compared.
"""

import ast
import math
import re
from collections.abc import Sequence

NOT_ANSWERABLE = "Not answerable"
ANLS_FLOOR = 0.5

_EXACT = [
    re.compile(pattern)
    for pattern in (
        r"\d+(-\d+|\s\d+)?",  # a number, a telephone number
        r"\d{4}[-\s]\d{2}([-\s]\d{2})?",  # a date
        r"[a-z0-9._%+-]+@[a-z0-9.-]+\.[a-z]{2,}",  # an address
    )
]


def mmlongbench_score(expected: str, found: str, answer_format: str) -> float:
    """Return the score of an answer, 0 to 1, by the answer format that the data set gives the question."""
    if answer_format == "Int":
        return _int_score(expected, found)
    if answer_format == "Float":
        return _float_score(expected, found)
    if answer_format in ("Str", "None"):
        return _text_score(clean(expected), clean(found))
    return _list_score(_items(expected), _items(found))


def accuracy_and_f1(
    scores: Sequence[float], answerable: Sequence[bool], answered: Sequence[bool]
) -> tuple[float, float]:
    """Return the mean score, and F1 with recall over the answerable and precision over the answered questions."""
    if not scores:
        return 0.0, 0.0
    gained = sum(score for score, has_answer in zip(scores, answerable, strict=True) if has_answer)
    recall = gained / sum(answerable) if any(answerable) else 0.0
    precision = gained / sum(answered) if any(answered) else 0.0
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    return sum(scores) / len(scores), f1


def clean(text: str) -> str:
    """Return a text in lower case, without bracketed parts, outer quotes, a leading $ and a trailing %."""
    cleaned = re.sub(r"\s*\([^)]*\)", "", text.lower().strip()).strip()
    cleaned = re.sub(r"^['\"]|['\"]$", "", cleaned).strip()
    return cleaned.lstrip("$").strip().rstrip("%").strip()


def anls(expected: str, found: str) -> float:
    """Return the normalized Levenshtein similarity of two texts, 0 if it is at most 0.5 (Biten et al., 2019)."""
    length = max(len(expected), len(found))
    likeness = 1.0 - (edit_distance(expected, found) / length if length else 0.0)
    return likeness if likeness > ANLS_FLOOR else 0.0


def edit_distance(first: str, second: str) -> int:
    """Return the number of insertions, deletions and substitutions between two texts (Levenshtein, 1966)."""
    row = list(range(len(second) + 1))
    for count, letter in enumerate(first, start=1):
        diagonal, row[0] = row[0], count
        for column, expected in enumerate(second, start=1):
            best = min(row[column] + 1, row[column - 1] + 1, diagonal + (letter != expected))
            diagonal, row[column] = row[column], best
    return row[-1]


def _int_score(expected: str, found: str) -> float:
    try:
        return float(int(expected) == int(float(found)))
    except (ValueError, OverflowError):
        return 0.0


def _float_score(expected: str, found: str) -> float:
    try:
        expected_value, found_value = float(clean(expected)), float(clean(found))
    except ValueError:
        return 0.0
    for value in (expected_value / 100, expected_value, expected_value * 100):
        if math.isclose(value, found_value, rel_tol=0.01):
            return 1.0
        digits = max(2, min(_decimals(value), _decimals(found_value)))
        if math.isfinite(found_value) and round(found_value, digits) == round(value, digits):
            return 1.0
    return 0.0


def _decimals(value: float) -> int:
    text = str(value)
    return len(text.rpartition(".")[2]) if "." in text else 3


def _text_score(expected: str, found: str) -> float:
    return float(expected == found) if _compared_exactly(expected) else anls(expected, found)


def _compared_exactly(text: str) -> bool:
    special = "https://" in text or text.endswith((".py", "ipynb")) or text.startswith("page")
    return special or "a.m." in text or "p.m." in text or any(form.fullmatch(text) for form in _EXACT)


def _items(text: str) -> list[str]:
    """Return the items of a list in Python's notation; any other text is a list of one item."""
    if text.strip().startswith("["):
        try:
            value = ast.literal_eval(text.strip())
        except (ValueError, SyntaxError):
            return [text]
        if isinstance(value, list):
            return [str(item) for item in value]
    return [text]


def _list_score(expected: Sequence[str], found: Sequence[str]) -> float:
    if len(expected) != len(found):
        return 0.0
    expected_items, found_items = sorted(map(clean, expected)), sorted(map(clean, found))
    if not expected_items:
        return 1.0
    if _is_number(expected_items[0]) or _compared_exactly(expected_items[0]):
        return float(expected_items == found_items)
    return min(
        anls(expected_item, found_item) for expected_item, found_item in zip(expected_items, found_items, strict=True)
    )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
