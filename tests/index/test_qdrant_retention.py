"""Commits on Qdrant that are looked at for longer than replaced points stay, or while the collection is moved."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from qdrant_client import QdrantClient

from pagelens.core.errors import CollectionMismatch, SnapshotExpired
from pagelens.core.keys import page_of
from pagelens.index.admin.copying import copy_latest_commit
from pagelens.index.layout import Layout, ServerRecord, create, write_json
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


class Place:
    """A collection of one document on a Qdrant, a reader of it, and a clock that both go by."""

    def __init__(self, folder: Path, server: QdrantProcess) -> None:
        self.root, self.prefix, self.url, self.now = folder / "c", folder.name, server.url, 1_000.0
        self._path = folder / "a.pdf"
        self._path.write_text("stands for a file that exists")
        record = ServerRecord(server.url, self.prefix, timeout=5, grace=GRACE)
        create(Layout(self.root), profile="test", lanes=[TEXT, PAGE], server=record)
        write(self.root, with_tokens(str(self._path), FRUIT))
        self.reader = CollectionReader(self.root, clock=lambda: self.now)

    def replace(self, pages: list[str]) -> None:
        write(self.root, with_tokens(str(self._path), pages))

    def pass_time(self, seconds: int) -> None:
        """Also for points: those that were given up are as much older, and the next writer sweeps."""
        self.now += seconds
        client = QdrantClient(url=self.url, check_compatibility=False)
        for lane in (TEXT, PAGE):
            found, _ = client.scroll(f"{self.prefix}-{lane.store}", limit=100)
            gone = [one.id for one in found if one.payload and "deleted_at" in one.payload]
            if gone:
                client.set_payload(f"{self.prefix}-{lane.store}", {"deleted_at": int(time.time()) - seconds}, gone)
        client.close()
        write(self.root)


@pytest.fixture
def place(tmp_path: Path, server: QdrantProcess) -> Iterator[Place]:
    place = Place(tmp_path, server)
    yield place
    place.reader.close()


def test_a_look_that_took_too_long_is_taken_again_at_a_newer_commit(place: Place) -> None:
    seen: list[int] = []

    def look(snapshot: Snapshot) -> set[str]:
        if not seen:
            place.replace(TREES)
            place.pass_time(GRACE + 1)
        keys, _ = snapshot.vectors("text").search(vector(FRUIT[0]), 10)
        seen.append(len(keys))
        return {page.text.text for page in snapshot.pages(sorted({page_of(key) for key in keys.tolist()})).values()}

    assert place.reader.read(look) == set(TREES)
    assert seen == [0, 3]  # the first one had lost what was replaced


def test_a_look_within_the_time_is_whole_and_is_not_repeated(place: Place) -> None:
    looks = 0

    def look(snapshot: Snapshot) -> tuple[list[str], int]:
        nonlocal looks
        looks += 1
        place.replace(TREES)
        place.pass_time(GRACE - 2)
        return texts(snapshot), len(snapshot.vectors("text").search(vector(FRUIT[0]), 10)[0])

    assert place.reader.read(look) == (sorted(FRUIT), 3)
    assert looks == 1


def test_a_commit_that_stays_the_newest_may_be_held_for_ever(place: Place) -> None:
    with place.reader.snapshot() as snapshot:
        place.now += 1_000_000
        snapshot.require_unexpired()


def test_a_collection_that_always_changes_is_said_and_not_looked_at_for_ever(place: Place) -> None:
    pages = iter([[f"page {number}"] for number in range(100)])

    def look(_: Snapshot) -> None:
        place.replace(next(pages))
        place.now += GRACE

    with pytest.raises(SnapshotExpired, match="and a newer one"):
        place.reader.read(look)
    assert next(pages) == ["page 5"]


def test_a_copy_that_takes_too_long_goes_on_with_a_newer_commit_and_is_whole(place: Place, tmp_path: Path) -> None:
    other = tmp_path / "b.pdf"
    other.write_text("stands for a file that exists")
    write(place.root, with_tokens(str(other), ["quince", "medlar"]))
    create(Layout(tmp_path / "copy"), profile="test", lanes=[TEXT, PAGE])
    changes = 0

    def change(done: int, total: int) -> None:
        nonlocal changes
        changes += 1
        if changes == 1:  # the other document is not copied yet
            write(place.root, with_tokens(str(other), ["service tree"]))
            place.pass_time(GRACE + 1)

    report = copy_latest_commit(place.reader, tmp_path / "copy", change, window=1)
    assert (report.problems, report.total_documents, report.documents + report.kept) == ([], 2, 2)
    with CollectionReader(tmp_path / "copy").snapshot() as copy:
        assert texts(copy) == sorted([*FRUIT, "service tree"])


def test_in_the_moment_of_a_move_a_reader_is_told_to_open_the_collection_again(place: Place) -> None:
    """`collection.json` is the new one, the old lane is gone, and no commit has said so yet."""
    manifest = place.reader.manifest
    with pytest.raises(CollectionMismatch, match="Open it again"), place.reader.snapshot() as snapshot:
        moved = {**manifest.as_json(), "profile": "other"}
        moved["lanes"] = {"page": moved["lanes"]["page"]}
        write_json(place.reader.layout.manifest, moved)
        client = QdrantClient(url=place.url, check_compatibility=False)
        client.delete_collection(f"{place.prefix}-{TEXT.store}")
        client.close()
        snapshot.vectors("text").search(vector(FRUIT[0]), 10)
