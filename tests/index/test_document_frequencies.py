"""Document frequencies are right after every commit, on SQLite and on PostgreSQL."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest
from sqlalchemy import select

from pagelens.index.catalog import document_frequencies
from pagelens.index.catalog import tables as t
from pagelens.index.catalog.databases import create_catalog, open_for_reading, open_for_writing
from pagelens.index.catalog.migration_runner import HEAD, revision_of
from pagelens.index.creation import create
from pagelens.index.layout import CatalogRecord, Layout, ServerRecord, load
from pagelens.index.lexical.analysis import analyze_page, bigrams
from pagelens.index.lexical.bm25 import Lengths, bigram_index, count_terms, round_length, term_index
from pagelens.index.reader import CollectionReader
from pagelens.index.writer import CollectionWriter
from tests.index.fixtures import TEXT, new_pages, search_words, write

FRUIT = ["apple one apple", "banana apple", "cherry three of them"]
TREES = ["apple tree", "oak tree oak"]


@pytest.fixture
def root(tmp_path: Path, database: CatalogRecord | None) -> Path:
    create_catalog(database)
    server = ServerRecord("", "counts", grace=0)
    create(Layout(tmp_path / "c"), profile="test", lanes=[TEXT], server=server, catalog=database)
    return tmp_path / "c"


def path_of(root: Path, name: str) -> str:
    path = root.parent / name
    path.write_text("any content")
    return str(path)


def assert_counted(root: Path, texts: Iterable[str]) -> None:
    """The stored frequencies and totals are those of pages with these texts."""
    expected, lengths, count = Counter[int](), Counter[str](), 0
    for text in texts:
        terms = analyze_page(text)
        expected.update({*map(term_index, terms), *map(bigram_index, bigrams(terms))})
        lengths.update(terms=len(terms), bigrams=len(bigrams(terms)))
        count += 1
    engine = open_for_reading(Layout(root), load(Layout(root)))
    with engine.connect() as connection:
        totals = document_frequencies.read_totals(connection)
        found = {row.term: row.pages for row in connection.execute(select(t.document_frequencies)) if row.pages}
        assert found == expected
        assert totals is not None and totals.pages == count
        assert totals.lengths == Lengths(lengths["terms"], lengths["bigrams"])
        assert document_frequencies.find_faults(connection) == []
    engine.dispose()


def test_pages_that_come_and_go_are_counted(root: Path) -> None:
    write(root, new_pages(path_of(root, "a.pdf"), FRUIT))
    assert_counted(root, FRUIT)
    write(root, new_pages(path_of(root, "b.pdf"), TREES))
    assert_counted(root, FRUIT + TREES)
    write(root, new_pages(path_of(root, "a.pdf"), TREES[:1]))  # takes the place of fruit
    assert_counted(root, TREES + TREES[:1])
    with CollectionWriter(root) as writer:
        writer.remove_paths([str(root.parent / "b.pdf"), str(root.parent / "a.pdf")])
    assert_counted(root, [])


def test_pages_of_incomplete_documents_count_until_their_document_is_removed(root: Path) -> None:
    write(root, new_pages(path_of(root, "a.pdf"), FRUIT, until=2))
    assert_counted(root, FRUIT[:2])
    (root.parent / "a.pdf").unlink()
    write(root)
    assert_counted(root, [])


def test_a_reader_uses_the_frequencies_of_its_own_commit(root: Path) -> None:
    write(root, new_pages(path_of(root, "a.pdf"), FRUIT))
    reader = CollectionReader(root)
    with reader.snapshot() as before:
        write(root, new_pages(path_of(root, "b.pdf"), TREES))
        late = before.idf(["appl", "tree"])
    with reader.snapshot() as after:
        now = after.idf(["appl", "tree"])
    reader.close()
    assert late["tree"] > now["tree"] > now["appl"]
    assert late["appl"] == pytest.approx(0.4700, abs=1e-4)  # ln(1 + 1.5 / 2.5): 2 of 3 pages


def test_nothing_is_counted_where_the_words_lane_is_in_the_folder(
    tmp_path: Path, database: CatalogRecord | None
) -> None:
    create_catalog(database)
    create(Layout(tmp_path / "c"), profile="test", lanes=[TEXT], catalog=database)
    write(tmp_path / "c", new_pages(path_of(tmp_path / "c", "a.pdf"), FRUIT))
    with open_for_writing(Layout(tmp_path / "c"), load(Layout(tmp_path / "c"))) as engine, engine.begin() as connection:
        assert connection.execute(select(t.document_frequencies)).all() == []
        assert document_frequencies.read_totals(connection) is None


def test_a_catalog_of_the_revision_before_is_read_as_it_is_and_gets_the_tables_from_a_writer(tmp_path: Path) -> None:
    root = tmp_path / "c"
    create(Layout(root), profile="test", lanes=[TEXT])
    write(root, new_pages(path_of(root, "a.pdf"), FRUIT))
    with open_for_writing(Layout(root), load(Layout(root))) as engine, engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE document_frequencies")
        connection.exec_driver_sql("DROP TABLE term_totals")
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")
    with CollectionReader(root).snapshot() as snapshot:
        assert len(search_words(snapshot, ["appl"], 5)) == 2
    write(root, new_pages(path_of(root, "b.pdf"), TREES))
    engine = open_for_reading(Layout(root), load(Layout(root)))
    with engine.connect() as connection:
        assert revision_of(connection) == HEAD
    engine.dispose()


def test_a_page_has_its_terms_and_its_bigrams_of_different_neighbours() -> None:
    page = count_terms("Apples and apples, ripe")
    assert page.lengths == Lengths(3, 1)
    assert page.counts == {
        term_index("appl"): 2,
        term_index("ripe"): 1,
        bigram_index("appl_ripe"): 1,
    }
    assert term_index("appl") < 1 << 30
    assert 1 << 31 <= bigram_index("appl_ripe") < (1 << 31) + (1 << 30)


@pytest.mark.parametrize(("length", "kept"), [(0, 0), (23, 23), (39, 39), (41, 40), (55, 54), (57, 56), (207, 200)])
def test_lengths_are_rounded_down_to_four_binary_places_behind_the_first_24(length: int, kept: int) -> None:
    assert round_length(length) == kept
