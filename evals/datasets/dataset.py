"""A data set: documents, questions, and the pages that answer them, independent of file formats and of the engine.

A page is identified by its document's name in the set (the path below the set's `documents` folder, with forward
slashes) and its number from 1: `PageRef("reports/2024.pdf", 12)`, in files `reports/2024.pdf#12`.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from pagelens.core.types import Box, PageRef

Qrels = Mapping[str, Mapping[PageRef, int]]
"""Question id -> page -> grade; a page with a grade of 1 or more answers the question."""
GoldBoxes = Mapping[str, Mapping[PageRef, Sequence[Box]]]
"""Question id -> page -> where its evidence lies on the page."""


@dataclass(frozen=True, slots=True)
class Question:
    """A question, the documents it is about, and what is known of its answer."""

    qid: str
    text: str
    documents: tuple[str, ...] = ()  # what it is about; empty: the whole set
    answers: tuple[str, ...] = ()  # alternatives, each of them correct
    answer_format: str = ""  # Str, Int, Float, List or None, as in MMLongBench-Doc
    answerable: bool = True
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # breakdown -> values: source -> text, table
    image: str = ""  # the query image, as a path below the set's `images`; `text` may then be empty

    @property
    def title(self) -> str:
        """The question as one line of text."""
        return self.text or f"({self.image})"

    @property
    def resampling_unit(self) -> str:
        """What intervals resample it with: its (first) document, since questions about one document stand and fall
        together; the question itself if it is about none."""
        return (self.documents or (self.qid,))[0]


@dataclass(frozen=True, slots=True)
class DataSet:
    """Questions over documents, with graded pages."""

    name: str
    folder: Path  # that holds the documents
    documents: Sequence[str]  # names: paths below `folder`
    questions: Sequence[Question]
    qrels: Qrels
    images: Path | None = None  # the folder of the questions' pictures
    notices: Sequence[str] = ()  # what is reported with its figures: what an import left out
    gold_boxes: GoldBoxes = field(default_factory=dict)  # of some questions about one document

    def picture(self, question: Question) -> Path | None:
        """Return the path of a question's image, None if it has none."""
        return self.images / question.image if self.images and question.image else None

    def relevant(self, qid: str) -> list[PageRef]:
        """Return the pages that answer a question, best grade first, then in order."""
        graded = self.qrels.get(qid, {})
        return sorted((page for page, grade in graded.items() if grade > 0), key=lambda page: (-graded[page], page))

    @property
    def with_evidence(self) -> list[Question]:
        """The questions with at least one relevant page: rankings are scored on these."""
        return [question for question in self.questions if self.relevant(question.qid)]

    @property
    def digest(self) -> str:
        """SHA-256 of the questions, their images, grades and gold boxes, and of the documents' names."""
        questions = [asdict(question) for question in sorted(self.questions, key=lambda question: question.qid)]
        paths = [path for question in self.questions if (path := self.picture(question))]
        image_hashes = sorted(hashlib.sha256(path.read_bytes()).hexdigest() for path in paths)
        grades = {qid: sorted((page_id(page), grade) for page, grade in self.qrels[qid].items()) for qid in self.qrels}
        parts = [questions, image_hashes, sorted(grades.items()), sorted(self.documents)]
        boxes = [(qid, sorted(pages.items())) for qid, pages in sorted(self.gold_boxes.items())]
        canonical = json.dumps([*parts, boxes] if boxes else parts, sort_keys=True)
        return hashlib.sha256(canonical.encode()).hexdigest()

    def groups_of(self, question: Question) -> dict[str, tuple[str, ...]]:
        """Return breakdown -> values: the question's own, its answer's format, its kind, its number of pages."""
        groups = {name: tuple(values) for name, values in question.groups.items() if values}
        if question.answer_format:
            groups["answer"] = (question.answer_format,)
        if self.images:
            words = "words" if question.text else ""
            groups["query"] = (" and ".join(filter(None, ["a picture" if question.image else "", words])),)
        count = len(self.relevant(question.qid))
        groups["pages"] = ("no page" if not count else "1 page" if count == 1 else "2+ pages",)
        return groups


def page_id(page: PageRef) -> str:
    """Return `report.pdf#12`, the identifier of a page in qrels and run files."""
    return f"{page.path}#{page.number}"


def parse_page_id(text: str) -> PageRef:
    """Parse `report.pdf#12` (or `report.pdf#p12`). Raises ValueError that says what was expected."""
    name, mark, number = text.rpartition("#")
    digits = number.removeprefix("p")
    if not mark or not name or not digits.isascii() or not digits.isdecimal() or int(digits) < 1:
        raise ValueError(f"expected a page like 'report.pdf#12', found {text!r}")
    return PageRef(name, int(digits))
