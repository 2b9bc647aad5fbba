"""Decides whether quotes answer a question, are the closest passages only, or are not to be shown; and says why.

refused   the pages are not about the question (`confidence.relevance`)
closest   they are, but the best passage lacks what the question demands, or is not likely enough to answer
found     else
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pagelens.core.protocols import Analyzer
from pagelens.core.terms import plain_terms
from pagelens.core.types import Found
from pagelens.generate.extractive.answer_types import TYPE_NAMES
from pagelens.generate.extractive.confidence import RELEVANT, answer_probability, relevance
from pagelens.generate.extractive.constraints import Unmet
from pagelens.generate.extractive.question_analysis import AnalyzedQuestion
from pagelens.generate.extractive.sentence_scoring import CandidateScores, ScoredCandidate

MAX_MISSING = 4  # words that a reason names
_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answerability:
    """Whether the quotes answer, how likely that is, and why in words."""

    found: Found
    confidence: float
    reason: str
    is_absent: bool = False  # whether something that the question names is on no page


def judge_answer(
    question: AnalyzedQuestion,
    scores: CandidateScores,
    quotes: Sequence[ScoredCandidate],
    analyze: Analyzer,
    *,
    coverage: float,
    by_words: bool,
    threshold: float,
) -> Answerability:
    """Return the verdict on quotes, best first. `by_words`: the cosine says nothing of this question."""
    if not quotes:
        return Answerability(found=False, confidence=0.0, reason=_far_reason(question, scores, analyze))
    best = quotes[0]
    about = relevance(coverage, None if by_words else scores.cosine)
    probability = answer_probability(question, best, by_words=by_words)
    if scores.foreign_language is not None:
        return Answerability(found="closest", confidence=min(probability, about), reason=_languages(question, scores))
    if about < RELEVANT * min(1.0, 2 * threshold):
        return Answerability(
            found=False, confidence=min(probability, about), reason=_far_reason(question, scores, analyze)
        )
    if unmet := _unmet_together(quotes):
        absent = [item.reason for item in unmet if item.nowhere]
        reason = "; ".join(absent or [item.reason for item in unmet])
        return Answerability(found="closest", confidence=probability, reason=reason, is_absent=bool(absent))
    if probability < threshold:
        return Answerability(found="closest", confidence=probability, reason=_doubt(question, best, analyze))
    return Answerability(found=True, confidence=probability, reason=_held(question, best))


def _unmet_together(quotes: Sequence[ScoredCandidate]) -> list[Unmet]:
    """Return what the first quote lacks, but for what another, which states the type asked for too, names."""
    of_type = [quote.unmet for quote in quotes[1:] if not any(unmet.kind == "type" for unmet in quote.unmet)]
    return [
        unmet for unmet in quotes[0].unmet if not unmet.may_be_elsewhere or all(unmet in others for others in of_type)
    ]


def _held(question: AnalyzedQuestion, best: ScoredCandidate) -> str:
    """Return what the best quote holds, in words."""
    type_name = TYPE_NAMES.get(question.answer_type) if question.answer_type else None
    words = f"{len(best.terms)} of {len(question.terms)} words of the question"
    return f"the passage states {type_name} and has {words}" if type_name else f"the passage has {words}"


def _languages(question: AnalyzedQuestion, scores: CandidateScores) -> str:
    assert scores.foreign_language is not None
    return f"the question is {question.language.name}, the page {scores.foreign_language.name}"


def _doubt(question: AnalyzedQuestion, best: ScoredCandidate, analyze: Analyzer) -> str:
    missing = _words(question, question.terms.keys() - best.terms, analyze)
    if missing:
        return f"the passage lacks {', '.join(missing)}"
    return "passages like this one answer too rarely"


def _far_reason(question: AnalyzedQuestion, scores: CandidateScores, analyze: Analyzer) -> str:
    if scores.foreign_language is not None:
        return _languages(question, scores)
    if question.names_nothing:
        return "the question names nothing to look for"
    missing = _words(question, scores.absent, analyze)
    return f"no page names {', '.join(missing)}" if missing else "no page is about all of the question's words"


def _words(question: AnalyzedQuestion, terms: frozenset[str] | set[str], analyze: Analyzer) -> list[str]:
    """Return the words of the question that have these terms."""
    words = dict.fromkeys(word for word in _WORD.findall(question.text) if terms & set(plain_terms(analyze(word))))
    return list(words)[:MAX_MISSING]
