"""A data set: documents, questions, and which pages answer them. Knows no file format and no engine.

A page is named by its document's name in the set (its path below the set's `documents` folder, with forward slashes)
and its number from 1: `PageRef("reports/2024.pdf", 12)`, in files `reports/2024.pdf#12`.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from pagelens.core.types import PageRef

Qrels = Mapping[str, Mapping[PageRef, int]]
"""Question id -> page -> grade; a grade of 1 or more says that the page answers."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, of which documents, and what is known of the answer."""

    qid: str
    text: str
    documents: tuple[str, ...] = ()  # it is asked of these; none: of the whole set
    answers: tuple[str, ...] = ()  # any of them is right
    answer_format: str = ""  # Str, Int, Float, List or None, as in MMLongBench-Doc
    answerable: bool = True
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # breakdown -> values: source -> text, table
    image: str = ""  # a picture that is asked with, by its path below the set's `images`; `text` may then be empty

    @property
    def title(self) -> str:
        """What people see of it in a line."""
        return self.text or f"({self.image})"


@dataclass(frozen=True, slots=True)
class DataSet:
    """Questions over documents, with graded pages."""

    name: str
    folder: Path  # that holds the documents
    documents: Sequence[str]  # names: paths below `folder`
    questions: Sequence[Question]
    qrels: Qrels
    images: Path | None = None  # the folder of the questions' pictures

    def picture(self, question: Question) -> Path | None:
        """Return the picture that a question is asked with, None where there is none."""
        return self.images / question.image if self.images and question.image else None

    def relevant(self, qid: str) -> list[PageRef]:
        """Return the pages that answer a question, best grade first, then in order."""
        graded = self.qrels.get(qid, {})
        return sorted((page for page, grade in graded.items() if grade > 0), key=lambda page: (-graded[page], page))

    @property
    def with_evidence(self) -> list[Question]:
        """The questions that have at least one page that answers them: those that rankings are scored on."""
        return [question for question in self.questions if self.relevant(question.qid)]

    @property
    def digest(self) -> str:
        """SHA-256 of the questions, their pictures and grades, and of the documents' names: two sets of one digest ask
        the same."""
        questions = [asdict(one) for one in sorted(self.questions, key=lambda one: one.qid)]
        paths = [path for question in self.questions if (path := self.picture(question))]
        image_hashes = sorted(hashlib.sha256(path.read_bytes()).hexdigest() for path in paths)
        grades = {qid: sorted((page_id(page), grade) for page, grade in self.qrels[qid].items()) for qid in self.qrels}
        canonical = json.dumps(
            [questions, image_hashes, sorted(grades.items()), sorted(self.documents)], sort_keys=True
        )
        return hashlib.sha256(canonical.encode()).hexdigest()

    def groups_of(self, question: Question) -> dict[str, tuple[str, ...]]:
        """Return the breakdowns a question falls into: its own, its answer's format, and how many pages it takes."""
        groups = {name: tuple(values) for name, values in question.groups.items() if values}
        if question.answer_format:
            groups["answer"] = (question.answer_format,)
        if self.images:
            words = "words" if question.text else ""
            groups["asked"] = (" and ".join(filter(None, ["a picture" if question.image else "", words])),)
        count = len(self.relevant(question.qid))
        groups["pages"] = ("no page" if not count else "1 page" if count == 1 else "2+ pages",)
        return groups


def page_id(page: PageRef) -> str:
    """Return `report.pdf#12`, a page's name in qrels and run files."""
    return f"{page.path}#{page.number}"


def parse_page_id(text: str) -> PageRef:
    """Read `report.pdf#12` (or `#p12`) back. Raises ValueError with what was expected."""
    name, mark, number = text.rpartition("#")
    digits = number.removeprefix("p")
    if not mark or not name or not digits.isascii() or not digits.isdecimal() or int(digits) < 1:
        raise ValueError(f"expected a page like 'report.pdf#12', found {text!r}")
    return PageRef(name, int(digits))
