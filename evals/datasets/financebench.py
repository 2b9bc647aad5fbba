"""FinanceBench (Islam et al., 2023): financebench_open_source.jsonl beside pdfs/, evidence pages counted from 0."""

from pathlib import Path

from pagelens.core.errors import UsageError
from pagelens.core.types import PageRef
from pagelens.evals.datasets.dataset import DataSet, Question
from pagelens.evals.datasets.folder import document_names
from pagelens.evals.datasets.line_reader import Faults, read_json_lines, text_of

FILE = "financebench_open_source.jsonl"


def is_financebench(path: Path) -> bool:
    """Return whether a folder holds FinanceBench's questions."""
    return any(file.exists() for file in _question_files(path))


def read_financebench(folder: Path, documents: Path | None = None) -> DataSet:
    """Return the set in a folder; `documents` is by default FOLDER/pdfs.

    Questions whose document is not there are left out, since most people have only some of the documents.
    Raises UsageError that lists the malformed lines.
    """
    documents = documents or folder / "pdfs"
    path = next((file for file in _question_files(folder) if file.exists()), None)
    if path is None:
        raise UsageError(f"expected {FILE} in {folder} or its folder data, found neither")
    faults = Faults()
    names = document_names(documents)
    questions, qrels = [], {}
    for number, row in read_json_lines(path, faults):
        qid, text, document = text_of(row, "financebench_id"), text_of(row, "question"), text_of(row, "doc_name")
        if not (qid and text and document):
            faults.add(path, number, "'financebench_id', 'question' and 'doc_name'", row)
            continue
        if f"{document}.pdf" not in names:
            continue
        pages: dict[PageRef, int] = {}
        for evidence in row.get("evidence") or []:
            page = evidence.get("evidence_page_num") if isinstance(evidence, dict) else None
            if type(page) is not int or page < 0:
                faults.add(path, number, "a page from 0 under 'evidence_page_num'", evidence)
                continue
            name = text_of(evidence, "evidence_doc_name", "doc_name") or document
            pages[PageRef(f"{name}.pdf", page + 1)] = 1
        kinds = {"question_type": (text_of(row, "question_type"),), "reasoning": (text_of(row, "question_reasoning"),)}
        groups = {name: values for name, values in kinds.items() if values[0]}
        answer = text_of(row, "answer")
        questions.append(
            Question(
                qid=qid, text=text, documents=(f"{document}.pdf",), answers=(answer,) if answer else (), groups=groups
            )
        )
        if pages:
            qrels[qid] = pages
    faults.raise_any()
    return DataSet(name="FinanceBench", folder=documents.resolve(), documents=names, questions=questions, qrels=qrels)


def _question_files(folder: Path) -> tuple[Path, Path]:
    return folder / FILE, folder / "data" / FILE
