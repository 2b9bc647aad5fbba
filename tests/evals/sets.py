"""A small data set over real PDFs, and a run of it: made once for the tests that look at runs."""

import json
from collections.abc import Sequence
from pathlib import Path

from tests.api.files import write_pdf

HARBOUR = (
    "Port of Sandvik annual report\nThis report covers the year 2024.",
    "The northern breakwater was finished in September.\nTimber grew to 52,300 tonnes in 2024.",
    "Ships with a draught of more than 8.2 metres need a pilot.\nThree accidents were recorded.",
)
TIDES = (
    "A walk among the tide pools\nA field guide for visitors.",
    "A limpet returns to its home scar before the tide falls.\nIts rim keeps the water in.",
    "Beadlet anemones fight their neighbours with blue stinging beads.",
)
QUESTIONS: tuple[tuple[object, ...], ...] = (
    ("q1", "How much timber passed the port?", "ports/harbour.pdf", [2], "52,300 tonnes", ["text"]),
    ("q2", "Which ships need a pilot?", "ports/harbour.pdf", [3], "more than 8.2 metres", ["text"]),
    ("q3", "What does a limpet return to before the tide falls?", "tides.pdf", [2], "its home scar", ["text"]),
    ("q4", "With what do anemones fight?", "tides.pdf", [3, 1], "blue stinging beads", ["figure"]),
    ("q5", "Who was the harbour master in 1931?", "ports/harbour.pdf", [], "Not answerable", []),
)
GOLD_BOXES = {"q1": (2, (0.0, 0.0, 1.0, 0.5)), "q3": (2, (0.0, 0.9, 1.0, 1.0))}  # the words; a margin without words
DATA = Path(__file__).parents[2] / ".." / "shared" / "data"


def write_set(folder: Path, questions: Sequence[tuple[object, ...]] = QUESTIONS) -> Path:
    """Write the data set in PageLens's own form; return its folder."""
    write_pdf(folder / "documents" / "ports" / "harbour.pdf", HARBOUR)
    write_pdf(folder / "documents" / "tides.pdf", TIDES)
    rows, grades = [], []
    for qid, text, document, pages, answer, sources in questions:
        assert isinstance(pages, list)
        row = {"qid": qid, "question": text, "doc": document, "evidence": pages, "answer": answer, "sources": sources}
        rows.append(json.dumps(row | {"answerable": bool(pages), "answer_format": "Str" if pages else "None"}))
        grades += [f"{qid}\t0\t{document}#{page}\t{2 if place == 0 else 1}" for place, page in enumerate(pages)]
    (folder / "queries.jsonl").write_text("\n".join(rows) + "\n", "utf-8")
    (folder / "qrels.tsv").write_text("\n".join(grades) + "\n", "utf-8")
    posed = {qid for qid, *_ in questions}
    lines = [
        json.dumps({"qid": qid, "boxes": [{"page": page, "box": box}]}) + "\n"
        for qid, (page, box) in GOLD_BOXES.items()
        if qid in posed
    ]
    (folder / "boxes.jsonl").write_text("".join(lines), "utf-8")
    return folder
