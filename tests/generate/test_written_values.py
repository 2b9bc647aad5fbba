"""Values are found on a page as its own notation writes them."""

import pytest

from pagelens.generate.extraction.extractor import ModelExtractor
from pagelens.generate.extraction.field_values import find_notation
from pagelens.generate.extraction.written_values import find_written
from pagelens.generate.llm.scripted import ScriptedModel
from tests.generate.pages import analyze, show

PAGE = show("Rechnung vom 12. März 2025\n\nSumme | 1.234,50 €\n\n2 850,00 | DE89 3704 0044 0532 0130 00", "r.pdf", 1)
TEXT = PAGE.text.text


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (1234.5, "1.234,50"),
        (-1234.5, "1.234,50"),
        (850, "850,00"),
        ("2025-03-12", "12. März 2025"),
        ("EUR", "€"),
        ("DE89370400440532013000", "DE89 3704 0044 0532 0130 00"),
        (1234.6, None),
        ("2025-03-13", None),
        ("USD", None),
        ("DE88370400440532013000", None),
        (True, None),
    ],
)
def test_a_value_is_found_as_its_page_writes_it(value: object, written: str | None) -> None:
    span = find_written(value, PAGE.text, find_notation([TEXT]))
    assert (None if span is None else TEXT[span[0] : span[1]]) == written


def test_a_models_values_are_confirmed_in_the_pages_notation() -> None:
    model = ScriptedModel(['{"data": {"date": "2025-03-12", "total": 1234.5, "tax": 99}, "pages": {}}'])
    schema = {"properties": {"date": {"type": "string"}, "total": {"type": "number"}, "tax": {"type": "number"}}}
    found = ModelExtractor(model, analyze).extract(schema, [PAGE])
    assert {at: cited.state for at, cited in found.citations.items()} == {
        "/date": "quoted",
        "/total": "quoted",
        "/tax": "unconfirmed",
    }
    assert found.citations["/date"].quote == "12. März 2025" and found.citations["/date"].boxes
