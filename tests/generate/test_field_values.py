"""Amounts and dates in the notation of their document; what is ambiguous is no value."""

import pytest

from pagelens.generate.extraction.field_values import (
    Notation,
    find_dates,
    find_notation,
    is_iban,
    parse_amount,
    parse_quantity,
    short_date,
)

COMMA, POINT, UNKNOWN = Notation(",", "dmy"), Notation(".", "mdy"), Notation()


@pytest.mark.parametrize(
    ("text", "notation", "value"),
    [
        ("1.234,50", COMMA, 1234.5),
        ("1 234,50 €", COMMA, 1234.5),
        ("1\u00a0234,50", COMMA, 1234.5),
        ("1.234", COMMA, 1234.0),
        ("1'234.50", POINT, 1234.5),
        ("$1,234.50", POINT, 1234.5),
        ("-12.00", POINT, -12.0),
        ("12,00-", COMMA, -12.0),
        ("(12.00)", POINT, -12.0),
        ("12,00 S", COMMA, -12.0),
        ("EUR 12,00", COMMA, 12.0),
        ("1.234", UNKNOWN, None),  # a thousand or one and a bit
        ("1.234.567,89", COMMA, 1234567.89),
        ("12 March", POINT, None),
        ("20%", POINT, None),
    ],
)
def test_an_amount_is_read_in_the_dialect_of_its_document(text: str, notation: Notation, value: float | None) -> None:
    assert parse_amount(text, notation) == value


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("12.03.2025", "2025-03-12"),
        ("1. März 2025", "2025-03-01"),
        ("1er mars 2025", "2025-03-01"),
        ("3 de mayo de 2025", "2025-05-03"),
        ("3 août 2025", "2025-08-03"),
        ("March 12, 2025", "2025-03-12"),
        ("12-Mar-2025", "2025-03-12"),
        ("2025-03-12", "2025-03-12"),
        ("12.03.25", "2025-03-12"),
        ("31.02.2025", None),
    ],
)
def test_a_date_is_read_in_four_languages(text: str, iso: str | None) -> None:
    assert [found for _, _, found in find_dates(f"on {text} we", COMMA)] == ([iso] if iso else [])


def test_the_order_of_a_date_is_that_of_the_document_or_none() -> None:
    def read(*texts: str) -> list[str]:
        return [iso for _, _, iso in find_dates("03/04/2025", find_notation(texts))]

    assert read("03/04/2025") == []
    assert read("03/04/2025 and 25/04/2025") == ["2025-04-03"]
    assert read("03/04/2025 and 04/25/2025") == ["2025-03-04"]
    assert read("03/04/2025", "total $12.00") == ["2025-03-04"]
    assert read("03/04/2025", "total £12.00") == ["2025-04-03"]


def test_a_date_without_a_year_has_that_of_its_statement() -> None:
    assert short_date("12.03.", Notation(",", "dmy", 2025)) == "2025-03-12"
    assert short_date("12.03.", COMMA) is None


def test_a_quantity_may_have_a_unit_behind_it() -> None:
    assert parse_quantity("3 pcs", POINT) == 3.0 and parse_quantity("2,50", COMMA) == 2.5
    assert parse_quantity("3 4", POINT) is None and parse_quantity("some", POINT) is None


def test_the_check_digits_of_an_iban_are_checked() -> None:
    assert is_iban("DE89 3704 0044 0532 0130 00")  # the example of ISO 13616
    assert not is_iban("DE88 3704 0044 0532 0130 00") and not is_iban("DE89")
