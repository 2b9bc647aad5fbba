"""Tables of metadata: what is read of CSV, JSON lines and Parquet, and which types their columns have."""

import json
from pathlib import Path
from typing import Any

import pytest

from pagelens.core.errors import UsageError
from pagelens.ingest.field_types import NUMERIC_SHARE, convert_values, type_column
from pagelens.ingest.metadata_table import read_table


def rows_of(path: Path) -> list[dict[str, Any]]:
    return [dict(row.cells) for row in read_table(path).rows]


@pytest.mark.parametrize(
    "text",
    [
        "file,price,note\na.png,3,x\nb.png,,\n",
        "sep=;\nfile;price;note\na.png;3;x\n\nb.png;;\n",
        "file\tprice\tnote\r\na.png\t3\tx\r\nb.png\t\t\r\n",
        '"file","price","note"\n"a.png","3","x"\n"b.png","",""\n',
    ],
)
def test_tables_of_any_delimiter_say_the_same(tmp_path: Path, text: str) -> None:
    for encoding in ("utf-8-sig", "utf-16"):
        (tmp_path / "t.csv").write_bytes(text.encode(encoding))
        assert rows_of(tmp_path / "t.csv") == [{"file": "a.png", "price": "3", "note": "x"}, {"file": "b.png"}]


def test_a_value_in_quotes_may_have_lines_and_delimiters(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text('file,note\na.png,"two\nlines, a comma"\n')
    assert rows_of(tmp_path / "t.csv") == [{"file": "a.png", "note": "two\nlines, a comma"}]


def test_json_lines_and_parquet_keep_numbers_and_lists(tmp_path: Path) -> None:
    pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    records = [{"file": "a.png", "price": 2.5, "tags": ["x", "y"]}, {"file": "b.png", "price": None, "tags": []}]
    (tmp_path / "t.jsonl").write_text("\n".join(map(json.dumps, records)))
    parquet.write_table(pyarrow.Table.from_pylist(records), tmp_path / "t.parquet")
    expected = [{"file": "a.png", "price": 2.5, "tags": ["x", "y"]}, {"file": "b.png"}]
    assert rows_of(tmp_path / "t.jsonl") == rows_of(tmp_path / "t.parquet") == expected


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("t.csv", "file,price,Price\na,1,2\n", "'price' twice"),
        ("t.csv", "file,note\na,one,two\n", r"found 3 in row 1 \(line 2\)"),
        ("t.csv", 'file,note\na,"never closed\n', "line 2"),
        ("t.csv", "file,a=b\nx,1\n", "Rename the column"),
        ("t.csv", "file,note\n", "at least one row"),
        ("t.csv", "", "at least one row"),
        ("t.csv", "file,note\na," + "x" * 20_001, "20,001 in row 1"),
        ("t.jsonl", '{"file": "a"}\n[1]\n', "line 2"),
        ("t.jsonl", '{"file": "a", "b": {"c": 1}}', "found dict"),
        ("t.jsonl", '{"file": "a", "b": 1e999}', "a finite number"),
        ("t.jsonl", "[" * 100_000, "line 1"),
        ("t.parquet", "no table", "expected a Parquet file"),
        ("t.xlsx", "x", "expected a table named"),
    ],
)
def test_a_table_that_cannot_be_read_says_where_and_why(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(UsageError, match=message):
        read_table(tmp_path / name)


def typed(*cells: Any, given: Any = None, known: Any = None) -> tuple[str, list[Any]]:
    column = type_column("x", list(enumerate(cells, start=1)), given=given, known=known)
    return column.type, list(column.values.values())


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["1", "2.5", "n/a"], ("number", [1, 2.5, None])),
        (["12,50", "1.234,00", "7"], ("number", [12.5, 1234.0, 7])),
        (["1,234.50", "12.5"], ("number", [1234.5, 12.5])),
        (["1,234", "5,678"], ("text", ["1,234", "5,678"])),  # thousands, or decimal commas: not known
        (["$5", "$7.25"], ("number", [5, 7.25])),
        (["$5", "€7"], ("text", ["$5", "€7"])),
        (["00123", "55"], ("text", ["00123", "55"])),
        (["4006381333931", 7], ("number", [4006381333931, 7])),
        (["2021-05", "2021-06-30", "30.06.2021"], ("date", ["2021-05", "2021-06-30", "2021-06-30"])),
        (["2024-01-01T10:00:00+02:00"], ("date", ["2024-01-01T08:00:00"])),
        (["2021", "2020"], ("number", [2021, 2020])),
        (["red|blue", "green"], ("list", [["red", "blue"], ["green"]])),
        (["red; dark blue", "green"], ("list", [["red", "dark blue"], ["green"]])),
        (
            ["Made by hand; a gift that everybody likes", "x"],
            ("text", ["Made by hand; a gift that everybody likes", "x"]),
        ),
        ([["a", "b"], "c"], ("list", [["a", "b"], ["c"]])),
        (["a", "1"], ("text", ["a", "1"])),
    ],
)
def test_types_are_inferred(cells: list[Any], expected: tuple[str, list[Any]]) -> None:
    assert typed(*cells) == expected


def test_one_cell_among_numbers_is_an_error_and_many_make_a_text() -> None:
    assert NUMERIC_SHARE == 0.8
    with pytest.raises(UsageError, match=r"8 of 10 rows, found 'abc' in row 9.*--metadata-type x=text"):
        typed(*"12345678", "abc", "def")
    assert typed(*"1234567", "abc", "def", "ghi")[0] == "text"
    assert typed(*"12345678", "abc", "def", given="text")[0] == "text"


@pytest.mark.parametrize(
    ("cell", "known", "value"),
    [("12", "text", "12"), (12, "text", "12"), ("x", "list", ["x"]), ("2020", "date", "2020"), (2020, "date", "2020")],
)
def test_a_column_takes_the_type_that_the_collection_knows(cell: Any, known: Any, value: Any) -> None:
    assert typed(cell, known=known) == (known, [value])


@pytest.mark.parametrize(("cell", "known"), [("abc", "number"), ("soon", "date"), (["a"], "text"), (["1"], "number")])
def test_values_that_contradict_the_collections_type_are_an_error(cell: Any, known: Any) -> None:
    with pytest.raises(UsageError, match=f"expected a {known} in column 'x', its type in this collection"):
        typed(cell, known=known)


def test_stored_values_take_another_type_where_they_can() -> None:
    assert convert_values("x", {"a": "12", "b": "7.5"}, "number") == {"a": 12, "b": 7.5}
    with pytest.raises(UsageError, match="also of values loaded before"):
        convert_values("x", {"a": "12", "b": "seven"}, "number")
