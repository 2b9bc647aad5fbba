"""BEIR's format (Thakur et al., 2021): corpus.jsonl, queries.jsonl, qrels/<split>.tsv with a header line.

PageLens reads PDFs and photos, so each text becomes a PDF of one page, as tall as needed (`text_pages`). The grade of a
text is the grade of its first page; a text that needs more pages has no grades for them, so score such a set per
document: `doc.nDCG@10`. Published sets have grades of texts that their corpus lacks: those are left out and counted.
"""

from pathlib import Path
from typing import Any

from pagelens.core.errors import UsageError
from pagelens.core.types import PageRef
from pagelens.evals.datasets.dataset import DataSet, Question
from pagelens.evals.datasets.left_out import LeftOut
from pagelens.evals.datasets.line_reader import Faults, read_json_lines, read_lines, text_of, whole_number
from pagelens.evals.datasets.text_pages import document_file_name, letters_without_glyph, write_text_pages


def is_beir(path: Path) -> bool:
    """Return whether a folder holds a BEIR set."""
    return (path / "corpus.jsonl").exists()


def read_beir(folder: Path, documents: Path | None = None, *, split: str = "test") -> DataSet:
    """Return a BEIR set and write its texts as PDFs to `documents`, by default FOLDER/documents.

    Raises UsageError that lists the malformed lines.
    """
    documents = documents or folder / "documents"
    faults, left_out = Faults(), LeftOut()
    questions = _read_questions(folder / "queries.jsonl", faults)
    texts = _read_texts(folder / "corpus.jsonl", faults)
    grades = _read_grades(
        folder / "qrels" / f"{split}.tsv", set(texts), {question.qid for question in questions}, faults, left_out
    )
    faults.raise_any()
    names = {identity: document_file_name(identity) for identity in texts}
    write_text_pages({names[identity]: text for identity, text in texts.items()}, documents)
    qrels = {
        qid: {PageRef(names[document], 1): grade for document, grade in page_grades.items()}
        for qid, page_grades in grades.items()
    }
    left_out.letters = letters_without_glyph(part for text in texts.values() for part in text)
    return DataSet(
        name=folder.resolve().name,
        folder=documents.resolve(),
        documents=sorted(names.values()),
        questions=left_out.graded(questions, qrels, folder),  # other splits have their own
        qrels=qrels,
        notices=left_out.notices(),
    )


def _read_questions(path: Path, faults: Faults) -> list[Question]:
    texts: dict[str, str] = {}
    for number, row in read_json_lines(path, faults):
        qid, text = text_of(row, "_id"), text_of(row, "text")
        if not (qid and text):
            faults.add(path, number, "texts under '_id' and 'text'", row)
        elif texts.setdefault(qid, text) != text:
            faults.add(path, number, "an _id that no line above has", qid)
    return [Question(qid, text) for qid, text in texts.items()]


def _read_texts(path: Path, faults: Faults) -> dict[str, tuple[str, str]]:
    """Return id -> (title, text); both may be empty or null."""
    texts: dict[str, tuple[str, str]] = {}
    for number, row in read_json_lines(path, faults):
        identity = text_of(row, "_id")
        title, text = _text(row.get("title")), _text(row.get("text"))
        if not identity or "text" not in row or title is None or text is None:
            faults.add(path, number, "'_id' and 'text'", row)
        elif texts.setdefault(identity, (title, text)) != (title, text):
            faults.add(path, number, "an _id that no line above has", identity)
    return texts


def _text(value: Any) -> str | None:
    """Return a text, '' for null, None for what is no text."""
    if value is None:
        return ""
    return str(value).strip() if isinstance(value, str | int | float) else None


def _read_grades(
    path: Path, texts: set[str], qids: set[str], faults: Faults, left_out: LeftOut
) -> dict[str, dict[str, int]]:
    if not path.exists():
        splits = ", ".join(split.stem for split in sorted(path.parent.glob("*.tsv"))) or "none"
        raise UsageError(f"expected grades at {path}, found the splits: {splits}")
    grades: dict[str, dict[str, int]] = {}
    for number, line in read_lines(path):
        parts = [part.strip() for part in line.split("\t")]
        if number == 1 and parts[-1] == "score":
            continue
        grade = whole_number(parts[-1])
        if len(parts) != 3 or grade is None:
            faults.add(path, number, "query-id, corpus-id and a whole score (1 or 1.0), separated by tabs", line)
        elif left_out.keeps(question=parts[0] in qids, document=parts[1] in texts, identity=parts[1]):
            grades.setdefault(parts[0], {})[parts[1]] = grade
    return grades
