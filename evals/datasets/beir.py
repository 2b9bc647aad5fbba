"""BEIR's format (Thakur et al., 2021): corpus.jsonl, queries.jsonl, qrels/<split>.tsv with a header line.

PageLens reads PDFs and photos, so each text becomes a PDF of one page, as tall as needed (`write_text_pages`), with the
text's title as the document's. The grade of a text is the grade of its first page; a text that needs more pages has no
grades for them, so score such a set per document: `doc.nDCG@10`.
"""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

import pymupdf

from pagelens.core.errors import UsageError
from pagelens.core.types import PageRef
from pagelens.evals.datasets.dataset import DataSet, Question
from pagelens.evals.datasets.line_reader import Faults, read_json_lines, read_lines, text_of

WIDTH = 595  # points, as A4
TALLEST = 14_000  # points; PDF viewers stop at 14,400
LETTERS = 92  # in a line
LINE = 13.0  # points
MARGIN = 40


def is_beir(path: Path) -> bool:
    """Return whether a folder holds a BEIR set."""
    return (path / "corpus.jsonl").exists()


def read_beir(folder: Path, documents: Path | None = None, *, split: str = "test") -> DataSet:
    """Return a BEIR set and write its texts as PDFs to `documents`, by default FOLDER/documents.

    Raises UsageError that lists the malformed lines.
    """
    documents = documents or folder / "documents"
    faults = Faults()
    questions = []
    for number, row in read_json_lines(folder / "queries.jsonl", faults):
        if text_of(row, "_id") and text_of(row, "text"):
            questions.append(Question(text_of(row, "_id"), text_of(row, "text")))
        else:
            faults.add(folder / "queries.jsonl", number, "texts under '_id' and 'text'", row)
    texts = {}
    for number, row in read_json_lines(folder / "corpus.jsonl", faults):
        if text_of(row, "_id") and "text" in row:
            texts[text_of(row, "_id")] = (text_of(row, "title"), str(row["text"]))
        else:
            faults.add(folder / "corpus.jsonl", number, "'_id' and 'text'", row)
    grades = _read_grades(
        folder / "qrels" / f"{split}.tsv", set(texts), {question.qid for question in questions}, faults
    )
    faults.raise_any()
    names = {identity: document_file_name(identity) for identity in texts}
    write_text_pages({names[identity]: text for identity, text in texts.items()}, documents)
    qrels = {
        qid: {PageRef(names[document], 1): grade for document, grade in page_grades.items()}
        for qid, page_grades in grades.items()
    }
    graded_questions = [question for question in questions if question.qid in qrels]  # other splits have their own
    return DataSet(
        name=folder.resolve().name,
        folder=documents.resolve(),
        documents=sorted(names.values()),
        questions=graded_questions,
        qrels=qrels,
    )


def document_file_name(identity: str) -> str:
    """Return a file name for a document id: the id if it is a safe name, else a safe form of it with a short hash."""
    plain = re.sub(r"[^A-Za-z0-9._-]", "_", identity)[:80]
    if plain == identity and not plain.startswith("."):
        return f"{plain}.pdf"
    return f"{plain.lstrip('.')}-{hashlib.sha256(identity.encode()).hexdigest()[:8]}.pdf"


def write_text_pages(texts: Mapping[str, tuple[str, str]], folder: Path) -> None:
    """Write (title, text) pairs as PDFs, of one page unless a text exceeds `TALLEST`; existing files are kept."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, (title, text) in texts.items():
        if not (folder / name).exists():
            _write_pdf(folder / name, title, text)


def _write_pdf(path: Path, title: str, text: str) -> None:
    lines = [line for part in (f"{title}\n\n{text}" if title else text).split("\n") for line in _folded(part)]
    capacity = int((TALLEST - 2 * MARGIN) // LINE)
    plain = _is_latin(title + text)
    font = pymupdf.Font("helv" if plain else "cjk")
    pdf = pymupdf.open()
    for start in range(0, len(lines), capacity):
        part = lines[start : start + capacity]
        page = pdf.new_page(width=WIDTH, height=max(200.0, 2 * MARGIN + LINE * (len(part) + 1)))
        writer = pymupdf.TextWriter(page.rect)
        for row, line in enumerate(part):
            if line:
                writer.append((MARGIN, MARGIN + LINE * (row + 1)), line, font=font, fontsize=9.5)
        writer.write_text(page)
    if not plain:
        pdf.subset_fonts()  # the complete font has megabytes
    pdf.set_metadata({"title": title})
    pdf.save(path, garbage=3, deflate=True, no_new_id=True)
    pdf.close()


def _is_latin(text: str) -> bool:
    """Return whether Helvetica, which every PDF viewer has, has every letter of the text."""
    try:
        text.encode("latin-1")
    except UnicodeEncodeError:
        return False
    return True


def _folded(text: str) -> list[str]:
    lines, line = [], ""
    for word in text.split():
        while len(word) > LETTERS:
            lines += [line] if line else []
            lines.append(word[:LETTERS])
            line, word = "", word[LETTERS:]
        if line and len(line) + 1 + len(word) > LETTERS:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}" if line else word
    return [*lines, line]


def _read_grades(path: Path, texts: set[str], qids: set[str], faults: Faults) -> dict[str, dict[str, int]]:
    if not path.exists():
        splits = ", ".join(split.stem for split in sorted(path.parent.glob("*.tsv"))) or "none"
        raise UsageError(f"expected grades at {path}, found the splits: {splits}")
    grades: dict[str, dict[str, int]] = {}
    for number, line in read_lines(path):
        parts = line.split("\t")
        if number == 1 and parts[-1].strip() == "score":
            continue
        if len(parts) != 3 or not parts[2].strip().lstrip("-").isdecimal():
            faults.add(path, number, "query-id, corpus-id and a whole score, separated by tabs", line)
        elif parts[0] not in qids or parts[1] not in texts:
            faults.add(path, number, "an id of queries.jsonl and one of corpus.jsonl", line)
        else:
            grades.setdefault(parts[0], {})[parts[1]] = int(parts[2])
    return grades
