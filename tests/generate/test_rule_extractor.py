"""Values without a model: labels, columns and arithmetic; null where unsure."""

from typing import Any

import pytest

from pagelens.core.errors import GenerationError
from pagelens.core.types import ContextPage, Extraction, PageRef, PageText
from pagelens.generate.extraction.rule_extractor import RuleExtractor
from pagelens.generate.extraction.shipped_schemas import SHIPPED_SCHEMAS, shipped_schema
from tests.generate.pages import place_lines

Lines = list[list[tuple[str, float]]]

HEAD: Lines = [
    [("Lindner Werkzeuge GmbH", 0.05)],
    [("Rechnung", 0.05)],
    [("Rechnung an", 0.05), ("Rechnungs-Nr.: 2025-0042", 0.6)],
    [("Annika Vogel", 0.05), ("Datum: 03.04.2025", 0.6)],
]
TABLE: Lines = [
    [("Bezeichnung", 0.05), ("Menge", 0.5), ("Einzelpreis", 0.6), ("Gesamt", 0.8)],
    [("Eichenregal", 0.05), ("2", 0.54), ("10,00", 0.66), ("20,00", 0.81)],
    [("Beratung", 0.05), ("1", 0.54), ("1.000,00", 0.63), ("1.000,00", 0.78)],
]
TOTALS: Lines = [
    [("Zwischensumme", 0.5), ("1.020,00", 0.78)],
    [("MwSt. 19%", 0.5), ("193,80", 0.8)],
    [("Gesamtbetrag", 0.5), ("1.213,80 €", 0.78)],
]


def extract(name: str, *texts: PageText) -> Extraction:
    pages = [
        ContextPage(ref=PageRef("a.pdf", number), label=None, title="", text=text)
        for number, text in enumerate(texts, 1)
    ]
    return RuleExtractor().extract(SHIPPED_SCHEMAS[name], pages)


def values(name: str, *texts: PageText) -> dict[str, Any]:
    data = extract(name, *texts).data
    assert isinstance(data, dict)
    return data


def test_an_invoice_is_read_by_its_labels_and_columns() -> None:
    found = extract("invoice", place_lines([*HEAD, *TABLE, *TOTALS]))
    assert found.data == {
        "number": "2025-0042",
        "date": "2025-04-03",
        "due_date": None,
        "order_number": None,
        "customer_number": None,
        "seller": "Lindner Werkzeuge GmbH",
        "buyer": "Annika Vogel",
        "currency": "EUR",
        "subtotal": 1020.0,
        "tax": 193.8,
        "total": 1213.8,
        "iban": None,
        "line_items": [
            {"description": "Eichenregal", "quantity": 2.0, "unit_price": 10.0, "amount": 20.0},
            {"description": "Beratung", "quantity": 1.0, "unit_price": 1000.0, "amount": 1000.0},
        ],
    }


def test_every_value_has_its_words_and_their_box() -> None:
    found = extract("invoice", place_lines([*HEAD, *TABLE, *TOTALS]))
    total = found.citations["/total"]
    assert (total.quote, total.ref, total.state) == ("1.213,80 €", PageRef("a.pdf", 1), "quoted")
    [box] = total.boxes
    assert box.x0 == pytest.approx(0.78)
    assert found.citations["/number"].quote == "2025-0042" and found.citations["/number"].boxes[0].x0 > 0.7
    assert "/due_date" in found.absent and "/due_date" not in found.citations


def test_rows_go_on_over_pages_and_a_carried_sum_is_no_row() -> None:
    carried: Lines = [[("Übertrag", 0.05), ("1.020,00", 0.78)]]
    second: Lines = [TABLE[0], [("Lieferung", 0.05), ("1", 0.54), ("5,00", 0.67), ("5,00", 0.82)]]
    found = extract("invoice", place_lines([*HEAD, *TABLE, *carried]), place_lines([*carried, *second]))
    assert isinstance(found.data, dict)
    assert [row["description"] for row in found.data["line_items"]] == ["Eichenregal", "Beratung", "Lieferung"]
    assert found.citations["/line_items/2/amount"].ref.number == 2


def test_a_description_goes_on_in_the_next_line() -> None:
    table: Lines = [*TABLE[:2], [("geölt, 80 cm", 0.05)], *TABLE[2:]]
    rows = values("invoice", place_lines([*HEAD, *table, *TOTALS]))["line_items"]
    assert [row["description"] for row in rows] == ["Eichenregal geölt, 80 cm", "Beratung"]


def test_two_totals_that_differ_are_no_total() -> None:
    other: Lines = [[("Rechnungsbetrag", 0.5), ("1.999,00", 0.78)]]
    without_parts = values("invoice", place_lines([*HEAD, TOTALS[-1], *other]))
    assert without_parts["total"] is None
    adding_up = values("invoice", place_lines([*HEAD, *TABLE, *TOTALS, *other]))
    assert adding_up["total"] == 1213.8  # that which is the sum of the others


def test_a_subtotal_that_the_rows_do_not_add_up_to_is_unsure() -> None:
    wrong: Lines = [[("Zwischensumme", 0.5), ("1.021,00", 0.78)]]
    assert values("invoice", place_lines([*HEAD, *TABLE, *wrong]))["subtotal"] is None


def test_labels_stand_above_their_values_too() -> None:
    lines: Lines = [
        [("Invoice number", 0.05), ("Issue date", 0.3), ("Customer", 0.6)],
        [("INV000042", 0.05), ("March 4, 2025", 0.3), ("Le Petit Jardin", 0.6)],
    ]
    found = values("invoice", place_lines(lines))
    assert (found["number"], found["date"], found["buyer"]) == ("INV000042", "2025-03-04", "Le Petit Jardin")


def test_a_receipt_is_read_without_a_header() -> None:
    lines: Lines = [
        [("Milk 1 l", 0.05), ("2.38", 0.8)],
        [("2 x 1.19", 0.08)],
        [("Bread", 0.05), ("3.00", 0.8)],
        [("TOTAL", 0.05), ("£5.38", 0.8)],
        [("VAT 20%", 0.05), ("0.90", 0.8)],
        [("Cash", 0.05), ("5.38", 0.8)],
        [("04/03/2025 14:05", 0.05)],
    ]
    found = values("receipt", place_lines([[("Maple Street Bakery Ltd", 0.05)], *lines]))
    assert found["line_items"] == [
        {"description": "Milk 1 l", "quantity": 2.0, "amount": 2.38},
        {"description": "Bread", "quantity": None, "amount": 3.0},
    ]
    assert (found["merchant"], found["total"], found["tax"], found["time"]) == (
        "Maple Street Bakery Ltd",
        5.38,
        0.9,
        "14:05",
    )
    assert (found["payment_method"], found["currency"], found["date"]) == ("cash", "GBP", "2025-03-04")


def test_money_that_leaves_an_account_is_negative() -> None:
    lines: Lines = [
        [("Kontoinhaber", 0.05), ("Katrin Hoffmann", 0.3)],
        [("Zeitraum", 0.05), ("01.03.2025 bis 31.03.2025", 0.3)],
        [("Alter Kontostand", 0.05), ("1.000,00", 0.81)],
        [("Datum", 0.05), ("Text", 0.25), ("Soll", 0.55), ("Haben", 0.69), ("Saldo", 0.84)],
        [("02.03.", 0.05), ("Miete", 0.25), ("850,00", 0.53), ("150,00", 0.83)],
        [("28.03.", 0.05), ("Gehalt", 0.25), ("2.000,00", 0.66), ("2.150,00", 0.81)],
        [("Neuer Kontostand", 0.05), ("2.150,00", 0.81)],
    ]
    found = values("bank_statement", place_lines(lines))
    assert found["transactions"] == [
        {"date": "2025-03-02", "description": "Miete", "amount": -850.0, "balance": 150.0},
        {"date": "2025-03-28", "description": "Gehalt", "amount": 2000.0, "balance": 2150.0},
    ]
    assert (found["opening_balance"], found["closing_balance"]) == (1000.0, 2150.0)
    assert (found["period_start"], found["period_end"]) == ("2025-03-01", "2025-03-31")


def test_a_business_card_is_read_by_the_form_of_its_lines() -> None:
    lines: Lines = [
        [("Dubois Matériaux SARL", 0.05)],
        [("Camille Fournier", 0.05)],
        [("Directrice commerciale", 0.05)],
        [("Tel. +33 4 1234567", 0.05)],
        [("Mobile +33 7 12345678", 0.05)],
        [("c.fournier@dubois.example", 0.05)],
        [("12 rue des Lilas", 0.05)],
        [("69002 Lyon", 0.05)],
    ]
    assert values("business_card", place_lines(lines)) == {
        "name": "Camille Fournier",
        "job_title": "Directrice commerciale",
        "company": "Dubois Matériaux SARL",
        "email": "c.fournier@dubois.example",
        "phone": "+33 4 1234567",
        "mobile": "+33 7 12345678",
        "website": None,
        "address": "12 rue des Lilas, 69002 Lyon",
    }


@pytest.mark.parametrize("name", ["invoice", "receipt", "bank_statement", "business_card"])
def test_of_a_page_without_any_of_it_all_is_null(name: str) -> None:
    found = extract(name, place_lines([[("Minutes of the harbour board", 0.05)], [("The pilots met in May.", 0.05)]]))
    given = {pointer: cited.quote for pointer, cited in found.citations.items()}
    assert set(given) <= {"/seller", "/merchant", "/bank"}, given
    assert extract(name, place_lines([])).citations == {}


def test_a_schema_of_ones_own_needs_a_model() -> None:
    with pytest.raises(GenerationError, match="PAGELENS_LLM_MODEL") as raised:
        RuleExtractor().extract({"properties": {"draught": {"type": "number"}}}, [])
    assert raised.value.code == "no-model"


def test_the_examples_of_the_shipped_schemas_are_valid() -> None:
    from jsonschema import Draft202012Validator

    def check(schema: Any) -> int:
        examples = schema.get("examples", [])
        for example in examples:
            Draft202012Validator(schema).validate(example)
        parts = [*schema.get("properties", {}).values(), *([schema["items"]] if "items" in schema else [])]
        return len(examples) + sum(map(check, parts))

    assert all(check(shipped_schema(name)) >= 2 for name in SHIPPED_SCHEMAS)


def test_a_fonts_own_hyphen_is_a_hyphen() -> None:
    found = values(
        "invoice",
        place_lines([[("Invoice No.", 0.05), ("2025\u20100042", 0.3)], [("Total", 0.05), ("\u201012.50", 0.3)]]),
    )
    assert (found["number"], found["total"]) == ("2025-0042", -12.5)


def test_headers_that_stand_close_are_still_two_columns() -> None:
    head: Lines = [[("Description", 0.05), ("Qty Unit price", 0.5), ("Amount", 0.8)]]
    row: Lines = [[("Oak shelf", 0.05), ("2", 0.52), ("10.00", 0.59), ("20.00", 0.81)]]
    rows = values("invoice", place_lines([*head, *row]))["line_items"]
    assert rows == [{"description": "Oak shelf", "quantity": 2.0, "unit_price": 10.0, "amount": 20.0}]


def test_a_number_without_cents_is_no_total_where_others_have_them() -> None:
    lines: Lines = [[("Subtotal", 0.5), ("5", 0.7)], [("Total", 0.5), ("5.50", 0.7)]]
    found = values("invoice", place_lines(lines))
    assert (found["subtotal"], found["total"]) == (None, 5.5)
