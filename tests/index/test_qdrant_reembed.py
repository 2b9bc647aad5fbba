"""Re-embedding on Qdrant: rows that were sent but not committed do not count."""

from pathlib import Path

import pytest

from pagelens.core.errors import StoreError
from pagelens.index.admin.reembed import CollectionReembedding
from pagelens.index.creation import create
from pagelens.index.layout import Layout, ServerRecord
from pagelens.index.reader import CollectionReader
from tests.index.fixtures import TEXT, new_pages, write
from tests.index.qdrant_process import QdrantProcess
from tests.index.test_reembed import FRUIT, LANES, TREES, fill, new_texts, reembed, rows_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "server"


def make(root: Path, server: QdrantProcess) -> None:
    record = ServerRecord(server.url, "reembed", timeout=5, patience=0.2)
    create(Layout(root), profile="test", lanes=[TEXT], server=record)
    for name, texts in (("a.pdf", FRUIT), ("b.pdf", TREES)):
        path = root.parent / name
        path.write_text("any content")
        write(root, new_pages(str(path), texts))


@pytest.mark.parametrize("die_after", [4, 5, 6, 9])
def test_an_interrupted_run_continues_after_the_last_commit_not_after_the_last_point(
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
        CollectionReembedding(root, profile="other", lanes=LANES) as reembedding,
    ):
        fill(reembedding)
    with QdrantProcess(folder=folder, port=port):
        with reembed(root) as reembedding:
            assert reembedding.resumed
            assert fill(reembedding) == 5 - (die_after - 1) // 3
            reembedding.finish()
        assert new_texts(root) == sorted(FRUIT + TREES)
        assert CollectionReader(root).check(deep=True) == []


def test_requeued_documents_have_no_rows_until_they_are_committed_again(tmp_path: Path, folder: Path) -> None:
    """Their points are there, under names that other documents still have."""
    root = tmp_path / "collection"
    with QdrantProcess(folder=folder) as server:
        make(root, server)
        with reembed(root) as reembedding:
            keys = [key for _, page_keys in reembedding.pending_pages() for key in page_keys]
            reembedding.add(rows_of(reembedding.pages(keys)))
            reembedding.commit()
        with reembed(root) as reembedding:
            reembedding.requeue([keys[0] >> 20])
            assert fill(reembedding, limit=1) == 1
        with reembed(root) as reembedding:
            assert fill(reembedding) == 2
            reembedding.finish()
        assert new_texts(root) == sorted(FRUIT + TREES)
