"""PageLens's own folder format, read and written (docs/evals.md describes it).

documents/        the documents that the questions are about
queries.jsonl     a question a line; query images are files below the folder
qrels.tsv         question, 0, FILE#PAGE, grade; may be left out where the questions carry `doc` and `evidence`
boxes.jsonl       optional: where the evidence lies on its pages (`pagelens.evals.datasets.gold_boxes`)
dataset.json      optional: {"name": ..., "documents": another folder, "files": the names of those that belong,
                   "notices": what is reported with its figures}
"""

import json
import os
import re
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from pagelens.core.errors import UsageError
from pagelens.core.types import PageRef
from pagelens.evals.datasets.dataset import DataSet, Qrels, Question, page_id, parse_page_id
from pagelens.evals.datasets.gold_boxes import read_gold_boxes, write_gold_boxes
from pagelens.evals.datasets.line_reader import Faults, read_json, read_json_lines, read_lines, whole_number

_CONTROLS = re.compile("[\x00-\x1f\x7f\x85\u2028\u2029\ud800-\udfff]")
GROUPS = ("doc_type", "dataset", "language", "question_type")  # fields that become a breakdown of that name


def is_folder_dataset(path: Path) -> bool:
    """Return whether a folder holds a data set in this format: BEIR's sets have a queries.jsonl, too."""
    return (path / "queries.jsonl").exists() and not (path / "corpus.jsonl").exists()


def read_folder(folder: Path) -> DataSet:
    """Return the data set in a folder. Raises UsageError that lists every malformed line."""
    about = read_json(folder / "dataset.json") if (folder / "dataset.json").exists() else {}
    if not isinstance(about, dict):
        raise UsageError(f"{folder / 'dataset.json'}: expected a JSON object, found {type(about).__name__}")
    documents = folder / str(about.get("documents", "documents"))
    names = _listed(about, documents, folder) or document_names(documents)
    faults = Faults()
    questions, evidence = read_questions(folder / "queries.jsonl", set(names), faults, images=folder)
    qrels: Qrels = evidence
    if (folder / "qrels.tsv").exists():
        qrels = read_qrels(folder / "qrels.tsv", {question.qid for question in questions}, set(names), faults)
    gold_boxes = read_gold_boxes(folder, questions, faults)
    faults.raise_any()
    if not questions:
        raise UsageError(f"expected at least one question in {folder / 'queries.jsonl'}, found none")
    name = str(about.get("name") or folder.resolve().name)
    images = folder.resolve() if any(question.image for question in questions) else None
    return DataSet(
        name=name,
        folder=documents.resolve(),
        documents=names,
        questions=questions,
        qrels=qrels,
        images=images,
        gold_boxes=gold_boxes,
        notices=tuple(map(str, about.get("notices", ()))),
    )


def write_folder(data: DataSet, folder: Path, *, link: bool = True) -> None:
    """Write a data set and copy its query images. Documents are not copied: with `link`, dataset.json says where
    they are."""
    folder.mkdir(parents=True, exist_ok=True)
    _copy_pictures(data, folder)
    write_questions(data, folder / "queries.jsonl")
    write_qrels(data.qrels, folder / "qrels.tsv")
    write_gold_boxes(data, folder)
    about: dict[str, Any] = {"name": data.name}
    if link:
        about["documents"] = os.path.relpath(data.folder, folder.resolve())
        about["files"] = list(data.documents)
    if data.notices:
        about["notices"] = list(data.notices)
    (folder / "dataset.json").write_text(json.dumps(about, ensure_ascii=False, indent=2) + "\n", "utf-8")


def write_questions(data: DataSet, path: Path) -> None:
    """Write queries.jsonl."""
    rows = [json.dumps(question_row(question, data), ensure_ascii=False) + "\n" for question in data.questions]
    path.write_text("".join(rows), "utf-8")


def refuse_faulty_questions(data: DataSet, path: Path) -> None:
    """Raise UsageError for questions that queries.jsonl cannot hold: a run of them could not be read back."""
    faults, names = Faults(), set(data.documents)
    earlier: dict[str, Question] = {}
    for question in data.questions:
        problem = _problem(question_row(question, data), earlier, names)
        if problem:
            faults.add(path, 0, *problem)
        earlier[question.qid] = question
    faults.raise_any()


def question_row(question: Question, data: DataSet) -> dict[str, Any]:
    """Return a question as the object of its line in queries.jsonl."""
    row: dict[str, Any] = {"qid": question.qid, "question": question.text}
    row |= {"image": question.image} if question.image else {}
    if question.documents:
        single = len(question.documents) == 1
        row["doc" if single else "docs"] = question.documents[0] if single else list(question.documents)
        row["evidence"] = [page.number for page in data.relevant(question.qid) if page.path == question.documents[0]]
    if question.answers:
        row["answer"] = question.answers[0] if len(question.answers) == 1 else list(question.answers)
    row |= {"answer_format": question.answer_format} if question.answer_format else {}
    row["answerable"] = question.answerable
    for name, values in question.groups.items():
        row["sources" if name == "source" else name] = list(values) if name == "source" else values[0]
    return row


def document_names(folder: Path) -> list[str]:
    """Return the relative paths of the files below a folder, with forward slashes, without hidden files."""
    if not folder.is_dir():
        raise UsageError(f"expected a folder of documents at {folder}, found none")
    paths = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return sorted(path.as_posix() for path in paths if not any(part.startswith(".") for part in path.parts))


def _listed(about: Mapping[str, Any], documents: Path, folder: Path) -> list[str]:
    """Return the files that dataset.json lists, all of which must exist; an empty list if it lists none."""
    files = about.get("files") or []
    if not isinstance(files, list) or not all(isinstance(name, str) for name in files):
        raise UsageError(f"{folder / 'dataset.json'}: expected a list of file names under 'files', found {files!r}")
    missing = [name for name in files if not (documents / name).is_file()]
    if missing:
        raise UsageError(f"expected {missing[0]!r} below {documents}, as dataset.json lists it, found none")
    return sorted(files)


def read_qrels(path: Path, qids: set[str], names: set[str], faults: Faults) -> dict[str, dict[PageRef, int]]:
    """Read graded pages: `qid 0 FILE#PAGE grade` (TREC) or `qid FILE#PAGE grade`, separated by tabs or blanks."""
    grades: dict[str, dict[PageRef, int]] = {}
    for number, line in read_lines(path):
        parts = line.split("\t") if "\t" in line else line.split()
        grade = whole_number(parts[-1])
        if len(parts) not in (3, 4) or grade is None:
            faults.add(path, number, "question, 0, FILE#PAGE and a whole grade, separated by tabs", line)
            continue
        qid, text = parts[0].strip(), parts[-2].strip()
        try:
            page = parse_page_id(text)
        except ValueError:
            faults.add(path, number, "a page like FILE#12, counted from 1", text)
            continue
        if qid not in qids:
            faults.add(path, number, "the qid of a line of queries.jsonl", qid)
        elif page.path not in names:
            faults.add(path, number, "a page of a file below the documents folder", text)
        elif grades.setdefault(qid, {}).setdefault(page, grade) != grade:
            faults.add(path, number, f"the grade {grades[qid][page]} that a line above gave this page", str(grade))
    return grades


def write_qrels(qrels: Qrels, path: Path) -> None:
    """Write graded pages as TREC lines, separated by tabs."""
    rows = [f"{qid}\t0\t{page_id(page)}\t{grade}\n" for qid, pages in qrels.items() for page, grade in pages.items()]
    path.write_text("".join(rows), "utf-8")


def read_questions(
    path: Path, names: set[str], faults: Faults, *, images: Path | None = None
) -> tuple[list[Question], dict[str, dict[PageRef, int]]]:
    """Return the questions of queries.jsonl, and the pages listed in their `evidence` with grade 1.

    Query images must exist in the folder `images`; if it is not given, that is not checked.
    """
    questions: dict[str, Question] = {}
    evidence: dict[str, dict[PageRef, int]] = {}
    for number, row in read_json_lines(path, faults):
        problem = _problem(row, questions, names) or _picture_problem(row, images)
        if problem:
            faults.add(path, number, *problem)
            continue
        question = _question(row)
        questions[question.qid] = question
        if question.documents and row.get("evidence"):
            evidence[question.qid] = {PageRef(question.documents[0], page): 1 for page in row["evidence"]}
    return list(questions.values()), evidence


def _problem(row: Mapping[str, Any], earlier: Mapping[str, Question], names: set[str]) -> tuple[str, object] | None:
    """Return (expected, found) for a malformed line of queries.jsonl, None for a correct one."""
    for field in ("qid",) if row.get("image") else ("qid", "question"):
        if not isinstance(row.get(field), str) or not row[field].strip():
            return f"a text under {field!r}", row.get(field, f"the fields {', '.join(row) or 'none'}")
    if row["qid"] in earlier:
        return "a qid that no line above has", row["qid"]
    if row["qid"] != row["qid"].strip() or _CONTROLS.search(row["qid"]):
        return "a qid without tabs, line breaks and other controls, and without blanks at its ends", row["qid"]
    if not isinstance(row.get("answerable", True), bool):
        return "true or false under 'answerable'", row["answerable"]
    documents = _documents(row)
    unknown_files = [name for name in documents if name not in names]
    if unknown_files:
        return "a file below the documents folder under 'doc'", unknown_files[0]
    pages = row.get("evidence") or []
    if not isinstance(pages, list) or any(type(page) is not int or page < 1 for page in pages):
        return "a list of page numbers from 1 under 'evidence'", pages
    if pages and len(documents) != 1:
        return "one 'doc' beside 'evidence'", documents
    if not isinstance(row.get("sources") or [], list):
        return "a list of texts under 'sources'", row["sources"]
    return None


def _picture_problem(row: Mapping[str, Any], images: Path | None) -> tuple[str, object] | None:
    """Return (expected, found) for a faulty image of a line. An image outside the folder is refused, links resolved:
    a data set from elsewhere must not be able to send other files of this machine to a model."""
    image = row.get("image")
    if image in (None, ""):
        return None
    if not isinstance(image, str) or not isinstance(row.get("question", ""), str):
        return "a path under 'image', and a text or nothing under 'question'", image
    name = PurePosixPath(image)
    inside = not name.is_absolute() and ".." not in name.parts
    if inside and images is not None:
        path = (images / name).resolve()
        inside = path.is_relative_to(images.resolve()) and path.is_file()
    return None if inside else ("a picture below the folder of queries.jsonl under 'image'", image)


def _copy_pictures(data: DataSet, folder: Path) -> None:
    for question in data.questions:
        source, target = data.picture(question), folder / question.image
        if source and source.resolve() != target.resolve():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)


def _question(row: Mapping[str, Any]) -> Question:
    groups = {"source": tuple(map(str, row.get("sources") or ()))}
    groups |= {name: (str(row[name]),) for name in GROUPS if row.get(name)}
    return Question(
        qid=row["qid"],
        text=row.get("question", "").strip(),
        documents=tuple(_documents(row)),
        answers=tuple(_texts(row.get("answer", row.get("answers")))),
        answer_format=str(row.get("answer_format") or ""),
        answerable=row.get("answerable", True),
        groups={name: values for name, values in groups.items() if values},
        image=row.get("image") or "",
    )


def _documents(row: Mapping[str, Any]) -> list[str]:
    return list(_texts(row.get("docs") or row.get("doc")))


def _texts(value: object) -> Iterable[str]:
    if value is None:
        return []
    return [str(item) for item in value] if isinstance(value, list) else [str(value)]
