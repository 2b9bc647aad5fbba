"""MMLongBench-Doc (Ma et al., 2024): samples.json beside documents/, evidence pages counted from 1.

Its list fields are strings in Python's notation ("[3, 5]"). Page numbers past a document's end, of which there are
some, are left out.
"""

import ast
from functools import cache
from pathlib import Path
from typing import Any

import pymupdf

from pagelens.core.errors import UsageError
from pagelens.core.types import PageRef
from pagelens.evals.datasets.dataset import DataSet, Question
from pagelens.evals.datasets.folder import document_names
from pagelens.evals.datasets.line_reader import Faults, read_json, text_of

NOT_ANSWERABLE = "Not answerable"
SOURCES = {"pure-text": "text", "plain-text": "text", "generalized-text": "layout", "layout": "layout"}


def is_mmlongbench(path: Path) -> bool:
    """Return whether a folder holds MMLongBench-Doc's samples."""
    return (path / "samples.json").exists()


def read_mmlongbench(folder: Path, documents: Path | None = None) -> DataSet:
    """Return the set in a folder; `documents` is by default FOLDER/documents.

    Raises UsageError that lists the malformed samples.
    """
    documents = documents or folder / "documents"
    path = folder / "samples.json"
    samples = read_json(path)
    if not isinstance(samples, list):
        raise UsageError(f"{path}: expected a list of samples, found {type(samples).__name__}")
    faults = Faults()
    names = document_names(documents)
    questions, qrels = [], {}
    for number, sample in enumerate(samples, start=1):
        if not isinstance(sample, dict) or not text_of(sample, "question") or text_of(sample, "doc_id") not in names:
            faults.add(path, 0, f"'question', and a file of documents/ under 'doc_id', in sample {number}", sample)
            continue
        pages = _list(sample.get("evidence_pages"))
        if any(type(page) is not int or page < 1 for page in pages):
            faults.add(path, 0, f"pages from 1 under 'evidence_pages' in sample {number}", sample["evidence_pages"])
            continue
        question = _question(f"mm{number:04d}", sample)
        questions.append(question)
        if question.answerable and pages:
            last = _page_count(documents / question.documents[0])
            qrels[question.qid] = {PageRef(question.documents[0], page): 1 for page in pages if page <= last}
    faults.raise_any()
    return DataSet(
        name="MMLongBench-Doc", folder=documents.resolve(), documents=names, questions=questions, qrels=qrels
    )


def _question(qid: str, sample: dict[str, Any]) -> Question:
    answer = text_of(sample, "answer")
    sources = tuple(dict.fromkeys(_source(str(source)) for source in _list(sample.get("evidence_sources"))))
    groups = {"source": sources, "doc_type": (text_of(sample, "doc_type"),)}
    return Question(
        qid=qid,
        text=text_of(sample, "question"),
        documents=(text_of(sample, "doc_id"),),
        answers=(answer,) if answer else (),
        answer_format=text_of(sample, "answer_format"),
        answerable=answer.casefold() != NOT_ANSWERABLE.casefold(),
        groups={name: values for name, values in groups.items() if any(values)},
    )


@cache
def _page_count(path: Path) -> int:
    try:
        with pymupdf.open(path) as document:
            return int(document.page_count)
    except pymupdf.FileDataError:  # indexing will report the file; its questions stay
        return 1_000_000


def _source(name: str) -> str:
    """Return "Pure-text (Plain-text)" as text, "Generalized-text (Layout)" as layout, Figure, Table, Chart in small."""
    first = name.partition("(")[0].strip().lower()
    return SOURCES.get(first, first)


def _list(value: object) -> list[Any]:
    if isinstance(value, str):
        try:
            value = ast.literal_eval(value)
        except (ValueError, SyntaxError):
            return [value]
    return list(value) if isinstance(value, list | tuple) else []
