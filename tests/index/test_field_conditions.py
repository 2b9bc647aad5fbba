"""Conditions on metadata fields: ranges, periods, lists and what is refused."""

from typing import Any

import pytest

from pagelens.core.errors import UsageError
from pagelens.core.metadata_fields import Field, FieldType
from pagelens.core.types import Document, Filters
from pagelens.index.catalog.reads import DocumentRow
from pagelens.index.selection import select_pages


def row(*records: dict[str, Any], own: dict[str, Any] | None = None, key: int = 1) -> DocumentRow:
    document = Document(sha256=str(key) * 64, kind="photo", title="a", page_count=1, size=1, metadata=own or {})
    return DocumentRow(key, document, tuple(f"{n}.png" for n in range(max(1, len(records)))), records)


def holds(value: Any, kind: FieldType, condition: str | list[str]) -> bool:
    selection = select_pages([row({"x": value})], Filters(metadata={"X": condition}), {"x": Field(kind)})
    return selection is not None and selection.has(1)


@pytest.mark.parametrize(
    ("value", "kind", "condition", "expected"),
    [
        (10, "number", "10..50", True),
        (50.0, "number", "10..50", True),
        (50.01, "number", "10..50", False),
        (-3, "number", "-5..-1", True),
        (0.7, "number", ".5..1", True),
        (3, "number", "..3", True),
        (3, "number", "4..", False),
        (3, "number", ">3", False),
        (3, "number", ">=3", True),
        (3, "number", "<3", False),
        (3, "number", "<= 3", True),
        (3, "number", "3.0", True),
        (3, "number", "!=3", False),
        (3, "number", "!=4", True),
        (3, "number", [">1", "<4"], True),
        (3, "number", [">1", "<3"], False),
        (10, "number", "9..100", True),  # as numbers, not as texts
        ("2021-06-30", "date", "2021", True),
        ("2021-06-30", "date", "..2021-06", True),
        ("2021-06-30T23:00:00", "date", "..2021-06-30", True),
        ("2021-06-30", "date", ">2021-06", False),
        ("2021-07-01", "date", ">2021-06", True),
        ("2021-07-01", "date", "<2021-07", False),
        ("Crème", "text", "creme", True),
        ("[x]", "text", "[x]", True),
        ("a..b", "text", "a..b", True),
        (["red", "dark blue"], "list", "RED", True),
        (["red", "dark blue"], "list", "dark*", True),
        (["red", "dark blue"], "list", "blue", False),
        (["red", "dark blue"], "list", "!=red", False),
    ],
)
def test_values_are_compared_by_their_type(
    value: Any, kind: FieldType, condition: str | list[str], expected: bool
) -> None:
    assert holds(value, kind, condition) is expected


@pytest.mark.parametrize(
    ("kind", "condition", "message"),
    [
        ("number", "cheap..50", "expected a number in the range of 'x', found 'cheap'"),
        ("number", ">=", "expected a number"),
        ("date", "<soon", "expected a date"),
        ("number", "50..10", "the lower end"),
        ("text", "10..50", "--metadata-type x=number"),
        ("list", ">2", "a list field"),
    ],
)
def test_a_range_that_cannot_be_is_refused_though_no_document_has_the_field(
    kind: FieldType, condition: str, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        select_pages([row(key=2)], Filters(metadata={"x": condition}), {"x": Field(kind)})


def test_a_documents_own_metadata_have_ranges_without_a_table() -> None:
    rows = [row(own={"iso": 100}), row(own={"iso": 800}, key=2), row(own={"camera": "Kestrel"}, key=3)]
    selection = select_pages(rows, Filters(metadata={"iso": ">=400"}))
    assert selection is not None
    assert [one.key for one in rows if selection.has(one.key)] == [2]


def test_the_conditions_must_hold_in_one_row_of_the_table() -> None:
    """Two products with the same picture are one document with two paths."""
    twins = row({"colour": "red", "price": 5}, {"colour": "blue", "price": 50})
    fields: dict[str, Field] = {"colour": Field("text"), "price": Field("number")}

    def matches(colour: str, price: str) -> bool:
        selection = select_pages([twins], Filters(metadata={"colour": colour, "price": price}), fields)
        return selection is not None and selection.has(1)

    assert matches("red", "<10")
    assert matches("blue", ">10")
    assert not matches("red", ">10")
