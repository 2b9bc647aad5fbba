"""TREC run files: `qid Q0 FILE#PAGE rank score tag`, separated by tabs.

Rankings are read by score, ties by rank. In the files written here, scores decrease strictly with the rank, even in
single precision: if the engine ranks a page above one with a better score (because the query names it), the lower
page's score is reduced to just below the score above it.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np

from pagelens.core.types import PageRef
from pagelens.evals.datasets.dataset import page_id, parse_page_id
from pagelens.evals.datasets.line_reader import Faults, read_lines

Id = TypeVar("Id")


def strictly_decreasing(scores: Sequence[float]) -> list[float]:
    """Return strictly decreasing single-precision scores: each the given one, or just below its predecessor."""
    result: list[float] = []
    ceiling = np.float32(np.inf)
    for score in scores:
        value = min(np.float32(score), np.nextafter(ceiling, np.float32(-np.inf)))
        result.append(float(value))
        ceiling = value
    return result


def write_run(path: Path, rankings: Mapping[str, tuple[Sequence[PageRef], Sequence[float]]], tag: str) -> None:
    """Write a run; `rankings` maps a question to its pages, best first, and their scores."""
    rows = []
    for qid, (pages, scores) in rankings.items():
        for rank, (page, score) in enumerate(zip(pages, strictly_decreasing(scores), strict=True), start=1):
            rows.append(f"{qid}\tQ0\t{page_id(page)}\t{rank}\t{score!r}\t{tag}\n")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(rows), "utf-8")


def read_run(path: Path) -> dict[str, list[PageRef]]:
    """Return each question's pages, best first: by score, ties by rank, repeated pages left out.

    Raises UsageError that lists the malformed lines.
    """
    return {qid: list(dict.fromkeys(page for page, _ in rows)) for qid, rows in read_rows(path, parse_page_id).items()}


def read_rows(path: Path, parse: Callable[[str], Id]) -> dict[str, list[tuple[Id, float]]]:
    """Return each question's ids with their scores, best first; `parse` reads an id and may raise ValueError.

    Raises UsageError that lists the malformed lines.
    """
    faults = Faults("the run")
    rows: dict[str, list[tuple[float, int, Id]]] = defaultdict(list)
    for number, line in read_lines(path):
        parts = line.split("\t") if line.count("\t") >= 5 else line.split()
        try:
            qid, _, *name, rank, score, _ = parts
            value = float(score)
            if not math.isfinite(value):
                raise ValueError(score)
            rows[qid].append((-value, int(rank), parse(" ".join(name))))
        except ValueError:
            faults.add(path, number, "qid, Q0, FILE#PAGE, rank, score and tag, separated by tabs", line)
    faults.raise_any()
    return {
        qid: [(identifier, -value) for value, _, identifier in sorted(found, key=lambda row: row[:2])]
        for qid, found in rows.items()
    }
