"""A collection on Qdrant moved to other lanes: rows that were sent but never committed are no rows."""

from pathlib import Path

import pytest

from pagelens.core.errors import StoreError
from pagelens.index.admin.reembed import CollectionReembedding
from pagelens.index.layout import Layout, ServerRecord, create
from pagelens.index.reader import CollectionReader
from tests.index.fixtures import TEXT, new_pages, write
from tests.index.qdrant_process import QdrantProcess
from tests.index.test_reembed import FRUIT, LANES, TREES, fill, moved, new_texts, rows_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "server"


def make(root: Path, server: QdrantProcess) -> None:
    record = ServerRecord(server.url, "moving", timeout=5, patience=0.2)
    create(Layout(root), profile="test", lanes=[TEXT], server=record)
    for name, texts in (("a.pdf", FRUIT), ("b.pdf", TREES)):
        path = root.parent / name
        path.write_text("stands for a file that exists")
        write(root, new_pages(str(path), texts))


@pytest.mark.parametrize("die_after", [4, 5, 6, 9])
def test_a_move_goes_on_behind_the_last_commit_and_not_behind_the_last_point(
    tmp_path: Path, folder: Path, die_after: int
) -> None:
    """Each page is three upserts, one a lane: the server dies before a commit with some of its lanes written."""
    root = tmp_path / "collection"
    with QdrantProcess(folder=folder) as server:
        make(root, server)
        port = server.port
    with (
        QdrantProcess(folder=folder, port=port, die_after=die_after),
        pytest.raises(StoreError),
        CollectionReembedding(root, profile="other", lanes=LANES) as move,
    ):
        fill(move)
    with QdrantProcess(folder=folder, port=port):
        with moved(root) as move:
            assert move.resumed
            assert fill(move) == 5 - (die_after - 1) // 3
            move.finish()
        assert new_texts(root) == sorted(FRUIT + TREES)
        assert CollectionReader(root).check(deep=True) == []


def test_documents_that_wait_again_have_no_rows_until_they_are_committed_anew(tmp_path: Path, folder: Path) -> None:
    """Their points are there, under names that other documents still have."""
    root = tmp_path / "collection"
    with QdrantProcess(folder=folder) as server:
        make(root, server)
        with moved(root) as move:
            keys = [key for _, some in move.waiting() for key in some]
            move.add(rows_of(move.pages(keys)))
            move.commit()
        with moved(root) as move:
            move.again([keys[0] >> 20])
            assert fill(move, limit=1) == 1
        with moved(root) as move:
            assert fill(move) == 2
            move.finish()
        assert new_texts(root) == sorted(FRUIT + TREES)
