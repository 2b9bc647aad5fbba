"""Reads and writes boxes.jsonl: where the evidence of a question lies on the pages of its document.

A line is `{"qid": ..., "boxes": [{"page": 12, "box": [x0, y0, x1, y1]}, ...]}`, boxes in fractions of the page.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pagelens.core.types import Box, PageRef
from pagelens.evals.datasets.dataset import DataSet, GoldBoxes, Question
from pagelens.evals.datasets.line_reader import Faults, read_json_lines

GOLD_BOXES = "boxes.jsonl"


def read_gold_boxes(folder: Path, questions: Iterable[Question], faults: Faults) -> GoldBoxes:
    """Return the boxes of each question by page, nothing if the folder has no boxes.jsonl."""
    path = folder / GOLD_BOXES
    if not path.exists():
        return {}
    documents = {question.qid: question.documents for question in questions}
    gold: dict[str, dict[PageRef, list[Box]]] = {}
    for number, row in read_json_lines(path, faults):
        of_question = documents.get(str(row.get("qid")), ())
        entries = row.get("boxes")
        if len(of_question) != 1:
            faults.add(path, number, "the qid of a question about one document", row.get("qid"))
        elif not isinstance(entries, list) or not all(map(_is_entry, entries)):
            faults.add(path, number, "a list of pages with boxes x0 y0 x1 y1 from 0 to 1 under 'boxes'", entries)
        else:
            for entry in entries:
                page = PageRef(of_question[0], entry["page"])
                gold.setdefault(row["qid"], {}).setdefault(page, []).append(Box(*map(float, entry["box"])))
    return gold


def write_gold_boxes(data: DataSet, folder: Path) -> None:
    """Write boxes.jsonl, if any question of the set has boxes."""
    gold = {
        question.qid: data.gold_boxes[question.qid] for question in data.questions if question.qid in data.gold_boxes
    }
    if gold:
        lines = [json.dumps({"qid": qid, "boxes": _entries(pages)}) + "\n" for qid, pages in gold.items()]
        (folder / GOLD_BOXES).write_text("".join(lines), "utf-8")


def _entries(pages: Mapping[PageRef, Iterable[Box]]) -> list[dict[str, Any]]:
    return [{"page": page.number, "box": list(box)} for page, boxes in pages.items() for box in boxes]


def _is_entry(entry: object) -> bool:
    if not isinstance(entry, dict) or type(entry.get("page")) is not int or entry["page"] < 1:
        return False
    box = entry.get("box")
    if not isinstance(box, list) or len(box) != 4 or not all(isinstance(value, int | float) for value in box):
        return False
    x0, y0, x1, y1 = map(float, box)
    return 0 <= x0 <= x1 <= 1 and 0 <= y0 <= y1 <= 1
