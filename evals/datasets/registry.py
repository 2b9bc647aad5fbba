"""The data set formats that PageLens reads, one row each, and the function that opens a data set of any of them.

To add a format, write a module with a reader and a detector, and add its row to `FORMATS`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pagelens.core.errors import UsageError
from pagelens.evals.datasets import beir, captions, financebench, folder, mmlongbench, trec, vidore
from pagelens.evals.datasets.dataset import DataSet


@dataclass(frozen=True, slots=True)
class DatasetFormat:
    """A file format of data sets: how it is detected and how it is read."""

    name: str  # the value of `--format`
    detected_by: str  # the files that `detect` looks for, for messages
    detect: Callable[[Path], bool]  # whether a path holds a data set of this format
    read: Callable[[Path, Path | None], DataSet]  # the set's path; its documents' folder, None for the format's own
    writes_documents: bool = False  # texts or images come in tables, and are written as files to the documents' folder


# In the order in which they are tried: the first that detects a data set reads it.
FORMATS = (
    DatasetFormat(
        name="pagelens",
        detected_by="queries.jsonl (PageLens)",
        detect=folder.is_folder_dataset,
        read=lambda path, _documents: folder.read_folder(path),  # dataset.json says where the documents are
    ),
    DatasetFormat(
        name="captions", detected_by="a captions file", detect=captions.is_captions, read=captions.read_captions
    ),
    DatasetFormat(
        name="beir",
        detected_by="corpus.jsonl (BEIR)",
        detect=beir.is_beir,
        read=beir.read_beir,
        writes_documents=True,
    ),
    DatasetFormat(
        name="mmlongbench",
        detected_by="samples.json (MMLongBench-Doc)",
        detect=mmlongbench.is_mmlongbench,
        read=mmlongbench.read_mmlongbench,
    ),
    DatasetFormat(
        name="financebench",
        detected_by=f"{financebench.FILE} (FinanceBench)",
        detect=financebench.is_financebench,
        read=financebench.read_financebench,
    ),
    DatasetFormat(name="trec", detected_by="topics.tsv or topics.txt (TREC)", detect=trec.is_trec, read=trec.read_trec),
    DatasetFormat(
        name="vidore",
        detected_by="parquet files (ViDoRe)",
        detect=vidore.is_vidore,
        read=vidore.read_vidore,
        writes_documents=True,
    ),
)
FORMAT_NAMES = tuple(dataset_format.name for dataset_format in FORMATS)


def open_dataset(path: Path, *, dataset_format: str | None = None, documents: Path | None = None) -> DataSet:
    """Return the data set at a path. Raises UsageError where there is none, or where its files are malformed.

    `dataset_format` is one of `FORMAT_NAMES`; it is detected if left out. `documents` is the folder of the set's
    documents, or the folder to write them to for formats whose texts and images come in tables.
    """
    data = find_format(path, dataset_format).read(path, documents)
    folder.refuse_faulty_questions(data, path)
    return data


def find_format(path: Path, name: str | None = None) -> DatasetFormat:
    """Return the format of that name, or the detected format of the data set at a path. Raises UsageError."""
    if not path.exists():
        raise UsageError(f"expected a data set at {path}, found nothing")
    matches = (row for row in FORMATS if (row.detect(path) if name is None else row.name == name))
    match = next(matches, None)
    if match is not None:
        return match
    if name is not None:
        raise UsageError(f"expected a format among {', '.join(FORMAT_NAMES)}, found {name!r}")
    known = ", ".join(row.detected_by for row in FORMATS)
    raise UsageError(f"expected a data set in {path}: one of {known}; found none of them. Name the format: --format")
