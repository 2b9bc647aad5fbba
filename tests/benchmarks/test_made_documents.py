"""Made documents: the same values for a seed, all of them drawn, and read back without a model."""

from collections import Counter
from pathlib import Path

import pytest

from benchmarks.extraction import ReadExample, without_model
from benchmarks.made_documents.drawing import FONTS, draw
from benchmarks.made_documents.making import made_cards_and_forms, made_documents
from benchmarks.made_documents.values import MadeDocument
from pagelens.evals.measures.extracted_values import count_values
from pagelens.generate.extraction.field_values import is_iban
from pagelens.ingest.readers.pdf.pdf_reader import open_document

needs_fonts = pytest.mark.skipif(
    not all((FONTS / name).is_dir() for name in ("liberation", "dejavu", "lato")),
    reason="needs the Debian packages fonts-liberation, fonts-dejavu and fonts-lato",
)


def test_there_are_sixty_of_six_layouts_and_their_values_are_those_of_the_seed() -> None:
    first, again, other = made_documents(0), made_documents(0), made_documents(1)
    assert len(first) == 60 and [one.values for one in first] == [one.values for one in again]
    assert [one.values for one in first] != [one.values for one in other]
    assert Counter(one.layout for one in first) == dict.fromkeys("ABCDEF", 10)
    assert {one.language for one in first} == {"en", "de", "fr", "es"} and any(one.scanned for one in first)
    assert all(is_iban(one.values["iban"]) for one in first if one.values.get("iban"))
    for one in first:
        if one.schema == "invoice":
            rows = sum(row["amount"] for row in one.values["line_items"])
            assert one.values["subtotal"] == pytest.approx(rows) and one.values["total"] > rows


def read(document: MadeDocument, folder: Path) -> ReadExample:
    path = folder / f"{document.name}.pdf"
    path.write_bytes(draw(document))
    with open_document(path, sha256="", size=0) as opened:
        texts = [page.text for page in opened.pages(1)]
    return ReadExample({"document": path.name, "schema": document.schema, "values": document.values}, texts)


@needs_fonts
def test_what_is_drawn_is_read_back_without_a_model(tmp_path: Path) -> None:
    documents = [
        one for one in made_documents(3, "C") if not one.scanned and len(one.values.get("line_items", ())) < 40
    ]
    documents += [one for one in made_cards_and_forms(3, "C") if one.schema == "business_card"]
    schemas = set()
    for document in documents:
        if document.schema == "bank_statement" and len(document.values["transactions"]) > 50:
            continue
        example = read(document, tmp_path)
        counts = count_values(without_model(example), document.values)
        assert (counts.wrong, counts.invented, counts.missed) == (0, 0, 0), document.name
        assert counts.rows_right == counts.rows_expected == counts.rows_found, document.name
        schemas.add(document.schema)
    assert schemas == {"invoice", "receipt", "bank_statement", "business_card"}


@needs_fonts
def test_a_scan_has_no_words(tmp_path: Path) -> None:
    scanned = next(one for one in made_documents(0, "B") if one.scanned)
    assert all(not len(text.spans) for text in read(scanned, tmp_path).texts)
