"""Judgements in both catalogs: appended while a writer is at work, read in order, removed; older catalogs migrated."""

from pathlib import Path

from pagelens.core.judgements import Judgement
from pagelens.index import judgement_log
from pagelens.index.catalog.databases import open_for_writing
from pagelens.index.catalog.migration_runner import HEAD, revision_of
from pagelens.index.layout import CatalogRecord, Layout, load
from pagelens.index.reader import CollectionReader
from pagelens.index.writer import CollectionWriter
from tests.index.fixtures import make, new_pages, write

JUDGEMENTS = [
    Judgement(query="timber", document="a" * 64, number=1, verdict="click", rank=3, at="2026-11-30T10:00:00+00:00"),
    Judgement(query="Bäume", document="b" * 64, number=2, verdict="down", at="2026-11-30T10:00:01+00:00"),
]


def test_judgements_are_appended_beside_the_one_writer_and_change_no_commit(
    tmp_path: Path, database: CatalogRecord | None
) -> None:
    make(tmp_path / "c", database)
    (tmp_path / "a.pdf").write_text("a")
    write(tmp_path / "c", new_pages(str(tmp_path / "a.pdf"), ["one", "two"]))
    layout = Layout(tmp_path / "c")
    reader = CollectionReader(layout.root)
    with reader.snapshot() as snapshot:
        before = snapshot.generation
    with CollectionWriter(layout.root):
        for judgement in JUDGEMENTS:
            judgement_log.append(layout, judgement)
    assert list(judgement_log.read(layout)) == JUDGEMENTS
    with reader.snapshot() as snapshot:
        assert snapshot.generation == before
    reader.close()
    assert judgement_log.forget(layout) == 2
    assert list(judgement_log.read(layout)) == []


def test_a_catalog_of_an_older_revision_is_migrated_with_the_first_judgement(
    tmp_path: Path, database: CatalogRecord | None
) -> None:
    make(tmp_path / "c", database)
    layout = Layout(tmp_path / "c")
    with open_for_writing(layout, load(layout)) as engine, engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE judgements")
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0008'")
    assert list(judgement_log.read(layout)) == []
    judgement_log.append(layout, JUDGEMENTS[0])
    assert list(judgement_log.read(layout)) == JUDGEMENTS[:1]
    with open_for_writing(layout, load(layout)) as engine, engine.connect() as connection:
        assert revision_of(connection) == HEAD
