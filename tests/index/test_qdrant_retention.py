"""Commits on Qdrant that are read for longer than replaced points are retained, or during re-embedding."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from qdrant_client import QdrantClient

from pagelens.core.errors import CollectionMismatch, SnapshotExpired
from pagelens.core.keys import page_of
from pagelens.index.admin.copying import copy_latest_commit
from pagelens.index.creation import create
from pagelens.index.layout import Layout, ServerRecord, write_json
from pagelens.index.reader import CollectionReader, Snapshot
from tests.index.fixtures import TEXT, vector, write
from tests.index.qdrant_process import QdrantProcess
from tests.index.test_token_collection import FRUIT, PAGE, texts, with_tokens

TREES = ["apple tree", "pear tree old", "cherry tree young and green"]
GRACE = 600


@pytest.fixture(scope="module")
def server() -> Iterator[QdrantProcess]:
    with QdrantProcess() as process:
        yield process


class Fixture:
    """A collection of one document on Qdrant, a reader of it, and a clock for both."""

    def __init__(self, folder: Path, server: QdrantProcess) -> None:
        self.root, self.prefix, self.url, self.now = folder / "c", folder.name, server.url, 1_000.0
        self._path = folder / "a.pdf"
        self._path.write_text("any content")
        record = ServerRecord(server.url, self.prefix, timeout=5, grace=GRACE)
        create(Layout(self.root), profile="test", lanes=[TEXT, PAGE], server=record)
        write(self.root, with_tokens(str(self._path), FRUIT))
        self.reader = CollectionReader(self.root, clock=lambda: self.now)

    def replace(self, pages: list[str]) -> None:
        write(self.root, with_tokens(str(self._path), pages))

    def pass_time(self, seconds: int) -> None:
        """Advance the clock, make points marked as deleted older by as much, and run a writer, which deletes them."""
        self.now += seconds
        client = QdrantClient(url=self.url, check_compatibility=False)
        for lane in (TEXT, PAGE):
            points, _ = client.scroll(f"{self.prefix}-{lane.store}", limit=100)
            deleted = [point.id for point in points if point.payload and "deleted_at" in point.payload]
            if deleted:
                client.set_payload(f"{self.prefix}-{lane.store}", {"deleted_at": int(time.time()) - seconds}, deleted)
        client.close()
        write(self.root)


@pytest.fixture
def fixture(tmp_path: Path, server: QdrantProcess) -> Iterator[Fixture]:
    fixture = Fixture(tmp_path, server)
    yield fixture
    fixture.reader.close()


def test_a_read_that_took_too_long_is_repeated_at_a_newer_commit(fixture: Fixture) -> None:
    row_counts: list[int] = []

    def read(snapshot: Snapshot) -> set[str]:
        if not row_counts:
            fixture.replace(TREES)
            fixture.pass_time(GRACE + 1)
        keys, _ = snapshot.vectors("text").search(vector(FRUIT[0]), 10)
        row_counts.append(len(keys))
        return {page.text.text for page in snapshot.pages(sorted({page_of(key) for key in keys.tolist()})).values()}

    assert fixture.reader.read(read) == set(TREES)
    assert row_counts == [0, 3]  # in the first attempt, replaced rows were deleted


def test_a_read_within_the_time_is_complete_and_not_repeated(fixture: Fixture) -> None:
    reads = 0

    def read(snapshot: Snapshot) -> tuple[list[str], int]:
        nonlocal reads
        reads += 1
        fixture.replace(TREES)
        fixture.pass_time(GRACE - 2)
        return texts(snapshot), len(snapshot.vectors("text").search(vector(FRUIT[0]), 10)[0])

    assert fixture.reader.read(read) == (sorted(FRUIT), 3)
    assert reads == 1


def test_a_commit_that_stays_the_newest_may_be_held_without_limit(fixture: Fixture) -> None:
    with fixture.reader.snapshot() as snapshot:
        fixture.now += 1_000_000
        snapshot.require_unexpired()


def test_a_collection_that_always_changes_is_an_error_after_some_attempts(fixture: Fixture) -> None:
    pages = iter([[f"page {number}"] for number in range(100)])

    def read(_: Snapshot) -> None:
        fixture.replace(next(pages))
        fixture.now += GRACE

    with pytest.raises(SnapshotExpired, match="and a newer commit"):
        fixture.reader.read(read)
    assert next(pages) == ["page 5"]


def test_a_copy_that_takes_too_long_continues_with_a_newer_commit(fixture: Fixture, tmp_path: Path) -> None:
    other = tmp_path / "b.pdf"
    other.write_text("any content")
    write(fixture.root, with_tokens(str(other), ["quince", "medlar"]))
    create(Layout(tmp_path / "copy"), profile="test", lanes=[TEXT, PAGE])
    changes = 0

    def change(done: int, total: int) -> None:
        nonlocal changes
        changes += 1
        if changes == 1:  # the other document is not copied yet
            write(fixture.root, with_tokens(str(other), ["service tree"]))
            fixture.pass_time(GRACE + 1)

    report = copy_latest_commit(fixture.reader, tmp_path / "copy", change, window=1)
    assert (report.problems, report.total_documents, report.documents + report.kept) == ([], 2, 2)
    with CollectionReader(tmp_path / "copy").snapshot() as copy:
        assert texts(copy) == sorted([*FRUIT, "service tree"])


def test_a_reader_open_during_reembedding_is_told_to_open_the_collection_again(fixture: Fixture) -> None:
    """`collection.json` is new and the old lane is removed, but no commit has been counted yet."""
    manifest = fixture.reader.manifest
    with pytest.raises(CollectionMismatch, match="Open it again"), fixture.reader.snapshot() as snapshot:
        reembedded = {**manifest.as_json(), "profile": "other"}
        reembedded["lanes"] = {"page": reembedded["lanes"]["page"]}
        del reembedded["sha256"]  # of what it said before
        write_json(fixture.reader.layout.manifest, reembedded)
        client = QdrantClient(url=fixture.url, check_compatibility=False)
        client.delete_collection(f"{fixture.prefix}-{TEXT.store}")
        client.close()
        snapshot.vectors("text").search(vector(FRUIT[0]), 10)
