"""The writer dies at some statement, or the database does: what was committed is whole, one more run completes it."""

import random
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import Engine, event

from core.errors import StoreError
from index.databases import make_catalog
from index.layout import CatalogRecord, Layout, create
from index.reader import CollectionReader
from tests.index.fixtures import TEXT
from tests.index.postgres_process import PostgresProcess
from tests.index.qdrant_child import DOCUMENTS, index, texts_of
from tests.index.qdrant_process import REPOSITORY
from tests.index.test_token_collection import PAGE, texts


def make(root: Path, database: CatalogRecord | None) -> None:
    make_catalog(database)
    create(Layout(root), profile="test", lanes=[TEXT, PAGE], catalog=database)


def run_child(root: Path, version: int, fatal: int | None = None) -> subprocess.CompletedProcess[str]:
    given = [str(root), str(version), *([str(fatal)] if fatal else [])]
    return subprocess.run(
        [sys.executable, "-m", "tests.index.dying_child", *given], cwd=REPOSITORY, capture_output=True, text=True
    )


def found(root: Path) -> set[str]:
    reader = CollectionReader(root)
    try:
        assert reader.check() == []
        with reader.snapshot() as snapshot:
            return set(texts(snapshot))
    finally:
        reader.close()


def require_whole_versions(root: Path, version: int) -> None:
    there = found(root)
    for document in range(DOCUMENTS):
        old, new = (set(texts_of(document, one)) for one in (version - 1, version))
        assert old <= there or new <= there


def all_texts(version: int) -> set[str]:
    return {text for document in range(DOCUMENTS) for text in texts_of(document, version)}


@pytest.mark.parametrize("rounds", [pytest.param(2, id="2"), pytest.param(20, id="20", marks=pytest.mark.slow)])
def test_a_writer_killed_at_any_statement_loses_no_commit(
    tmp_path: Path, database: CatalogRecord | None, rounds: int
) -> None:
    root, draw = tmp_path / "collection", random.Random(7)
    make(root, database)
    index(root, 0)
    child = run_child(root, 1)
    assert child.returncode == 0, child.stderr
    statements = int(child.stdout)
    for version in range(2, rounds + 2):
        assert run_child(root, version, draw.randint(statements // 4, statements)).returncode == -9
        require_whole_versions(root, version)
        index(root, version)
        assert found(root) == all_texts(version)


def test_a_database_that_dies_under_the_writer_keeps_what_was_committed(
    tmp_path: Path, postgres: PostgresProcess
) -> None:
    root, inserts = tmp_path / "collection", 0
    make(root, postgres.record())
    index(root, 0)

    def die(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        nonlocal inserts
        inserts += statement.startswith("INSERT INTO pages")
        if inserts == 2:
            inserts += 1
            postgres.kill()

    event.listen(Engine, "before_cursor_execute", die)
    try:
        with pytest.raises(StoreError, match=r"expected the catalog's database.*run the command again"):
            index(root, 1)
    finally:
        event.remove(Engine, "before_cursor_execute", die)
        with pytest.raises(StoreError):
            CollectionReader(root)
        postgres.start()
    require_whole_versions(root, 1)
    index(root, 1)
    assert found(root) == all_texts(1)
