"""Judgements in both catalogs: appended while a writer is at work, read in order, removed; older catalogs migrated."""

from dataclasses import replace
from pathlib import Path

import pytest

from pagelens.core.errors import UsageError
from pagelens.core.judgements import MAX_ANSWER, MAX_WHY, Judgement
from pagelens.index import judgement_log
from pagelens.index.catalog.databases import open_for_writing
from pagelens.index.catalog.migration_runner import HEAD, revision_of
from pagelens.index.layout import CatalogRecord, Layout, load
from pagelens.index.reader import CollectionReader
from pagelens.index.writer import CollectionWriter
from tests.index.fixtures import make, new_pages, write

JUDGEMENTS = [
    Judgement(query="timber", document="a" * 64, number=1, verdict="click", rank=3, at="2026-11-30T10:00:00+00:00"),
    Judgement(query="Bäume", document="b" * 64, number=2, verdict="down", why="Flüsse", at="2026-11-30T10:00:01+00:00"),
    Judgement(query="Who?", answer="Nobody [1].", verdict="up", why="so", key="k" * 16, at="2026-11-30T10:00:02+00:00"),
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
    assert judgement_log.forget(layout) == 3
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


def test_judgements_of_the_revision_without_reasons_are_read_as_they_are_and_kept_by_the_migration(
    tmp_path: Path, database: CatalogRecord | None
) -> None:
    make(tmp_path / "c", database)
    layout = Layout(tmp_path / "c")
    judgement_log.append(layout, JUDGEMENTS[0])
    with open_for_writing(layout, load(layout)) as engine, engine.begin() as connection:
        connection.exec_driver_sql("DROP INDEX ix_judgements_key")
        for column in ("why", "answer", "key"):
            connection.exec_driver_sql(f"ALTER TABLE judgements DROP COLUMN {column}")
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0010'")
    assert list(judgement_log.read(layout)) == JUDGEMENTS[:1]
    judgement_log.append(layout, JUDGEMENTS[2])
    assert list(judgement_log.read(layout)) == [JUDGEMENTS[0], JUDGEMENTS[2]]
    with open_for_writing(layout, load(layout)) as engine, engine.connect() as connection:
        assert revision_of(connection) == HEAD


def test_a_judgement_replaces_the_one_with_its_key_in_its_place_even_where_no_more_are_kept(
    tmp_path: Path, database: CatalogRecord | None
) -> None:
    make(tmp_path / "c", database)
    layout = Layout(tmp_path / "c")
    keyless, thumb = JUDGEMENTS[0], replace(JUDGEMENTS[1], why="", key="0123456789abcdef")
    for judgement in (thumb, keyless, keyless):
        judgement_log.append(layout, judgement)
    better = replace(thumb, verdict="up", why="after all")
    judgement_log.append(layout, better, limit=3)
    assert list(judgement_log.read(layout)) == [better, keyless, keyless]


@pytest.mark.parametrize(
    "judgement",
    [
        replace(JUDGEMENTS[1], why="x" * (MAX_WHY + 1)),
        *(replace(JUDGEMENTS[1], why=f"a{control}b") for control in "\0\n\x1b\x7f\x9b\u2028"),
        replace(JUDGEMENTS[1], why="at the end\n"),
        replace(JUDGEMENTS[0], why="a click has no reason"),
        replace(JUDGEMENTS[1], answer="and a page"),
        replace(JUDGEMENTS[2], answer=""),
        replace(JUDGEMENTS[2], answer="x" * (MAX_ANSWER + 1)),
        replace(JUDGEMENTS[2], verdict="click", why=""),
    ],
)
def test_reasons_that_are_long_or_hold_control_characters_and_what_is_no_judgement_are_refused(
    tmp_path: Path, judgement: Judgement
) -> None:
    with pytest.raises(UsageError, match="expected"):
        judgement_log.append(Layout(tmp_path), judgement)
