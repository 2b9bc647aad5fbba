"""Items to review in both catalogs: kept once, decided beside a writer, and older catalogs migrated."""

from pathlib import Path

from pagelens.core.reviews import ReviewItem
from pagelens.core.types import Box
from pagelens.index import review_log
from pagelens.index.catalog.databases import open_for_writing
from pagelens.index.catalog.migration_runner import HEAD, revision_of
from pagelens.index.layout import CatalogRecord, Layout, load
from pagelens.index.writer import CollectionWriter
from tests.index.fixtures import make

ITEM = ReviewItem(
    kind="value",
    document="a" * 64,
    number=3,
    subject={"properties": {"total": {"type": "number"}}},
    pointer="/total",
    value=12.5,
    reason="Bäume",
    boxes=[Box(0.1, 0.2, 0.3, 0.4)],
    at="2026-11-30T10:00:00+00:00",
)


def test_an_item_is_kept_once_and_decided_while_a_writer_is_at_work(
    tmp_path: Path, database: CatalogRecord | None
) -> None:
    make(tmp_path / "c", database)
    layout = Layout(tmp_path / "c")
    with CollectionWriter(layout.root):
        assert review_log.add(layout, [ITEM]) == 1
        assert review_log.add(layout, [ITEM]) == 0
        assert list(review_log.read(layout)) == [ITEM]
        decided = review_log.decide(layout, ITEM.key, "corrected", {"amount": None})
    assert (decided.decision, decided.correction, decided.value) == ("corrected", {"amount": None}, 12.5)
    assert list(review_log.read(layout, document="a" * 64)) == [decided]
    assert list(review_log.read(layout, document="b" * 64)) == []


def test_a_catalog_of_an_older_revision_is_migrated_with_the_first_item(
    tmp_path: Path, database: CatalogRecord | None
) -> None:
    make(tmp_path / "c", database)
    layout = Layout(tmp_path / "c")
    with open_for_writing(layout, load(layout)) as engine, engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE review_items")
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0009'")
    assert list(review_log.read(layout)) == []
    assert review_log.add(layout, [ITEM]) == 1 and list(review_log.read(layout)) == [ITEM]
    with open_for_writing(layout, load(layout)) as engine, engine.connect() as connection:
        assert revision_of(connection) == HEAD
