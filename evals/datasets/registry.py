"""Opens a data set of any form that PageLens reads, by what lies in its folder."""

from collections.abc import Callable
from pathlib import Path

from pagelens.core.errors import UsageError
from pagelens.evals.datasets import trec
from pagelens.evals.datasets.beir import read_beir
from pagelens.evals.datasets.captions import captions_file, read_captions
from pagelens.evals.datasets.dataset import DataSet
from pagelens.evals.datasets.financebench import FILE, read_financebench
from pagelens.evals.datasets.folder import read_folder
from pagelens.evals.datasets.mmlongbench import read_mmlongbench
from pagelens.evals.datasets.trec import read_trec
from pagelens.evals.datasets.vidore import holds_parquet, read_vidore

Read = Callable[[Path, Path], DataSet]
"""From the set's folder, and the folder where documents are or are to be written."""

FORMATS = ("pagelens", "beir", "trec", "mmlongbench", "financebench", "vidore", "captions")


def open_dataset(path: Path, *, form: str | None = None, documents: Path | None = None) -> DataSet:
    """Return a data set. `form` is one of `FORMATS`, found out where left out; `documents` where its files are, or,
    for texts and pictures that come in tables, where they are to be written."""
    if not path.exists():
        raise UsageError(f"expected a data set at {path}, found nothing")
    form = form or recognise(path)
    if form == "pagelens":
        return read_folder(path)
    if form == "captions":
        return read_captions(path, documents)
    readers: dict[str, tuple[Read, str]] = {
        "beir": (read_beir, "documents"),
        "trec": (read_trec, "documents"),
        "mmlongbench": (read_mmlongbench, "documents"),
        "financebench": (read_financebench, "pdfs"),
        "vidore": (read_vidore, "documents"),
    }
    if form not in readers:
        raise UsageError(f"expected a format among {', '.join(FORMATS)}, found {form!r}")
    read, folder = readers[form]
    return read(path, documents or path / folder)


def recognise(path: Path) -> str:
    """Return the form of the data set at a path. Raises UsageError with what each form is known by."""
    marks = {
        "captions": path.is_file() or captions_file(path) is not None,
        "beir": (path / "corpus.jsonl").exists(),
        "mmlongbench": (path / "samples.json").exists(),
        "financebench": (path / FILE).exists() or (path / "data" / FILE).exists(),
        "trec": any((path / name).exists() for name in trec.TOPICS),
        "pagelens": (path / "queries.jsonl").exists(),
        "vidore": path.is_dir() and holds_parquet(path),
    }
    # Our own folder may hold a dataset.json, as Karpathy's captions do; questions decide.
    if marks["pagelens"] and not marks["beir"]:
        return "pagelens"
    found = next((form for form, there in marks.items() if there), None)
    if found is None:
        raise UsageError(
            f"expected a data set in {path}: queries.jsonl (PageLens), corpus.jsonl (BEIR), samples.json "
            f"(MMLongBench-Doc), {FILE}, topics.tsv or topics.txt (TREC), parquet files (ViDoRe), or a captions file; "
            "found none of them"
        )
    return found
