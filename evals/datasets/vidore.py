"""ViDoRe in parquet files: v1 has one table of pairs; v2 and v3 have the tables corpus, queries and qrels.

Needs pyarrow. Each page image becomes a photo, a document of one page, named by document and page number if the corpus
has them. Column names have - in v2 and _ in v3. MTEB-style image retrieval sets (`id`, `text`, `image`) have the same
three tables.
"""

from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from pagelens.core.errors import UsageError
from pagelens.core.types import PageRef
from pagelens.evals.datasets.dataset import DataSet, Question
from pagelens.evals.datasets.left_out import LeftOut
from pagelens.evals.datasets.line_reader import text_of, whole_number
from pagelens.evals.datasets.text_pages import document_file_name

Row = dict[str, Any]


def is_vidore(path: Path) -> bool:
    """Return whether there are parquet files below a folder."""
    return path.is_dir() and next(path.rglob("*.parquet"), None) is not None


def read_vidore(folder: Path, documents: Path | None = None, *, language: str = "") -> DataSet:
    """Return the set whose parquet files are in a folder; write its images to `documents`, by default FOLDER/documents.

    `language` selects the questions of one language ("english"), if the set has that column.
    """
    documents = documents or folder / "documents"
    tables = {name: _files(folder, name) for name in ("corpus", "queries", "qrels")}
    if all(tables.values()):
        return _read_tables(folder, documents, tables, language)
    if not any(tables.values()):
        return _read_pairs(folder, documents)
    missing = ", ".join(name for name, files in tables.items() if not files)
    raise UsageError(f"expected the tables corpus, queries and qrels in {folder}, found no {missing}")


def _read_tables(folder: Path, documents: Path, tables: Mapping[str, list[Path]], language: str) -> DataSet:
    names = {}
    for row in _rows(tables["corpus"]):
        identity = _field(row, "corpus-id", "corpus_id", "id", "_id")
        name = _picture_name(row, identity)
        names[identity] = name
        _write_picture(documents / name, row)
    questions = []
    for row in _rows(tables["queries"]):
        spoken = text_of(row, "language")
        if not language or not spoken or spoken.lower() == language.lower():
            questions.append(_question(row, _field(row, "query-id", "query_id", "id", "_id")))
    qids, left_out = {question.qid for question in questions}, LeftOut()
    qrels: dict[str, dict[PageRef, int]] = {}
    for row in _rows(tables["qrels"]):
        qid, identity = _field(row, "query-id", "query_id"), _field(row, "corpus-id", "corpus_id")
        grade = whole_number(text_of(row, "score") or "1")
        if grade is None:
            raise UsageError(f"{tables['qrels'][0]}: expected a whole score (1 or 1.0), found {row['score']!r}")
        if left_out.keeps(question=qid in qids, document=identity in names, identity=identity):
            qrels.setdefault(qid, {})[PageRef(names[identity], 1)] = grade
    return DataSet(
        name=folder.resolve().name,
        folder=documents.resolve(),
        documents=sorted(names.values()),
        questions=questions,
        qrels=qrels,
        notices=left_out.notices(),
    )


def _read_pairs(folder: Path, documents: Path) -> DataSet:
    """Read v1: a row holds an image and possibly a question that it answers; images repeat."""
    files = sorted(folder.rglob("*.parquet"))
    if not files:
        raise UsageError(f"expected parquet files below {folder}, found none")
    names: dict[str, str] = {}
    questions, qrels = [], {}
    for number, row in enumerate(_rows(files)):
        identity = text_of(row, "image_filename", "page", "docId") or f"row {number}"
        name = names.setdefault(identity, _file(identity, row))
        _write_picture(documents / name, row)
        if text_of(row, "query"):
            question = _question(row, text_of(row, "questionId") or f"q{number:05d}")
            questions.append(question)
            qrels[question.qid] = {PageRef(name, 1): 1}
    return DataSet(
        name=folder.resolve().name,
        folder=documents.resolve(),
        documents=sorted(names.values()),
        questions=questions,
        qrels=qrels,
    )


def _files(folder: Path, table: str) -> list[Path]:
    files = sorted([*folder.glob(f"{table}/**/*.parquet"), *folder.glob(f"{table}*.parquet")])
    return files or sorted(folder.glob(f"data/{table}*.parquet"))


def _rows(files: list[Path]) -> Iterator[Row]:
    try:
        parquet = import_module("pyarrow.parquet")  # heavy, optional, and only this reader needs it
    except ImportError as exc:
        raise UsageError("expected pyarrow, which reads parquet, found none. Run: pip install pyarrow") from exc
    for file in files:
        try:
            for batch in parquet.ParquetFile(file).iter_batches(batch_size=16):  # pictures are large
                yield from batch.to_pylist()
        except (OSError, ValueError) as exc:  # pyarrow.ArrowInvalid is a ValueError
            raise UsageError(f"expected a parquet file at {file}, found {exc}") from exc


def _field(row: Row, *names: str) -> str:
    value = text_of(row, *names)
    if not value:
        raise UsageError(f"expected a column {' or '.join(names)}, found {', '.join(row)}")
    return value


def _question(row: Row, qid: str) -> Question:
    answers = row.get("raw_answers") or row.get("answer") or ()
    texts = [answers] if isinstance(answers, str) else [str(answer) for answer in answers]
    kinds = row.get("query_types") or ([row["query_type"]] if row.get("query_type") else [])
    groups = {"question_type": tuple(map(str, kinds)), "language": (text_of(row, "language"),)}
    return Question(
        "-".join(qid.split()),
        _field(row, "query", "text"),
        answers=tuple(texts),
        groups={name: values for name, values in groups.items() if any(values)},
    )


def _picture_name(row: Row, identity: str) -> str:
    document, page = text_of(row, "doc-id", "doc_id"), row.get("page_number_in_doc")
    if document and page is not None:
        return _file(f"{document} {int(page):05d}", row)
    return _file(identity, row)


def _file(identity: str, row: Row) -> str:
    return document_file_name(identity).removesuffix(".pdf") + _suffix(_picture(row))


def _picture(row: Row) -> bytes:
    image = row.get("image")
    data = image.get("bytes") if isinstance(image, dict) else image
    if not isinstance(data, bytes):
        raise UsageError(f"expected a picture's bytes in the column 'image', found {type(data).__name__}")
    return data


def _suffix(data: bytes) -> str:
    if data[:3] == b"\xff\xd8\xff":
        return ".jpg"
    return ".webp" if data[8:12] == b"WEBP" else ".png"


def _write_picture(path: Path, row: Row) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        path.write_bytes(_picture(row))
