"""The set of made documents: ten of each layout, and business cards and forms beside them.

    python -m benchmarks.made_documents.making FOLDER [--seed 0]

writes `NAME.pdf` and `values.jsonl`, one line a document: a data set for `pagelens eval extract`.
"""

import argparse
import json
import random
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.made_documents.drawing import draw
from benchmarks.made_documents.values import (
    MadeDocument,
    SchemaName,
    card_values,
    form_values,
    invoice_values,
    receipt_values,
    statement_values,
)
from benchmarks.made_documents.words import LANGUAGES, LAYOUTS, Language

LONG = (30, 60, 95, 130, 170, 390)  # lines of the long invoice of each layout: 2 to 9 pages
MOVEMENTS = (40, 75, 110, 150, 190, 60)  # transactions of the long statement

Values = Callable[[random.Random, MadeDocument], None]


def made_documents(seed: int = 0, layouts: str = LAYOUTS) -> list[MadeDocument]:
    """Return sixty documents, with their values, not drawn yet: ten of each layout."""
    documents = []
    for layout in layouts:
        at = LAYOUTS.index(layout)
        languages = LANGUAGES[at % 4 :] + LANGUAGES[: at % 4]
        short = partial(_invoice, lines=2 + at)
        documents += [_make(seed, "invoice", language, layout, False, short) for language in LANGUAGES]
        plan: list[tuple[SchemaName, Language, bool, Values]] = [
            ("invoice", languages[0], False, partial(_invoice, lines=LONG[at])),
            ("invoice", languages[1], True, partial(_invoice, lines=3)),
            ("receipt", languages[2], False, receipt_values),
            ("receipt", languages[3], True, receipt_values),
            ("bank_statement", languages[1], at % 2 == 1, partial(_statement, lines=12)),
            ("bank_statement", languages[3], False, partial(_statement, lines=MOVEMENTS[at])),
        ]
        documents += [
            _make(seed, schema, language, layout, scanned, values) for schema, language, scanned, values in plan
        ]
    return documents


def made_cards_and_forms(seed: int = 0, layouts: str = LAYOUTS) -> list[MadeDocument]:
    """Return four business cards of each layout, one in each language, and a form of each."""
    cards = [
        _make(seed, "business_card", language, layout, False, card_values)
        for layout in layouts
        for language in LANGUAGES
    ]
    return cards + [_make(seed, "form", "en", layout, False, form_values) for layout in layouts]


def _make(seed: int, schema: SchemaName, language: Language, layout: str, scanned: bool, fill: Values) -> MadeDocument:
    lines = fill.keywords["lines"] if isinstance(fill, partial) else 0
    name = f"{schema}-{layout}-{language}-{lines}{'-scan' if scanned else ''}"
    document = MadeDocument(name=name, schema=schema, language=language, layout=layout, scanned=scanned, values={})
    fill(random.Random(f"{seed} {name}"), document)
    return document


def _invoice(rng: random.Random, document: MadeDocument, lines: int) -> None:
    invoice_values(rng, document, lines)


def _statement(rng: random.Random, document: MadeDocument, lines: int) -> None:
    statement_values(rng, document, lines)


def write(folder: Path, documents: list[MadeDocument]) -> None:
    """Draw documents into a folder, with their values."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "values.jsonl").open("w", encoding="utf-8") as lines:
        for document in documents:
            (folder / f"{document.name}.pdf").write_bytes(draw(document))
            lines.write(json.dumps(_row(document), ensure_ascii=False) + "\n")


def _row(document: MadeDocument) -> dict[str, Any]:
    return {
        "document": f"{document.name}.pdf",
        "schema": document.schema,
        "values": document.values,
        "pages": _pages(document),
        "item_pages": document.item_pages,
        "groups": {"layout": document.layout, "language": document.language, "scanned": document.scanned},
    }


def _pages(document: MadeDocument) -> dict[str, int]:
    """Return the page that each field outside lists stands on."""
    last = ["subtotal", "tax", "total", "iban"] if document.schema == "invoice" else []
    if document.schema == "bank_statement" and document.layout in "BDEF":
        last = ["closing_balance"]
    return {name: document.page_count if name in last else 1 for name in document.values}


def main() -> None:
    """Write the documents."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    write(arguments.folder, [*made_documents(arguments.seed), *made_cards_and_forms(arguments.seed)])


if __name__ == "__main__":
    main()
