"""Joining tables of metadata with files: by path, by name, and what is reported of the rest."""

import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import pagelens
from pagelens.api.engine.arranged_results import MAX_FACET_VALUES, Arrangement
from pagelens.api.engine.metadata_loading import load_table
from pagelens.api.engine.results import MetadataReport
from pagelens.core.errors import UsageError
from pagelens.core.metadata_fields import Field, Record
from pagelens.core.types import Filters
from pagelens.ingest.metadata_table import MetadataTable, TableRow

PATHS = ["/shop/a.png", "/shop/old/a.png", "/shop/b.JPG", "/shop/Café.png", "/shop/c.zip / d.png", "/shop/e.png"]


def load(*names: str, paths: Sequence[str] = PATHS, **options: Any) -> tuple[dict[str, Any], MetadataReport]:
    rows = [TableRow(number, {"file": name, "n": number}) for number, name in enumerate(names, start=1)]
    table = MetadataTable(Path("/shop/table.csv"), ["file", "n"], rows)
    _, records, report = load_table(table, paths, {}, {}, **options)
    return {path: record["n"] for path, record in records.items()}, report


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("/shop/old/a.png", "/shop/old/a.png"),
        ("old/a.png", "/shop/old/a.png"),
        ("./old/../a.png", "/shop/a.png"),
        ("a.png", "/shop/a.png"),  # beside the table
        ("shop\\e.png", "/shop/e.png"),
        ("b.jpg", "/shop/b.JPG"),
        ("b", "/shop/b.JPG"),
        ("B", "/shop/b.JPG"),
        ("OLD/A", "/shop/old/a.png"),
        (unicodedata.normalize("NFD", "Café.png"), "/shop/Café.png"),
        ("CAFE.PNG", "/shop/Café.png"),
        ("c.zip/d.png", "/shop/c.zip / d.png"),
        ("d.png", "/shop/c.zip / d.png"),
    ],
)
def test_a_row_finds_its_file(name: str, path: str) -> None:
    assert load(name)[0] == {path: 1}


def test_what_is_not_joined_is_reported_and_the_rest_is_loaded() -> None:
    paths = [*PATHS, "/shop/x/f.png", "/shop/y/f.png"]
    values, report = load("e.png", "gone.png", "f.png", "b.jpg", "/shop/b.JPG", "ng", paths=paths)
    assert values == {"/shop/e.png": 1}
    assert [(row.row, row.name) for row in report.unknown] == [(2, "gone.png"), (6, "ng")]
    assert [(row.row, row.name) for row in report.ambiguous] == [(3, "f.png"), (4, "b.jpg"), (5, "/shop/b.JPG")]
    assert "/shop/x/f.png, /shop/y/f.png" in report.ambiguous[0].reason
    assert "rows 4, 5 name the same file" in report.ambiguous[1].reason
    assert report.without_row == [path for path in paths if path != "/shop/e.png"]


def test_a_later_table_changes_its_own_columns_and_an_empty_cell_removes_a_value() -> None:
    table = MetadataTable(Path("/shop/t.csv"), ["file", "Price"], [TableRow(1, {"file": "e.png"})])
    fields = {"price": Field("number"), "colour": Field("text", searched=True)}
    stored: dict[str, Record] = {"/shop/e.png": {"price": 5, "colour": "red"}}
    found, records, _ = load_table(table, PATHS, fields, stored)
    assert records == {"/shop/e.png": {"colour": "red"}}
    assert found == {"colour": Field("text", searched=True), "price": Field("number")}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"key": "sku"}, "expected a column 'sku' that names the files, found file, n"),
        ({"types": {"size": "number"}}, "found 'size'"),
        ({"searched": ["title"]}, "found 'title'"),
        ({"types": {"n": "date"}}, "expected a date"),
    ],
)
def test_options_that_do_not_fit_the_table_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        load("e.png", **({"types": {"n": "date"}} if "types" in options and "n" in options["types"] else options))


def test_two_products_with_one_picture_are_found_each_by_its_own_row(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        Image.new("RGB", (40, 40), "teal").save(tmp_path / name)
    table = tmp_path / "t.csv"
    table.write_text("file,colour,price\na.png,red,5\nb.png,blue,50\n")
    with pagelens.open(tmp_path / "collection", create=True, profile="builtin") as engine:
        engine.index([tmp_path], workers=0, excluded=[table])
        engine.load_metadata(table)
        for colour, name in (("red", "a.png"), ("blue", "b.png")):
            [hit] = engine.search(filters=Filters(metadata={"colour": colour})).hits
            assert (Path(hit.ref.path).name, hit.fields["colour"]) == (name, colour)
        results = engine.search(arrangement=Arrangement(group_by="colour", sort="-price", facets=["colour"]))
        assert [(group.value, group.files) for group in results.groups] == [("blue", 1), ("red", 1)]
        assert [Path(hit.ref.path).name for hit in results.hits] == ["b.png", "a.png"]
        with pytest.raises(UsageError, match=r"among .*colour, .*price.*found 'weight'"):
            engine.search(arrangement=Arrangement(sort="weight"))
        table.write_text("file,price\na.png,cheap\n")
        with pytest.raises(UsageError, match="its type in this collection"):
            engine.load_metadata(table)
        engine.remove("a.png")
        assert {facet.files for facet in engine.facets()} == {0}  # gone with both its paths; the types are kept


def test_so_many_pages_are_arranged_and_so_many_values_counted() -> None:
    assert (Arrangement(sort="price").depth, Arrangement(group_by="category").depth) == (200, 2_000)
    assert MAX_FACET_VALUES == 100
    assert not Arrangement(facets=["price"])  # by relevance
