"""The development questions and their scorer, if they are in `../shared/data` beside the repository."""

import argparse
import importlib.util
import json
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pagelens

DATA = Path(__file__).parents[1] / ".." / "shared" / "data"
SET = DATA / "mmlongbench-dev"
COLUMNS = ("R@1", "R@5", "MRR@10", "nDCG@5")

PageId = tuple[str, int]  # file name, page number from 1
Run = Mapping[str, Sequence[PageId]]  # question id -> pages, best first


@dataclass(frozen=True, slots=True)
class Question:
    """A question, the document it is about, and the pages that answer it."""

    qid: str
    text: str
    file: str
    answer: str
    answerable: bool
    evidence: tuple[int, ...]
    sources: tuple[str, ...]
    answer_format: str = ""  # Str, Int, Float, List or None


def require_data() -> None:
    """Exit with a message if the development set is missing."""
    if not SET.is_dir():
        sys.exit(f"expected the development set at {SET.resolve()}, found none: nothing measured")


@contextmanager
def indexed(description: str | None) -> Iterator[Path]:
    """Read `--collection C` from the command line; yield a collection that holds the development documents."""
    require_data()
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--collection", type=Path, help="kept and used again; a temporary one if left out")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        root = arguments.collection or Path(scratch) / "collection"
        with pagelens.open(root, create=True, profile="auto" if root.exists() else "builtin") as engine:
            engine.index(SET / "documents")
        yield root


def questions() -> list[Question]:
    """Return every development question."""
    rows = [json.loads(line) for line in (SET / "queries.jsonl").read_text("utf-8").splitlines()]
    return [
        Question(
            qid=row["qid"],
            text=row["question"],
            file=row["doc"],
            answer=row["answer"],
            answerable=row["answerable"],
            evidence=tuple(row["evidence"]),
            sources=tuple(row["sources"]),
            answer_format=row["answer_format"],
        )
        for row in rows
    ]


def scorer() -> ModuleType:
    """Return the scorer module beside the data."""
    spec = importlib.util.spec_from_file_location("score_run", DATA / "score_run.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def score_each(run: Run, *, within: bool) -> dict[str, dict[str, float]]:
    """Return the measures of a run, 0 to 1, for each question that has evidence."""
    judge: Any = scorer()
    ranked = {qid: {"ranked": list(pages)} for qid, pages in run.items()}
    found: dict[str, dict[str, float]] = judge.evaluate(judge.read_qrels(SET / "qrels.tsv"), ranked, None, within)
    return found


def score(run: Run, *, within: bool, only: set[str] | None = None) -> dict[str, float]:
    """Return the measures of a run in percent, averaged over the questions that have evidence (all, or `only`)."""
    judge: Any = scorer()
    relevant = {qid: pages for qid, pages in judge.read_qrels(SET / "qrels.tsv").items() if only is None or qid in only}
    ranked = {qid: {"ranked": list(pages)} for qid, pages in run.items()}
    rows = list(judge.evaluate(relevant, ranked, None, within).values())
    return {column: 100 * judge.mean(rows, column) for column in COLUMNS}
