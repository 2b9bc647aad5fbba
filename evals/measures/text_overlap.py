"""Compares answers as words: exact match and token F1 as in SQuAD 1.1 (Rajpurkar et al., 2016), and containment."""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

_PUNCTUATION = re.compile(r"[!-/:-@\[-`{-~‘’“”–—]")
_ARTICLES = re.compile(r"\b(a|an|the)\b")


def normalize(text: str) -> str:
    """Return the text in NFKC and lower case, without punctuation, articles and repeated blanks."""
    lowered = unicodedata.normalize("NFKC", text).lower()
    return " ".join(_ARTICLES.sub(" ", _PUNCTUATION.sub("", lowered)).split())


def exact_match(expected: Sequence[str], found: str) -> float:
    """Return 1.0 if the normalized answer equals any of the normalized expected ones, else 0.0."""
    return float(any(normalize(answer) == normalize(found) for answer in expected))


def token_f1(expected: Sequence[str], found: str) -> float:
    """Return the best F1 of the answer's words, as a bag, against those of an expected answer."""
    return max((_f1(normalize(answer).split(), normalize(found).split()) for answer in expected), default=0.0)


def contains(expected: Sequence[str], texts: Sequence[str]) -> float:
    """Return 1.0 if any expected answer's words occur consecutively in any of the texts, else 0.0."""
    for answer in expected:
        words = normalize(answer)
        if words and any(f" {words} " in f" {normalize(text)} " for text in texts):
            return 1.0
    return 0.0


def _f1(expected: Sequence[str], found: Sequence[str]) -> float:
    if not expected or not found:
        return float(expected == found)  # an empty answer is right if nothing was expected
    common = (Counter(expected) & Counter(found)).total()
    if not common:
        return 0.0
    precision, recall = common / len(found), common / len(expected)
    return 2 * precision * recall / (precision + recall)
