"""TREC's format: topics, qrels, and a folder of documents named by the qrels' ids (`FILE`, or `FILE#PAGE`).

Topics are `qid<TAB>text` lines, or the classic `<top> <num> Number: 301 <title> ... </top>` text.
"""

import re
from pathlib import Path

from pagelens.core.errors import UsageError
from pagelens.core.types import PageRef
from pagelens.evals.datasets.dataset import DataSet, Question, parse_page_id
from pagelens.evals.datasets.folder import document_names
from pagelens.evals.datasets.left_out import LeftOut
from pagelens.evals.datasets.line_reader import Faults, read_lines, whole_number

TOPICS = ("topics.tsv", "topics.txt", "queries.tsv")
_GRADE_LINE = re.compile(r"(\S+)\s+\S+\s+(\S.*?)\s+(\S+)")
_TOP = re.compile(r"<top>(.*?)</top>", re.DOTALL | re.IGNORECASE)
_NUM = re.compile(r"<num>\s*(?:Number:)?\s*(\S+)", re.IGNORECASE)
_TITLE = re.compile(r"<title>\s*(?:Topic:)?\s*(.*?)\s*(?=<|$)", re.DOTALL | re.IGNORECASE)


def is_trec(path: Path) -> bool:
    """Return whether a folder holds a topics file."""
    return any((path / name).exists() for name in TOPICS)


def read_trec(folder: Path, documents: Path | None = None) -> DataSet:
    """Return the set in a folder with topics, qrels.txt and documents/. Raises UsageError for malformed lines."""
    documents = documents or folder / "documents"
    faults, left_out = Faults(), LeftOut()
    topics = next((path for name in TOPICS if (path := folder / name).exists()), None)
    if topics is None:
        raise UsageError(f"expected one of {', '.join(TOPICS)} in {folder}, found none")
    questions = _read_topics(topics, faults)
    names = document_names(documents)
    stems = {name.rpartition(".")[0]: name for name in names} | {name: name for name in names}
    qids = {question.qid for question in questions}
    qrels: dict[str, dict[PageRef, int]] = {}
    path = next((path for path in (folder / "qrels.txt", folder / "qrels.tsv") if path.exists()), folder / "qrels.txt")
    for number, line in read_lines(path):
        qid, name, grade = _grade(line)
        if grade is None:
            faults.add(path, number, "topic, 0, document and a whole grade (1 or 1.0)", line)
            continue
        page = _page(name, stems)
        if left_out.keeps(question=qid in qids, document=page is not None, identity=name) and page:
            qrels.setdefault(qid, {})[page] = grade
    faults.raise_any()
    return DataSet(
        name=folder.resolve().name,
        folder=documents.resolve(),
        documents=names,
        questions=left_out.graded(questions, qrels, folder),
        qrels=qrels,
        notices=left_out.notices(),
    )


def _grade(line: str) -> tuple[str, str, int | None]:
    """Return topic, document and grade of a line separated by tabs or blanks; without a grade if it is malformed.

    Topics and documents may have blanks in lines with tabs; in others the document may.
    """
    if line.count("\t") >= 3:
        parts = line.split("\t")
        return (parts[0].strip(), parts[2].strip(), whole_number(parts[3]) if len(parts) == 4 else None)
    match = _GRADE_LINE.fullmatch(line.strip())
    return (match[1], match[2], whole_number(match[3])) if match else ("", "", None)


def _page(text: str, stems: dict[str, str]) -> PageRef | None:
    if text in stems:
        return PageRef(stems[text], 1)
    try:
        page = parse_page_id(text)
    except ValueError:
        return None
    return PageRef(stems[page.path], page.number) if page.path in stems else None


def _read_topics(path: Path, faults: Faults) -> list[Question]:
    lines = list(read_lines(path))
    text = "\n".join(line for _, line in lines)
    if "<top>" in text.lower():
        matches = [(_NUM.search(part), _TITLE.search(part)) for part in _TOP.findall(text)]
        for number, title in matches:
            if not (number and title and title[1].strip()):
                faults.add(
                    path, 0, "<num> and <title> in every <top>", number[1] if number else "a topic without <num>"
                )
        return [Question(number[1], " ".join(title[1].split())) for number, title in matches if number and title]
    questions = []
    for line_number, line in lines:
        qid, tab, words = line.partition("\t")
        if tab and qid.strip() and words.strip():
            questions.append(Question(qid.strip(), words.strip()))
        else:
            faults.add(path, line_number, "a topic's number, a tab and its words", line)
    return questions
