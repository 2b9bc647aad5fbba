"""Values of many documents in one file: JSON lines, CSV or Parquet. Can be interrupted and goes on where it stopped.

Each document is one line of JSON, written and flushed when it is done; of CSV and Parquet these lines are kept beside
the file (`values.csv.jsonl`) and made into the table at the end. A document is read again where its bytes or the
schema have changed.
"""

import csv
import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from pagelens.api.engine.results import FailedFile
from pagelens.core.errors import GenerationError, PageLensError, UsageError
from pagelens.core.types import Extraction
from pagelens.generate.llm.chat import SINGLE_REQUEST_ERRORS
from pagelens.index.catalog.reads import DocumentRow

SUFFIXES = (".jsonl", ".csv", ".parquet")
Extract = Callable[[DocumentRow], Extraction]


@dataclass(slots=True)
class BatchReport:
    """What became of the documents."""

    extracted: int = 0
    kept: int = 0  # read by an earlier run
    failed: list[FailedFile] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)  # that were written


class BatchFile:
    """The lines of a batch, for one schema."""

    def __init__(self, target: Path, schema: object) -> None:
        """Raises UsageError for a name that says no known format."""
        if target.suffix.lower() not in SUFFIXES:
            raise UsageError(f"expected a file named {', '.join(SUFFIXES)}, found {target.name}")
        self.target = target
        is_lines = target.suffix.lower() == ".jsonl"
        self.lines = target if is_lines else target.with_name(target.name + ".jsonl")
        self.schema = hashlib.sha256(json.dumps(schema, sort_keys=True).encode()).hexdigest()[:16]

    def read(self) -> dict[str, dict[str, Any]]:
        """Return the lines of this schema by the SHA-256 of their documents. A torn last line is left out."""
        return {line["sha256"]: line for line in _read_lines(self.lines) if line.get("schema") == self.schema}

    def left(self, rows: Sequence[DocumentRow]) -> list[DocumentRow]:
        """Return the documents that are not read yet."""
        done = self.read()
        return [row for row in rows if row.document.sha256 not in done]

    def fill(
        self, rows: Sequence[DocumentRow], extract: Extract, on_document: Callable[[DocumentRow], None]
    ) -> BatchReport:
        """Read the documents that are left, one line each, and write the table. Errors of one document are reported."""
        done = self.read()
        report = BatchReport(kept=sum(row.document.sha256 in done for row in rows))
        self._write([*done.values()])  # without lines of another schema, and without a torn one
        with self.lines.open("a", encoding="utf-8") as file:
            for row in self.left(rows):
                on_document(row)
                try:
                    line = self._line(row, extract(row))
                except PageLensError as exc:
                    if isinstance(exc, GenerationError) and exc.code not in SINGLE_REQUEST_ERRORS:
                        raise
                    report.failed.append(FailedFile(row.path, getattr(exc, "code", "failed"), str(exc)))
                    continue
                file.write(json.dumps(line, ensure_ascii=False) + "\n")
                file.flush()
                os.fsync(file.fileno())
                report.extracted += 1
        wanted = {row.document.sha256 for row in rows}
        lines = [line for sha256, line in self.read().items() if sha256 in wanted]
        report.files = write_table(lines, self.target) if self.target != self.lines else [self.target]
        return report

    def _line(self, row: DocumentRow, extraction: Extraction) -> dict[str, Any]:
        return {
            "document": row.path,
            "sha256": row.document.sha256,
            "schema": self.schema,
            "data": extraction.data,
            "pages": {pointer: cited.ref.number for pointer, cited in extraction.citations.items()},
            "unconfirmed": [at for at, cited in extraction.citations.items() if cited.state == "unconfirmed"],
            "conflicts": [conflict.pointer for conflict in extraction.conflicts],
        }

    def _write(self, lines: Iterable[Mapping[str, Any]]) -> None:
        """Write the lines anew, all at once. Raises UsageError where the file cannot be written."""
        temporary = self.lines.with_name(self.lines.name + ".new")
        try:
            with temporary.open("w", encoding="utf-8") as file:
                file.writelines(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
            temporary.replace(self.lines)
        except OSError as exc:
            raise UsageError(f"expected to write {self.lines}, found: {exc}. Choose another file.") from exc


def _read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the lines of a batch. Raises UsageError for a file that is something else."""
    if not path.exists():
        return
    texts = path.read_text(encoding="utf-8", errors="replace").split("\n")
    for number, text in enumerate(texts, start=1):
        if not text:
            continue
        try:
            line = json.loads(text)
            assert isinstance(line, dict) and "sha256" in line
        except (ValueError, AssertionError) as exc:
            if number == len(texts):  # torn: it has no end of line
                return
            raise UsageError(
                f"expected values of `pagelens extract` in {path}, found line {number}: {text[:60]}"
            ) from exc
        yield line


def write_table(lines: Sequence[Mapping[str, Any]], target: Path) -> list[Path]:
    """Write one row a document, and a file beside it for each list of rows, one row each; return the files."""
    names = dict.fromkeys(name for line in lines for name in _object(line["data"]))
    lists = [name for name in names if any(isinstance(_object(line["data"]).get(name), list) for line in lines)]
    single = [
        {"document": line["document"]}
        | {name: _cell(_object(line["data"]).get(name)) for name in names if name not in lists}
        | {"unconfirmed": " ".join(line["unconfirmed"])}
        for line in lines
    ]
    files = [target]
    _write_rows(single, target)
    for name in lists:
        rows = [
            {"document": line["document"], "row": at} | {key: _cell(value) for key, value in _object(row).items()}
            for line in lines
            for at, row in enumerate(_object(line["data"]).get(name) or (), start=1)
        ]
        files.append(target.with_name(f"{target.stem}.{name}{target.suffix}"))
        _write_rows(rows, files[-1])
    return files


def _object(data: object) -> Mapping[str, Any]:
    return data if isinstance(data, Mapping) else {"value": data}


def _cell(value: object) -> object:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, Mapping | list) else value


def _write_rows(rows: Sequence[Mapping[str, object]], target: Path) -> None:
    names = list(dict.fromkeys(name for row in rows for name in row))
    if target.suffix.lower() == ".csv":
        with target.open("w", encoding="utf-8-sig", newline="") as file:  # the mark tells spreadsheets the encoding
            writer = csv.DictWriter(file, names)
            writer.writeheader()
            writer.writerows({name: _safe(value) for name, value in row.items()} for row in rows)
        return
    try:
        arrow, parquet = import_module("pyarrow"), import_module("pyarrow.parquet")  # heavy and optional
    except ImportError as exc:
        raise UsageError(
            "expected pyarrow to write Parquet, found it missing: pip install 'pagelens[parquet]'"
        ) from exc
    columns = {name: _column([row.get(name) for row in rows]) for name in names}
    parquet.write_table(arrow.table(columns), target)


def _safe(value: object) -> object:
    """Return a cell that spreadsheets do not take for a formula."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value


def _column(values: Sequence[object]) -> list[object]:
    """Return values of one type: numbers, or else texts."""
    given = [value for value in values if value is not None]
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in given):
        return [float(value) if isinstance(value, int | float) else None for value in values]
    if all(isinstance(value, bool) for value in given):
        return list(values)
    return [None if value is None else str(value) for value in values]
