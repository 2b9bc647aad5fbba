"""The writer dies at some statement, or the database does: what was committed is whole, one more run completes it."""

import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, event

from pagelens.core.errors import StoreError
from pagelens.index.catalog.databases import create_catalog
from pagelens.index.creation import create
from pagelens.index.layout import CatalogRecord, Layout
from pagelens.index.reader import CollectionReader
from tests.index.fixtures import TEXT
from tests.index.postgres_process import PostgresProcess
from tests.index.qdrant_child import DOCUMENTS, index, texts_of
from tests.index.qdrant_process import REPOSITORY
from tests.index.test_token_collection import PAGE, texts


def make(root: Path, database: CatalogRecord | None) -> None:
    create_catalog(database)
    create(Layout(root), profile="test", lanes=[TEXT, PAGE], catalog=database)


def run_child(
    root: Path, version: int, fatal: int | None = None, *, with_it: int | None = None
) -> subprocess.CompletedProcess[str]:
    given = [str(one) for one in (root, version, fatal, with_it) if one is not None]
    return subprocess.run(
        [sys.executable, "-m", "tests.index.writer_child", *given], cwd=REPOSITORY, capture_output=True, text=True
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
        fatal = draw.randint(statements // 4, statements * 9 // 10)  # a run has a few more or fewer than the first
        assert run_child(root, version, fatal).returncode == -9
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


ENDS = ("the server, stopped", "the writer", "the server", "the session", "both at once", "the server, aborted")
SIGNALS = {"the server": signal.SIGKILL, "the server, stopped": signal.SIGINT, "the server, aborted": signal.SIGQUIT}


@contextmanager
def ending(postgres: PostgresProcess, what: str, statement: int) -> Iterator[None]:
    """At the n-th statement of this process, commits counted, the server ends, or the session of that statement."""
    done = 0

    def count(connection: Connection, *_: object) -> None:
        nonlocal done
        done += 1
        if done == statement:
            if what == "the session":
                driver = connection.connection.dbapi_connection
                assert driver is not None
                os.kill(driver.info.backend_pid, signal.SIGTERM)
            else:
                postgres.kill(SIGNALS[what])

    for name in ("before_cursor_execute", "commit"):
        event.listen(Engine, name, count)
    try:
        yield
    finally:
        for name in ("before_cursor_execute", "commit"):
            event.remove(Engine, name, count)


def end(root: Path, postgres: PostgresProcess, version: int, what: str, statement: int) -> None:
    """Index until something ends; the server is there again after it."""
    if what in ("the writer", "both at once"):
        with_it = postgres.pid if what == "both at once" else None
        assert run_child(root, version, statement, with_it=with_it).returncode == -9
    else:
        with ending(postgres, what, statement), pytest.raises(StoreError):
            index(root, version)
    if what not in ("the writer", "the session"):
        if what == "both at once":
            postgres.kill()  # it is dead: only waited for
        with pytest.raises(StoreError):
            CollectionReader(root)
        postgres.start()


@pytest.mark.parametrize("rounds", [pytest.param(3, id="3"), pytest.param(20, id="20", marks=pytest.mark.slow)])
def test_killed_at_any_statement_no_commit_is_lost_and_one_more_run_completes_it(
    tmp_path: Path, postgres: PostgresProcess, rounds: int
) -> None:
    root, draw = tmp_path / "collection", random.Random(11)
    make(root, postgres.record())
    index(root, 0)
    child = run_child(root, 1)
    assert child.returncode == 0, child.stderr
    statements = int(child.stdout)
    for version in range(2, rounds + 2):
        what, statement = ENDS[version % len(ENDS)], draw.randint(statements // 4, statements * 3 // 4)
        end(root, postgres, version, what, statement)
        require_whole_versions(root, version)
        index(root, version)
        assert found(root) == all_texts(version), (what, statement)
