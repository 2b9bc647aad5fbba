"""Outlines of tables in the catalog: stored with a page's vectors, absent in older collections."""

import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pagelens.core.tables.outlines import TableOutline, outline_tables
from pagelens.index.catalog.tables import as_stored
from pagelens.index.creation import create
from pagelens.index.layout import Layout
from pagelens.index.reader import CollectionReader
from pagelens.index.records import DenseRows, DocumentPages
from pagelens.index.writer import CollectionWriter
from tests.generate.pages import set_page
from tests.index.fixtures import TEXT, new_pages

CARGO = "Cargo | 2023 | 2024\nTimber | 44,900 | 52,300\nGrain | 12,000 | 9,700"
PROSE = "The harbour master said that the year was a good one."


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "collection"
    create(Layout(root), profile="test", lanes=[TEXT])
    return root


def document(path: str, *, with_tables: bool = True) -> DocumentPages:
    """Return a document of a page with a table, one without, and one of which nothing is known."""
    new = new_pages(path, [CARGO.replace(" | ", " "), PROSE, f"{PROSE} {path}"])
    texts = [set_page(layout, left=1 / 17) for layout in (CARGO, PROSE, PROSE)]
    pages = [replace(page, text=text) for page, text in zip(new.pages, texts, strict=True)]
    found = {page.number: outline_tables(as_stored(page.text)) for page in pages[:2]}
    return replace(new, pages=pages, passages=[[]] * 3, vectors=no_vectors(new), tables=found if with_tables else {})


def no_vectors(new: DocumentPages) -> dict[str, DenseRows]:
    rows = new.vectors["text"]
    return {"text": replace(rows, counts=[0] * len(new.pages), vectors=np.zeros((0, 8), np.float32))}


def write(root: Path, *documents: DocumentPages) -> None:
    with CollectionWriter(root) as writer:
        for new in documents:
            writer.add(new)


def tables_of(reader: CollectionReader) -> list[Sequence[TableOutline] | None]:
    """Return the tables of all pages in order."""
    with reader.snapshot() as snapshot:
        keys = [key << 20 | number for key in snapshot.documents for number in (1, 2, 3)]
        return [page.tables for page in snapshot.pages(keys).values()]


def test_tables_are_those_of_the_words_and_boxes_that_are_read_back(root: Path) -> None:
    write(root, document("/a.pdf"))
    reader = CollectionReader(root)
    with reader.snapshot() as snapshot:
        [key] = snapshot.documents
        page = snapshot.pages([key << 20 | 1])[key << 20 | 1]
    [cargo, *others] = tables_of(reader)
    assert cargo == tuple(outline_tables(page.text)) and "Timber" in cargo[0].labels
    assert others == [(), None]


def test_a_catalog_of_an_older_revision_has_none_until_a_writer_comes(root: Path) -> None:
    write(root, document("/a.pdf"))
    with sqlite3.connect(Layout(root).catalog) as catalog:
        catalog.execute("DROP TABLE table_outlines")
        catalog.execute("UPDATE alembic_version SET version_num = '0012'")
    reader = CollectionReader(root)
    assert tables_of(reader) == [None, None, None]
    write(root, document("/b.pdf"))
    assert tables_of(reader)[:3] == [None, None, None]
    assert tables_of(reader)[3]


@pytest.mark.parametrize(
    "change",
    [
        "version = version + 1",
        "outlines = '[[1'",
        "outlines = '{}'",
        "outlines = 'null'",
        """outlines = '[["Timber"]]'""",
        """outlines = '[["Timber", "", 1, 2, "x", 4]]'""",
    ],
)
def test_outlines_of_another_version_and_damaged_ones_are_not_used(root: Path, change: str) -> None:
    write(root, document("/a.pdf"))
    with sqlite3.connect(Layout(root).catalog) as catalog:
        catalog.execute(f"UPDATE table_outlines SET {change} WHERE page % 1048576 = 1")
    assert tables_of(CollectionReader(root)) == [None, (), None]


def test_outlines_go_with_their_document(root: Path) -> None:
    write(root, document("/a.pdf"), document("/b.pdf"))
    with CollectionReader(root).snapshot() as snapshot:
        first = min(snapshot.documents)
    with CollectionWriter(root) as writer:
        writer.remove_documents([first])
    with sqlite3.connect(Layout(root).catalog) as catalog:
        assert {row[0] for row in catalog.execute("SELECT document FROM table_outlines")} == {first + 1}
