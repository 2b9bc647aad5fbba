"""How many pages hold each term: right after every commit, on SQLite and on PostgreSQL."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest
from sqlalchemy import select

from pagelens.index.catalog import document_frequencies
from pagelens.index.catalog import tables as t
from pagelens.index.catalog.databases import hold, make_catalog, open_for_reading
from pagelens.index.catalog.migrating import revision_of
from pagelens.index.layout import CatalogRecord, Layout, ServerRecord, create, load
from pagelens.index.lexical.bm25 import Lengths, place_of_pair, place_of_term, read_terms, round_length
from pagelens.index.lexical.tantivy_index import analyze, pairs
from pagelens.index.reader import CollectionReader
from pagelens.index.writer import CollectionWriter
from tests.index.fixtures import TEXT, new_pages, write

FRUIT = ["apple one apple", "banana apple", "cherry three of them"]
TREES = ["apple tree", "oak tree oak"]


@pytest.fixture
def root(tmp_path: Path, database: CatalogRecord | None) -> Path:
    make_catalog(database)
    server = ServerRecord("", "counts", grace=0)
    create(Layout(tmp_path / "c"), profile="test", lanes=[TEXT], server=server, catalog=database)
    return tmp_path / "c"


def path_of(root: Path, name: str) -> str:
    path = root.parent / name
    path.write_text("stands for a file that exists")
    return str(path)


def agree(root: Path, texts: Iterable[str]) -> None:
    """What is counted is what these pages hold."""
    expected, lengths, count = Counter[int](), Counter[str](), 0
    for text in texts:
        terms = analyze(text)
        expected.update({*map(place_of_term, terms), *map(place_of_pair, pairs(terms))})
        lengths.update(terms=len(terms), pairs=len(pairs(terms)))
        count += 1
    engine = open_for_reading(Layout(root), load(Layout(root)))
    with engine.connect() as connection:
        totals = document_frequencies.read_totals(connection)
        found = {row.place: row.pages for row in connection.execute(select(t.terms)) if row.pages}
        assert found == expected
        assert totals is not None and totals.pages == count
        assert totals.lengths == Lengths(lengths["terms"], lengths["pairs"])
        assert document_frequencies.faults(connection) == []
    engine.dispose()


def test_pages_that_come_and_go_are_counted(root: Path) -> None:
    write(root, new_pages(path_of(root, "a.pdf"), FRUIT))
    agree(root, FRUIT)
    write(root, new_pages(path_of(root, "b.pdf"), TREES))
    agree(root, FRUIT + TREES)
    write(root, new_pages(path_of(root, "a.pdf"), TREES[:1]))  # takes the place of fruit
    agree(root, TREES + TREES[:1])
    with CollectionWriter(root) as writer:
        writer.forget_paths([str(root.parent / "b.pdf"), str(root.parent / "a.pdf")])
    agree(root, [])


def test_pages_of_half_read_documents_count_until_their_document_is_given_up(root: Path) -> None:
    write(root, new_pages(path_of(root, "a.pdf"), FRUIT, until=2))
    agree(root, FRUIT[:2])
    (root.parent / "a.pdf").unlink()
    write(root)
    agree(root, [])


def test_a_reader_counts_as_of_its_own_commit(root: Path) -> None:
    write(root, new_pages(path_of(root, "a.pdf"), FRUIT))
    reader = CollectionReader(root)
    with reader.snapshot() as before:
        write(root, new_pages(path_of(root, "b.pdf"), TREES))
        late = before.words.idf(["appl", "tree"])
    with reader.snapshot() as after:
        now = after.words.idf(["appl", "tree"])
    reader.close()
    assert late["tree"] > now["tree"] > now["appl"]
    assert late["appl"] == pytest.approx(0.4700, abs=1e-4)  # ln(1 + 1.5 / 2.5): 2 of 3 pages


def test_nothing_is_counted_where_the_words_lie_in_the_folder(tmp_path: Path, database: CatalogRecord | None) -> None:
    make_catalog(database)
    create(Layout(tmp_path / "c"), profile="test", lanes=[TEXT], catalog=database)
    write(tmp_path / "c", new_pages(path_of(tmp_path / "c", "a.pdf"), FRUIT))
    with hold(Layout(tmp_path / "c"), load(Layout(tmp_path / "c"))) as engine, engine.begin() as connection:
        assert connection.execute(select(t.terms)).all() == []
        assert document_frequencies.read_totals(connection) is None


def test_a_catalog_of_the_revision_before_is_read_as_it_is_and_gets_the_tables_from_a_writer(tmp_path: Path) -> None:
    root = tmp_path / "c"
    create(Layout(root), profile="test", lanes=[TEXT])
    write(root, new_pages(path_of(root, "a.pdf"), FRUIT))
    with hold(Layout(root), load(Layout(root))) as engine, engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE terms")
        connection.exec_driver_sql("DROP TABLE term_totals")
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")
    with CollectionReader(root).snapshot() as snapshot:
        assert len(snapshot.words.search(["appl"], 5)) == 2
    write(root, new_pages(path_of(root, "b.pdf"), TREES))
    engine = open_for_reading(Layout(root), load(Layout(root)))
    with engine.connect() as connection:
        assert revision_of(connection) == "0002"
    engine.dispose()


def test_a_page_holds_its_terms_and_its_pairs_of_different_neighbours() -> None:
    page = read_terms("Apples and apples, ripe")
    assert page.lengths == Lengths(3, 1)
    assert page.counts == {
        place_of_term("appl"): 2,
        place_of_term("ripe"): 1,
        place_of_pair("appl_ripe"): 1,
    }
    assert place_of_term("appl") < 1 << 30
    assert 1 << 31 <= place_of_pair("appl_ripe") < (1 << 31) + (1 << 30)


@pytest.mark.parametrize(("length", "kept"), [(0, 0), (23, 23), (39, 39), (41, 40), (55, 54), (57, 56), (207, 200)])
def test_lengths_are_rounded_down_to_four_binary_places_behind_the_first_24(length: int, kept: int) -> None:
    assert round_length(length) == kept
