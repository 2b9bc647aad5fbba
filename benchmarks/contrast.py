"""Pairs of questions over made documents: one that they answer, and its twin whose answer is absent.

    python -m benchmarks.contrast [--collection C] [--json FILE]

`data/contrast.txt` holds 20 documents (14 English, 2 each German, French, Spanish) and 100 pairs. A twin asks for a
year, an entity, a condition or a unit that is not there, or about what is not the case. A pair is right if the first
question is answered with the expected words quoted, and the twin is refused or gets closest passages only. The
documents are searched together.
"""

import argparse
import html
import json
import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pymupdf

import pagelens
from benchmarks.answer_grading import state_of
from pagelens.api.engine.engine import Engine
from pagelens.core.types import Answer

DATA = Path(__file__).with_name("data") / "contrast.txt"
PAGE = pymupdf.paper_rect("a4")
TEXT_AREA = pymupdf.Rect(60, 60, PAGE.width - 60, PAGE.height - 60)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A question with the words that answer it, and its twin."""

    file: str
    kind: str  # what the twin lacks: year, entity, condition, unit, negation
    question: str
    expected: str
    twin: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeDocument:
    """A document with its pages as lines, and the pairs about it."""

    file: str
    language: str
    title: str
    pages: Sequence[Sequence[str]]
    pairs: Sequence[Pair]


@dataclass(frozen=True, slots=True, kw_only=True)
class PairResult:
    """The answers to both questions of a pair."""

    pair: Pair
    language: str
    answer: Answer
    twin_answer: Answer

    @property
    def answered(self) -> bool:
        """Whether the first question is answered with the expected words quoted from its document."""
        quotes = [cited.quote for cited in self.answer.citations if Path(cited.ref.path).name == self.pair.file]
        return state_of(self.answer) == "answer" and _words(self.pair.expected) in " ".join(map(_words, quotes))

    @property
    def twin_declined(self) -> bool:
        """Whether the twin is refused or gets closest passages only."""
        return state_of(self.twin_answer) != "answer"

    @property
    def right(self) -> bool:
        """Whether both are right."""
        return self.answered and self.twin_declined


def _words(text: str) -> str:
    """Return a text's words between blanks, without punctuation and signs ("£7,450", "d'un mois")."""
    words = re.findall(r"[^\W_]+", text.casefold())
    return f" {' '.join(words)} "


def made_documents(text: str) -> list[MadeDocument]:
    """Parse the data file: `=== FILE | LANGUAGE | TITLE`, lines, `---` between pages, `? KIND | ... | ... | ...`."""
    documents = []
    for part in text.split("=== ")[1:]:
        head, *lines = part.strip().splitlines()
        file, language, title = (field.strip() for field in head.split("|"))
        posed = [[field.strip() for field in line[2:].split("|")] for line in lines if line.startswith("? ")]
        pairs = [
            Pair(file=file, kind=kind, question=question, expected=expected, twin=twin)
            for kind, question, expected, twin in posed
        ]
        body = "\n".join(line for line in lines if not line.startswith("? "))
        pages = [page.strip().splitlines() for page in body.split("\n---\n")]
        documents.append(MadeDocument(file=file, language=language, title=title, pages=pages, pairs=pairs))
    return documents


def write_documents(documents: Sequence[MadeDocument], folder: Path) -> None:
    """Write the documents as PDFs."""
    folder.mkdir(parents=True, exist_ok=True)
    for document in documents:
        pdf = pymupdf.open()
        for lines in document.pages:
            page = pdf.new_page(width=PAGE.width, height=PAGE.height)
            page.insert_htmlbox(TEXT_AREA, "".join(_html(lines)))
        pdf.set_metadata({"title": document.title})
        pdf.save(folder / document.file)


def _html(lines: Sequence[str]) -> Iterator[str]:
    in_table = False
    for line in lines:
        is_row = line.startswith("|")
        if is_row != in_table:
            yield '<table style="width:100%">' if is_row else "</table>"
        in_table = is_row
        text = html.escape(line.strip("|# "))
        if is_row:
            yield "<tr>" + "".join(f"<td>{cell.strip()}</td>" for cell in text.split("|")) + "</tr>"
        else:
            yield f"<h3>{text}</h3>" if line.startswith("#") else f"<p>{text}</p>"
    yield "</table>" if in_table else ""


def ask_pairs(engine: Engine, documents: Sequence[MadeDocument]) -> list[PairResult]:
    """Ask both questions of every pair."""
    return [
        PairResult(
            pair=pair,
            language=document.language,
            answer=engine.ask(pair.question),
            twin_answer=engine.ask(pair.twin),
        )
        for document in documents
        for pair in document.pairs
    ]


def _print_table(results: Sequence[PairResult]) -> None:
    print("| pairs | n | answered, expected words quoted | twin refused or closest | both |\n|---|---|---|---|---|")
    groups = {"all": list(results)}
    for result in results:
        groups.setdefault(f"twin: {result.pair.kind}", []).append(result)
        groups.setdefault(f"language: {result.language}", []).append(result)
    for name, group in sorted(groups.items()):
        counts = [sum(result.answered for result in group), sum(result.twin_declined for result in group)]
        print(f"| {name} | {len(group)} | {counts[0]} | {counts[1]} | {sum(result.right for result in group)} |")


def _print_faults(results: Sequence[PairResult]) -> None:
    for result in results:
        pair = result.pair
        if not result.answered:
            print(f"\n[{pair.kind}] {pair.question} (expected {pair.expected!r})\n  {_answer_text(result.answer)}")
        if not result.twin_declined:
            print(f"\n[{pair.kind}, twin] {pair.twin}\n  {_answer_text(result.twin_answer)}")


def _answer_text(answer: Answer) -> str:
    return f"{state_of(answer)} ({answer.confidence:.2f}): {answer.text}"


def _row(result: PairResult) -> dict[str, Any]:
    pair = result.pair
    return {
        "file": pair.file,
        "kind": pair.kind,
        "language": result.language,
        "question": pair.question,
        "answered": result.answered,
        "twin": pair.twin,
        "twin_declined": result.twin_declined,
        "said": _answer_text(result.answer),
        "twin_said": _answer_text(result.twin_answer),
    }


def main() -> None:
    """Index the documents if need be, ask, print the table and what is wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--collection", type=Path, help="kept and used again; a temporary one if left out")
    parser.add_argument("--json", type=Path, help="file for each pair's result")
    arguments = parser.parse_args()
    documents = made_documents(DATA.read_text("utf-8"))
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "documents"
        if arguments.collection:
            folder = arguments.collection.with_name(f"{arguments.collection.name}-documents")
        write_documents(documents, folder)
        root = arguments.collection or Path(scratch) / "collection"
        with pagelens.open(root, create=True, profile="builtin") as engine:
            engine.index(folder)
            results = ask_pairs(engine, documents)
    _print_table(results)
    _print_faults(results)
    if arguments.json:
        arguments.json.write_text(json.dumps(list(map(_row, results)), ensure_ascii=False, indent=1), "utf-8")


if __name__ == "__main__":
    main()
