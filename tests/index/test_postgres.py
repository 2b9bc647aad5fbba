"""A catalog on PostgreSQL: its one writer, its revisions, its address, and what is said when something is wrong."""

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, text

from pagelens.core.errors import CollectionLocked, CollectionMismatch, StoreError
from pagelens.index.catalog import reads, writes
from pagelens.index.catalog import tables as t
from pagelens.index.catalog.databases import create_catalog, open_for_reading, open_for_writing
from pagelens.index.catalog.migration_runner import HEAD, migrate, revision_of
from pagelens.index.catalog.postgres import lock_key
from pagelens.index.catalog.transactions import open_sqlite, transaction
from pagelens.index.layout import CatalogRecord, Layout, load
from pagelens.index.reader import CollectionReader
from pagelens.index.writer import CollectionWriter
from tests.index.fixtures import make, new_pages, write
from tests.index.postgres_process import PASSWORD, PostgresProcess

FRUIT = ["apple one", "banana two", "cherry three"]
TREES = ["oak four", "pine five"]


@pytest.fixture
def root(tmp_path: Path, postgres: PostgresProcess) -> Path:
    make(tmp_path / "collection", postgres.record())
    return tmp_path / "collection"


def engine_of(root: Path) -> Engine:
    return open_for_reading(Layout(root), load(Layout(root)))


def change(root: Path, statement: str) -> None:
    with open_for_writing(Layout(root), load(Layout(root))) as engine, engine.begin() as connection:
        connection.exec_driver_sql(statement)


def test_migrations_create_the_tables_that_the_code_describes(tmp_path: Path, database: CatalogRecord | None) -> None:
    root = tmp_path / "c"
    make(root, database)
    with open_for_writing(Layout(root), load(Layout(root))) as engine, engine.connect() as connection:
        assert revision_of(connection) == HEAD
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, t.metadata) == []


def test_a_file_without_a_revision_gets_its_missing_tables(tmp_path: Path) -> None:
    root = tmp_path / "c"
    make(root)
    Layout(root).catalog.unlink()  # with the tables of today
    engine = open_sqlite(Layout(root).catalog)
    with engine.begin() as connection:
        t.metadata.create_all(
            connection, tables=[one for one in t.metadata.sorted_tables if one is not t.perceptual_hashes]
        )
        connection.execute(t.state.insert().values(id=1, generation=41, next_document=5))
    with CollectionReader(root).snapshot() as snapshot:
        assert (snapshot.generation, snapshot.perceptual_hashes()) == (41, {})
    write(root, new_pages("/a.pdf", FRUIT))
    with engine.connect() as connection:
        assert revision_of(connection) == HEAD
        assert connection.execute(t.perceptual_hashes.select()).all() == []
        assert reads.generation(connection) > 41
    engine.dispose()


def test_a_newer_catalog_is_an_error_for_readers_and_writers_and_is_not_touched(
    tmp_path: Path, database: CatalogRecord | None
) -> None:
    root = tmp_path / "c"
    make(root, database)
    change(root, "UPDATE alembic_version SET version_num = '0999'")
    for opened in (CollectionReader, lambda root: CollectionWriter(root).__enter__()):
        with pytest.raises(CollectionMismatch, match=r"found 0999.*Update PageLens"):
            opened(root)


def test_a_second_writer_with_a_folder_of_its_own_is_told_who_writes(root: Path, tmp_path: Path) -> None:
    """Two machines share no file lock."""
    other = tmp_path / "elsewhere"
    other.mkdir()
    (other / "collection.json").write_bytes(Layout(root).manifest.read_bytes())
    with CollectionWriter(root) as writer:
        writer.add(new_pages("/a.pdf", FRUIT))
        with pytest.raises(CollectionLocked, match=r"pagelens on .*process \d+.*Nothing was changed"):
            CollectionWriter(other).__enter__()
    with CollectionWriter(other):  # and the lock is free again
        pass


def test_a_writer_whose_session_ended_commits_nothing_more(root: Path) -> None:
    """Another one may have the lock by now."""
    with pytest.raises(StoreError, match="ended, and its lock with it"), CollectionWriter(root) as writer:
        writer.add(new_pages("/a.pdf", FRUIT))
        writer.commit()
        with engine_of(root).connect() as connection:
            end = (
                "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted AND objid = :o"
            )
            low = lock_key(load(Layout(root)).catalog.schema) & 0xFFFFFFFF  # type: ignore[union-attr]
            assert connection.execute(text(end), {"o": low}).scalars().all() == [True]
        with pytest.raises(StoreError, match="run the command again"):
            writer.add(new_pages("/b.pdf", TREES))
            writer.commit()
        writer.clear_failures()
    with CollectionReader(root).snapshot() as snapshot:
        assert [row.path for row in snapshot.documents.values()] == ["/a.pdf"]


def test_readers_cannot_write(root: Path) -> None:
    with pytest.raises(Exception, match="read-only transaction"), transaction(engine_of(root)) as connection:
        writes.advance_generation(connection)


def test_text_that_a_database_cannot_hold_keeps_its_length(root: Path) -> None:
    write(root, new_pages("/a.pdf", ["ab\0cd ef"], title="nu\0l"))
    with CollectionReader(root).snapshot() as snapshot:
        [row] = snapshot.documents.values()
        [page] = snapshot.pages([(row.key << 20) | 1]).values()
        assert (row.document.title, page.text.text) == ("nu\ufffdl", "ab\ufffdcd ef")
        assert page.text.spans.tolist() == [[0, 5], [6, 8]]


def test_paths_are_in_the_order_of_their_code_points(tmp_path: Path, database: CatalogRecord | None) -> None:
    root, names = tmp_path / "c", ["/b", "/B", "/ä", "/a b", "/a_b", "/Z", "/é"]
    make(root, database)
    with CollectionWriter(root) as writer:
        for name in names:
            writer.record_failure(name, None, "damaged", "why")
    with CollectionReader(root).snapshot() as snapshot:
        assert [failure.path for failure in snapshot.failures()] == sorted(names)


def test_the_password_is_never_written_down(root: Path) -> None:
    write(root, new_pages("/a.pdf", FRUIT))
    for path in root.rglob("*"):
        assert not path.is_file() or PASSWORD.encode() not in path.read_bytes()


def test_the_environment_may_give_the_whole_address(
    root: Path, postgres: PostgresProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PGPASSWORD")
    with pytest.raises(StoreError, match="PGPASSWORD"):
        CollectionReader(root)
    monkeypatch.setenv("PAGELENS_CATALOG_URL", f"postgresql://pagelens:{PASSWORD}@127.0.0.1:{postgres.port}/postgres")
    write(root, new_pages("/a.pdf", FRUIT))
    monkeypatch.setenv("PAGELENS_CATALOG_URL", f"postgresql://pagelens:{PASSWORD}@127.0.0.1:{postgres.port}/template1")
    with pytest.raises(StoreError, match=r"none there.*PAGELENS_CATALOG_URL") as caught:
        CollectionReader(root)
    assert PASSWORD not in str(caught.value)
    monkeypatch.setenv("PAGELENS_CATALOG_URL", f"postgresql://pagelens:wrong@127.0.0.1:{postgres.port}/postgres")
    with pytest.raises(StoreError, match="password") as caught:
        CollectionReader(root)
    assert "wrong@" not in str(caught.value)


def test_a_new_catalog_does_not_replace_another(root: Path) -> None:
    with pytest.raises(StoreError, match="another collection's catalog"):
        create_catalog(load(Layout(root)).catalog)


def test_a_missing_server_is_reported(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"expected the catalog's database at .*127\.0\.0\.1:1/.*Is it running"):
        create_catalog(CatalogRecord("postgresql+psycopg://pagelens@127.0.0.1:1/postgres", "x"))


def test_migrating_twice_changes_nothing(root: Path) -> None:
    with open_for_writing(Layout(root), load(Layout(root))) as engine, engine.begin() as connection:
        migrate(connection)
        assert revision_of(connection) == HEAD
