"""The server dies in the middle of an upsert, or the writer does; then one more run puts everything right."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import func, select

from pagelens.core.errors import StoreError
from pagelens.index import server_addresses
from pagelens.index.catalog import tables as t
from pagelens.index.creation import create
from pagelens.index.layout import Layout, ServerRecord, load, write_json
from pagelens.index.reader import CollectionReader
from tests.index.fixtures import TEXT
from tests.index.qdrant_child import DOCUMENTS, index, texts_of
from tests.index.qdrant_process import REPOSITORY, QdrantProcess
from tests.index.test_qdrant import points
from tests.index.test_token_collection import PAGE, texts


@pytest.mark.parametrize(
    "rounds", [pytest.param(3, id="3 times"), pytest.param(20, id="20 times", marks=pytest.mark.slow)]
)
def test_after_each_end_one_more_run_makes_catalog_and_points_agree(tmp_path: Path, rounds: int) -> None:
    root, folder = tmp_path / "collection", tmp_path / "server"
    with QdrantProcess(folder=folder) as first:
        port = first.port
        record = ServerRecord(first.url, "kill", timeout=10, patience=0.2, grace=0)
        create(Layout(root), profile="test", lanes=[TEXT, PAGE], server=record)
        index(root, 0)
    for version in range(1, rounds + 1):
        with QdrantProcess(folder=folder, port=port, die_after=1 + version % 7) as server:
            if version % 3 == 0:
                kill_writer(root, version, server)
            else:
                with pytest.raises(StoreError):
                    index(root, version)
        found = catalog_texts(root)
        versions = [[set(texts_of(n, one)) for one in (version - 1, version)] for n in range(DOCUMENTS)]
        assert all(old <= found or new <= found for old, new in versions)
        with QdrantProcess(folder=folder, port=port) as server:
            index(root, version)
            agree(root, server, version)


@pytest.mark.parametrize(
    "rounds", [pytest.param(3, id="3 times"), pytest.param(20, id="20 times", marks=pytest.mark.slow)]
)
def test_a_writer_killed_while_the_server_lives_leaves_nothing_behind(tmp_path: Path, rounds: int) -> None:
    """What it sent last was written and never answered."""
    root, folder, pid_file = tmp_path / "collection", tmp_path / "server", tmp_path / "pid"
    for version in range(rounds + 1):
        with QdrantProcess(folder=folder, kill_after=1 + version % 6 if version else 0, pid_file=pid_file) as server:
            record = ServerRecord(server.url, "kill", timeout=10, grace=0)
            server_addresses.remember(server.url)
            if version:  # the server has another port now
                manifest = replace(load(Layout(root)), server=record)
                write_json(Layout(root).manifest, manifest.as_json())
                command = [sys.executable, "-m", "tests.index.qdrant_child", str(root), str(version)]
                child = subprocess.Popen(command, cwd=REPOSITORY, stderr=subprocess.DEVNULL)
                pid_file.write_text(str(child.pid))
                assert child.wait() == -9
                versions = [[set(texts_of(n, one)) for one in (version - 1, version)] for n in range(DOCUMENTS)]
                found = catalog_texts(root)
                assert all(old <= found or new <= found for old, new in versions)
            else:
                create(Layout(root), profile="test", lanes=[TEXT, PAGE], server=record)
                pid_file.write_text("0")
            index(root, version)
            agree(root, server, version)


def kill_writer(root: Path, version: int, server: QdrantProcess) -> None:
    """End the writer without a word as soon as the server has died under it: it is waiting for an answer, or trying."""
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.index.qdrant_child", str(root), str(version)],
        cwd=REPOSITORY,
        stderr=subprocess.DEVNULL,
    )
    server.wait()
    child.kill()
    child.wait()


def catalog_texts(root: Path) -> set[str]:
    """The texts of live pages by the catalog alone: the server is away."""
    reader = CollectionReader(root)
    with reader._engine.begin() as connection:
        live = select(t.pages.c.text).join(t.documents, t.documents.c.key == t.pages.c.document)
        found = set(connection.execute(live.where(t.documents.c.live == 1)).scalars())
    reader.close()
    return found


def agree(root: Path, server: QdrantProcess, version: int) -> None:
    reader = CollectionReader(root)
    assert reader.check(deep=True) == []
    with reader.snapshot() as snapshot:
        assert texts(snapshot) == sorted(text for n in range(DOCUMENTS) for text in texts_of(n, version))
    for lane in (TEXT, PAGE):
        with reader._engine.begin() as connection:
            named = select(func.sum(t.runs.c.rows)).join(t.segments, t.segments.c.id == t.runs.c.segment)
            expected = connection.execute(named.where(t.segments.c.store == lane.store)).scalar_one()
        assert len(points(server, "kill", lane)) == expected
    reader.close()
