"""Counts what the import of a published data set leaves out, and says it.

Published sets are seldom closed: grades name documents that the corpus lacks (ArguAna) or questions of another split.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pagelens.core.errors import UsageError
from pagelens.core.types import PageRef
from pagelens.evals.datasets.dataset import Question

EXAMPLES = 3  # in a notice


@dataclass(slots=True)
class LeftOut:
    """What an import leaves out."""

    documents: list[str] = field(default_factory=list)  # that grades name and the set does not hold, one for each grade
    other_questions: int = 0  # grades of questions that the set does not hold
    ungraded: list[str] = field(default_factory=list)  # questions without a grade
    letters: str = ""  # that no font has

    def keeps(self, *, question: bool, document: bool, identity: str) -> bool:
        """Return whether a grade names a question and a document of the set; count it otherwise."""
        if not question:
            self.other_questions += 1
        elif not document:
            self.documents.append(identity)
        return question and document

    def graded(
        self, questions: Sequence[Question], qrels: Mapping[str, Mapping[PageRef, int]], folder: Path
    ) -> list[Question]:
        """Return the questions with grades; count the others. Raises UsageError if there is none at all."""
        self.ungraded = [question.qid for question in questions if question.qid not in qrels]
        if questions and len(self.ungraded) == len(questions):
            found = "; ".join(self.notices()[:-1]) or "no grades"
            raise UsageError(
                f"expected a grade of one of the set's documents for a question in {folder}, found {found}"
            )
        return [question for question in questions if question.qid in qrels]

    def notices(self) -> tuple[str, ...]:
        """Return a line for each kind of what was left out."""
        lines = []
        if self.documents:
            lines.append(
                f"{_count(self.documents, 'grade')} of documents that the set does not hold left out "
                f"({_examples(self.documents)}): published figures count these as not found"
            )
        if self.other_questions:
            lines.append(
                f"{_count(range(self.other_questions), 'grade')} of questions that the set does not hold left out"
            )
        if self.letters:
            lines.append(
                f"{_count(self.letters, 'letter')} that no font at hand has cannot be found ({_examples(self.letters)})"
            )
        if self.ungraded:
            lines.append(f"{_count(self.ungraded, 'question')} without grades left out ({_examples(self.ungraded)})")
        return tuple(lines)


def _count(items: Sequence[object], name: str) -> str:
    return f"{len(items)} {name}{'' if len(items) == 1 else 's'}"


def _examples(items: Sequence[str]) -> str:
    return ", ".join(items[:EXAMPLES]) + (", ..." if len(items) > EXAMPLES else "")
