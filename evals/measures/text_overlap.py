"""Answers compared as words: exact match and token F1 as SQuAD 1.1 defines them (Rajpurkar et al., 2016), containment.

Knows nothing of numbers (pagelens.evals.measures.answer_numbers) or of MMLongBench-Doc's rule (pagelens.evals.measures.mmlongbench_score).
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

_PUNCTUATION = re.compile(r"[!-/:-@\[-`{-~‘’“”–—]")
_ARTICLES = re.compile(r"\b(a|an|the)\b")


def normalize(text: str) -> str:
    """Return the text in lower case without punctuation, articles and spare blanks; compatibility forms unified."""
    lowered = unicodedata.normalize("NFKC", text).lower()
    return " ".join(_ARTICLES.sub(" ", _PUNCTUATION.sub("", lowered)).split())


def exact_match(expected: Sequence[str], found: str) -> float:
    """Return 1.0 when the answer equals any of the expected ones after `normalize`."""
    return float(any(normalize(answer) == normalize(found) for answer in expected))


def token_f1(expected: Sequence[str], found: str) -> float:
    """Return the best F1 of the answer's words against an expected answer's, each word as often as it stands."""
    return max((_f1(normalize(answer).split(), normalize(found).split()) for answer in expected), default=0.0)


def contains(expected: Sequence[str], texts: Sequence[str]) -> float:
    """Return 1.0 when the words of any expected answer stand in a row in any of the texts."""
    for answer in expected:
        words = normalize(answer)
        if words and any(f" {words} " in f" {normalize(text)} " for text in texts):
            return 1.0
    return 0.0


def _f1(expected: Sequence[str], found: Sequence[str]) -> float:
    if not expected or not found:
        return float(expected == found)  # nothing said where nothing was expected is right
    common = (Counter(expected) & Counter(found)).total()
    if not common:
        return 0.0
    precision, recall = common / len(found), common / len(expected)
    return 2 * precision * recall / (precision + recall)
