"""Outcomes of answers to the development questions: shown as an answer, as closest passages, or refused; and whether
what is shown holds.

A verdict of `data/answer_verdicts.jsonl` decides, made by reading the quotes beside the page; else the rule of
`pagelens.evals.measures.quoted_answers`. An answer holds if who reads only its quotes knows what was asked: a list is
complete; a sum or difference of two quoted numbers is left to the reader. A verdict that an answer holds names the
words that suffice for it and their pages: it also decides about other answers that quote them. A verdict that a quote
does not hold also decides about its larger parts.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from benchmarks.answer_contexts import Case
from benchmarks.development_set import Question
from pagelens.core.protocols import Answerer
from pagelens.core.types import Answer, Citation
from pagelens.evals.measures.quoted_answers import grade_quotes
from pagelens.evals.measures.text_overlap import normalize

VERDICTS = Path(__file__).with_name("data") / "answer_verdicts.jsonl"

Verdicts = Mapping[str, Sequence[Mapping[str, Any]]]
"""Rows of a file of verdicts by question id."""

State = Literal["answer", "closest", "refused"]
GradedBy = Literal["verdict", "rule", "guess"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What an answerer made of a question. A refusal holds nothing."""

    case: Case
    answer: Answer
    state: State
    holds: bool
    graded_by: GradedBy  # a guess is the rule's where it is not sure: ungraded

    @property
    def label(self) -> str:
        """One of right, wrong, closest, refused: an answer to a question without one is wrong."""
        return {"answer": "right" if self.holds else "wrong"}.get(self.state, self.state)


def outcomes(answerer: Answerer, posed: Sequence[Case]) -> list[Outcome]:
    """Answer each question from its pages and grade the answers."""
    verdicts = read_verdicts(VERDICTS)
    return [grade(case, _answer(answerer, case), verdicts) for case in posed]


def grade(case: Case, answer: Answer, verdicts: Verdicts) -> Outcome:
    """Grade an answer to a question."""
    state = state_of(answer)
    if state == "refused":
        return Outcome(case=case, answer=answer, state=state, holds=False, graded_by="rule")
    holds, graded_by = _grade(case, answer, verdicts)
    return Outcome(case=case, answer=answer, state=state, holds=holds, graded_by=graded_by)


def state_of(answer: Answer) -> State:
    """Return how an answer is shown."""
    found: object = answer.found  # True, False or "closest"
    return "closest" if found == "closest" else "answer" if found else "refused"


def cross_validated(
    fit: Callable[[Sequence[Case]], Answerer], posed: Sequence[Case], count: int = 5
) -> list[list[Outcome]]:
    """Return the outcomes of each fold of documents, answered by what `fit` makes of the questions of all others."""
    return [outcomes(fit(training), held_out) for training, held_out in folds(posed, count)]


def folds(posed: Sequence[Case], count: int = 5) -> list[tuple[list[Case], list[Case]]]:
    """Return (training, held-out) questions of each fold; a document's questions of all kinds are in one fold."""
    groups = sorted({case.group for case in posed})
    order = np.random.default_rng(0).permutation(len(groups))
    fold_of = {groups[index]: position % count for position, index in enumerate(order)}
    return [
        (
            [case for case in posed if fold_of[case.group] != fold],
            [case for case in posed if fold_of[case.group] == fold],
        )
        for fold in range(count)
    ]


def _answer(answerer: Answerer, case: Case) -> Answer:
    with closing(answerer.stream(case.posed, case.pages, idf=case.idf)) as events:
        *_, answer = events
    assert isinstance(answer, Answer)
    return answer


def _grade(case: Case, answer: Answer, verdicts: Verdicts) -> tuple[bool, GradedBy]:
    own = [citation for citation in answer.citations if _file_of(citation) == case.question.file]
    verdict = _verdict(case.question, answer.citations, verdicts)
    if verdict is not None:
        return verdict, "verdict"
    if not case.answerable:
        return False, "rule"
    on_evidence = any(citation.ref.number in case.question.evidence for citation in own)
    quotes = [citation.claim or citation.quote for citation in (own if on_evidence else answer.citations)]
    graded = grade_quotes(case.question.answer, case.question.answer_format, quotes, on_evidence=on_evidence)
    return graded.holds, "rule" if graded.sure else "guess"


def _verdict(question: Question, citations: Sequence[Citation], verdicts: Verdicts) -> bool | None:
    """Return what a person decided about the quotes, None if about one of them nothing was decided."""
    rows = verdicts.get(question.qid, [])
    if any(_suffices(row, question, citations) for row in rows if row["holds"]):
        return True
    refuted = [_words(row["quote"]) for row in rows if not row["holds"]]
    quotes = [_words(citation.quote) for citation in citations]
    return False if quotes and all(any(_is_most_of(quote, whole) for whole in refuted) for quote in quotes) else None


def _is_most_of(quote: str, whole: str) -> bool:
    return quote in whole and 2 * len(quote) >= len(whole)


def _suffices(row: Mapping[str, Any], question: Question, citations: Sequence[Citation]) -> bool:
    """Return whether quotes of the row's pages, in the question's document, have all its words."""
    own = [item for item in citations if _file_of(item) == question.file and item.ref.number in row["pages"]]
    text = " ".join(_words(citation.quote) for citation in own)
    return all(_words(words) in text for words in row["words"])


def _words(text: str) -> str:
    return f" {normalize(text)} "


def _file_of(citation: Citation) -> str:
    return Path(citation.ref.path).name


def read_verdicts(file: Path) -> Verdicts:
    """Return the rows of a file of verdicts by question id."""
    rows: dict[str, list[dict[str, Any]]] = {}
    for line in file.read_text("utf-8").splitlines():
        row = json.loads(line)
        rows.setdefault(row["qid"], []).append(row)
    return rows
