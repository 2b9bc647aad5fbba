"""A collection whose vectors lie on a Qdrant server: a real process that speaks its protocol."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from qdrant_client import QdrantClient, models

from pagelens.core.errors import CollectionMismatch, StoreError
from pagelens.core.keys import document_of, number_of, page_key, page_of, passage_key
from pagelens.core.types import QueryTokens
from pagelens.index.admin.repair import repair
from pagelens.index.creation import create
from pagelens.index.late.token_segments import Storage, pack_tokens
from pagelens.index.layout import LaneRecord, Layout, ServerRecord
from pagelens.index.reader import CollectionReader
from pagelens.index.stores.qdrant.connection import KEY, Qdrant
from pagelens.index.stores.qdrant.points import pack_page, unpack_page
from pagelens.index.stores.store_factory import require_free
from pagelens.index.writer import CollectionWriter
from tests.index.fixtures import TEXT, sha, vector, write
from tests.index.qdrant_process import REPOSITORY, QdrantProcess
from tests.index.test_token_collection import FRUIT, PAGE, texts, tokens, with_tokens

TREES = ["apple tree", "pear tree old", "cherry tree young and green"]


@pytest.fixture(scope="module")
def server() -> Iterator[QdrantProcess]:
    with QdrantProcess() as process:
        yield process


@pytest.fixture
def root(tmp_path: Path, server: QdrantProcess) -> Path:
    make(tmp_path / "collection", server.url, tmp_path.name)
    return tmp_path / "collection"


def make(root: Path, url: str, prefix: str, *, grace: int = 0) -> None:
    record = ServerRecord(url, prefix, timeout=5, grace=grace)
    create(Layout(root), profile="test", lanes=[TEXT, PAGE], server=record)


def path_of(folder: Path, name: str) -> str:
    path = folder / name
    path.write_text("any content")
    return str(path)


def points(server: QdrantProcess, prefix: str, lane: LaneRecord = TEXT) -> list[int]:
    client = QdrantClient(url=server.url, check_compatibility=False)
    found, _ = client.scroll(f"{prefix}-{lane.store}", limit=1_000, with_payload=False)
    client.close()
    return sorted(int(point.id) for point in found)


def point(page: int, text: str, ordinal: int = 0) -> models.PointStruct:
    payload = {"document": document_of(page), "number": number_of(page)}
    return models.PointStruct(id=passage_key(page, ordinal), vector=vector(text).tolist(), payload=payload)


def test_what_was_written_is_read_back_and_found(root: Path, tmp_path: Path) -> None:
    write(root, with_tokens(path_of(tmp_path, "a.pdf"), FRUIT))
    reader = CollectionReader(root)
    with reader.snapshot() as snapshot:
        assert texts(snapshot) == sorted(FRUIT)
        keys, scores = snapshot.vectors("text").search(vector(FRUIT[1]), 3)
        assert snapshot.pages([page_of(int(keys[0]))])[page_of(int(keys[0]))].text.text == FRUIT[1]
        assert scores[0] == pytest.approx(1.0, abs=1e-3)
        assert len(snapshot.vectors("text")) == len(snapshot.tokens("page")) == 3
    assert reader.check() == []
    assert not (root / "vectors").exists()


def test_a_changed_document_replaces_the_old_one_and_its_points(
    root: Path, tmp_path: Path, server: QdrantProcess
) -> None:
    path = path_of(tmp_path, "a.pdf")
    write(root, with_tokens(path, FRUIT))
    before = points(server, tmp_path.name)
    write(root, with_tokens(path, TREES))
    after = points(server, tmp_path.name)
    assert len(after) == 3
    assert not set(before) & set(after)
    with CollectionReader(root).snapshot() as snapshot:
        assert texts(snapshot) == sorted(TREES)


def test_an_incomplete_document_is_not_found_though_its_points_are_stored(
    root: Path, tmp_path: Path, server: QdrantProcess
) -> None:
    write(root, with_tokens(path_of(tmp_path, "a.pdf"), FRUIT))
    write(root, with_tokens(path_of(tmp_path, "b.pdf"), TREES, until=2))
    assert len(points(server, tmp_path.name)) == 5
    with CollectionReader(root).snapshot() as snapshot:
        keys, _ = snapshot.vectors("text").search(vector(TREES[0]), 5)
        assert len(keys) == 3
        assert set(document_of(page_of(keys)).tolist()) == set(snapshot.documents)
        pages, _ = snapshot.tokens("page").search(QueryTokens(tokens(TREES[0]).vectors, TREES[0].split()), 5)
        assert set(document_of(pages).tolist()) == set(snapshot.documents)


def test_points_of_unknown_documents_do_not_crowd_out_live_ones(
    root: Path, tmp_path: Path, server: QdrantProcess
) -> None:
    """Hundreds of points nearer than ours, of a document that no catalog has."""
    write(root, with_tokens(path_of(tmp_path, "a.pdf"), FRUIT))
    strange = [
        models.PointStruct(
            id=page_key(900, number) << 12,
            vector=vector(FRUIT[0]).tolist(),
            payload={"document": 900, "number": number},
        )
        for number in range(1, 400)
    ]
    client = QdrantClient(url=server.url, check_compatibility=False)
    client.upsert(f"{tmp_path.name}-{TEXT.store}", strange)
    client.close()
    reader = CollectionReader(root)
    with reader.snapshot() as snapshot:
        keys, _ = snapshot.vectors("text").search(vector(FRUIT[0]), 2)
        assert len(keys) == 2
        assert set(document_of(page_of(keys)).tolist()) == set(snapshot.documents)
    assert any("399 points" in problem and "not in the catalog" in problem for problem in reader.check())
    with CollectionWriter(root):
        pass  # sweeps
    assert reader.check() == []
    assert len(points(server, tmp_path.name)) == 3


def test_pages_after_the_last_commit_are_deleted(root: Path, tmp_path: Path, server: QdrantProcess) -> None:
    write(root, with_tokens(path_of(tmp_path, "b.pdf"), TREES, until=1))
    [key] = points(server, tmp_path.name)
    document = document_of(page_of(key))
    client = QdrantClient(url=server.url, check_compatibility=False)
    for ordinal in range(2):  # page 2 came with more passages from a writer that was killed
        client.upsert(f"{tmp_path.name}-{TEXT.store}", [point(page_key(document, 2), "x", ordinal)])
    client.close()
    write(root, with_tokens(str(tmp_path / "b.pdf"), TREES, first=2))
    assert len(points(server, tmp_path.name)) == 3
    assert CollectionReader(root).check() == []


def test_lost_points_are_reported_for_each_document(root: Path, tmp_path: Path, server: QdrantProcess) -> None:
    write(root, with_tokens(path_of(tmp_path, "a.pdf"), FRUIT))
    client = QdrantClient(url=server.url, check_compatibility=False)
    client.delete(f"{tmp_path.name}-{TEXT.store}", models.PointIdsList(points=[points(server, tmp_path.name)[0]]))
    client.close()
    problems = CollectionReader(root).check()
    assert any(
        "text: document" in problem and "expected 3 points" in problem and "found 2" in problem for problem in problems
    )


def test_a_repair_removes_documents_that_lost_points_and_the_next_run_brings_them_back(
    root: Path, tmp_path: Path, server: QdrantProcess
) -> None:
    lost, whole = path_of(tmp_path, "a.pdf"), path_of(tmp_path, "b.pdf")
    write(root, with_tokens(lost, FRUIT), with_tokens(whole, TREES))
    client = QdrantClient(url=server.url, check_compatibility=False)
    client.delete(f"{tmp_path.name}-{TEXT.store}", models.PointIdsList(points=[points(server, tmp_path.name)[0]]))
    client.upsert(f"{tmp_path.name}-{TEXT.store}", [point(page_key(900, 1), "strange")])
    client.close()
    assert len(CollectionReader(root).check()) == 3
    report = repair(root)
    assert report.removed_paths == [lost]
    reader = CollectionReader(root)
    assert reader.check(deep=True) == []
    with reader.snapshot() as snapshot:
        assert texts(snapshot) == sorted(TREES)
    with CollectionWriter(root) as writer:
        assert writer.resume_page(sha(FRUIT)) is None
        writer.add(with_tokens(lost, FRUIT))
    with reader.snapshot() as snapshot:
        assert texts(snapshot) == sorted(TREES + FRUIT)


def test_a_deep_check_reads_every_point(root: Path, tmp_path: Path, server: QdrantProcess) -> None:
    write(root, with_tokens(path_of(tmp_path, "a.pdf"), FRUIT))
    reader = CollectionReader(root)
    client = QdrantClient(url=server.url, check_compatibility=False)
    damaged = point(page_of(points(server, tmp_path.name)[0]), FRUIT[0])
    damaged.vector = (0.5 * vector(FRUIT[0])).tolist()
    client.upsert(f"{tmp_path.name}-{TEXT.store}", [damaged])
    client.set_payload(f"{tmp_path.name}-{PAGE.store}", {"tokens": "abc="}, [points(server, tmp_path.name, PAGE)[1]])
    client.close()
    assert reader.check() == []
    problems = reader.check(deep=True)
    assert any("a vector of length 0.500" in message for message in problems)
    assert any("page: document" in message and "expected the tokens of a page" in message for message in problems)


def test_removed_documents_leave_no_points(root: Path, tmp_path: Path, server: QdrantProcess) -> None:
    write(root, with_tokens(path_of(tmp_path, "a.pdf"), FRUIT), with_tokens(path_of(tmp_path, "b.pdf"), TREES))
    with CollectionWriter(root) as writer, CollectionReader(root).snapshot() as snapshot:
        [gone] = [key for key, row in snapshot.documents.items() if row.path.endswith("a.pdf")]
        writer.remove_documents([gone])
    assert {document_of(page_of(key)) for key in points(server, tmp_path.name)}.isdisjoint({gone})
    with CollectionReader(root).snapshot() as snapshot:
        assert texts(snapshot) == sorted(TREES)


def test_a_search_begun_before_a_commit_finds_the_documents_of_its_own(tmp_path: Path, server: QdrantProcess) -> None:
    """Also when the next writer has been and gone."""
    root, path = tmp_path / "lasting", path_of(tmp_path, "a.pdf")
    make(root, server.url, f"{tmp_path.name}-lasting", grace=600)
    write(root, with_tokens(path, FRUIT))
    reader = CollectionReader(root)
    with reader.snapshot() as before:
        write(root, with_tokens(path, TREES))
        write(root, with_tokens(path_of(tmp_path, "b.pdf"), ["one more"]))
        assert texts(before) == sorted(FRUIT)
        keys, _ = before.vectors("text").search(vector(FRUIT[1]), 3)
        assert sorted(keys.tolist()) == sorted(before.vectors("text").keys.tolist())
    with reader.snapshot() as after:
        assert texts(after) == sorted([*TREES, "one more"])
        keys, _ = after.vectors("text").search(vector(FRUIT[1]), 10)
        assert len(keys) == 4
    assert reader.check(deep=True) == []
    assert len(points(server, f"{tmp_path.name}-lasting")) == 7


def test_replaced_points_are_deleted_after_the_retention_time(tmp_path: Path, server: QdrantProcess) -> None:
    root, path, prefix = tmp_path / "lasting", path_of(tmp_path, "a.pdf"), f"{tmp_path.name}-lasting"
    make(root, server.url, prefix, grace=600)
    write(root, with_tokens(path, FRUIT))
    write(root, with_tokens(path, TREES))
    client = QdrantClient(url=server.url, check_compatibility=False)
    for lane in (TEXT, PAGE):  # ten minutes pass
        found, _ = client.scroll(f"{prefix}-{lane.store}", limit=100)
        gone = [one for one in found if one.payload and "deleted_at" in one.payload]
        assert len(gone) == 3
        client.set_payload(f"{prefix}-{lane.store}", {"deleted_at": int(time.time()) - 601}, [one.id for one in gone])
    client.close()
    write(root)
    assert [len(points(server, prefix, lane)) for lane in (TEXT, PAGE)] == [3, 3]


def test_shards_and_replicas_are_set_when_a_lane_is_created(tmp_path: Path, server: QdrantProcess) -> None:
    record = ServerRecord(server.url, tmp_path.name, timeout=5, shards=3, replicas=2)
    create(Layout(tmp_path / "c"), profile="test", lanes=[TEXT, PAGE], server=record)
    write(tmp_path / "c", with_tokens(path_of(tmp_path, "a.pdf"), FRUIT))
    client = QdrantClient(url=server.url, check_compatibility=False)
    for lane in (TEXT, PAGE):
        made = client.get_collection(f"{tmp_path.name}-{lane.store}").config.params
        assert (made.shard_number, made.replication_factor) == (3, 2)
    client.close()


def test_a_missing_server_is_reported_with_its_address_and_nothing_is_lost(tmp_path: Path) -> None:
    with QdrantProcess() as process:
        make(tmp_path / "c", process.url, "gone")
        url = process.url
    pauses: list[float] = []
    qdrant = Qdrant(lambda: QdrantClient(url=url, check_compatibility=False, timeout=1), url, pause=pauses.append)
    with pytest.raises(StoreError, match=rf"expected Qdrant at {url}, found no answer in 8 seconds"):
        qdrant.call("searching", QdrantClient.get_collections)
    assert 5 < sum(pauses) < 11
    assert pauses[-1] > 4 * pauses[0]


def test_requests_to_a_busy_server_are_retried(tmp_path: Path) -> None:
    with QdrantProcess(busy=3) as process:
        make(tmp_path / "c", process.url, "busy")
        write(tmp_path / "c", with_tokens(path_of(tmp_path, "a.pdf"), FRUIT))
        with CollectionReader(tmp_path / "c").snapshot() as snapshot:
            assert texts(snapshot) == sorted(FRUIT)


def test_a_wrong_key_is_reported_at_once_and_a_right_one_is_not_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with QdrantProcess(key="open sesame") as process:
        record = ServerRecord(process.url, "keyed")
        monkeypatch.delenv(KEY, raising=False)
        with pytest.raises(StoreError, match=f"none is set in {KEY}"):
            require_free(Layout(tmp_path / "c"), record)
        monkeypatch.setenv(KEY, "open barley")
        with pytest.raises(StoreError, match="refused"):
            require_free(Layout(tmp_path / "c"), record)
        monkeypatch.setenv(KEY, "open sesame")
        make(tmp_path / "c", process.url, "keyed")
        write(tmp_path / "c", with_tokens(path_of(tmp_path, "a.pdf"), FRUIT))
    assert not any(b"sesame" in path.read_bytes() for path in (tmp_path / "c").rglob("*") if path.is_file())


def test_a_server_that_is_too_old_is_reported_with_both_versions(tmp_path: Path) -> None:
    message = r"expected Qdrant 1\.12 or later at http.*, found 1\.9\.2"
    with QdrantProcess(version="1.9.2") as process, pytest.raises(StoreError, match=message):
        require_free(Layout(tmp_path), ServerRecord(process.url, "old"))


def test_a_prefix_that_is_taken_is_refused(root: Path, tmp_path: Path, server: QdrantProcess) -> None:
    write(root, with_tokens(path_of(tmp_path, "a.pdf"), FRUIT))
    with pytest.raises(StoreError, match="another collection's vectors"):
        require_free(Layout(tmp_path / "other"), ServerRecord(server.url, tmp_path.name))


def test_vectors_of_other_dimensions_under_our_name_are_a_mismatch(tmp_path: Path, server: QdrantProcess) -> None:
    prefix = tmp_path.name
    make(tmp_path / "c", server.url, prefix)
    client = QdrantClient(url=server.url, check_compatibility=False)
    client.create_collection(f"{prefix}-{TEXT.store}", models.VectorParams(size=5, distance=models.Distance.DOT))
    client.close()
    with pytest.raises(CollectionMismatch, match="found one of 5 a point"):
        write(tmp_path / "c", with_tokens(path_of(tmp_path, "a.pdf"), FRUIT))


def test_the_manifest_names_a_server_only_if_there_is_one(root: Path, server: QdrantProcess) -> None:
    assert json.loads((root / "collection.json").read_text())["qdrant"]["url"] == server.url
    create(Layout(root.parent / "plain"), profile="test", lanes=[TEXT])
    assert "qdrant" not in json.loads((root.parent / "plain" / "collection.json").read_text())


def test_without_a_server_the_vectors_are_in_the_folder(tmp_path: Path) -> None:
    make(tmp_path / "c", "", "local")
    write(tmp_path / "c", with_tokens(path_of(tmp_path, "a.pdf"), FRUIT))
    reader = CollectionReader(tmp_path / "c")
    with reader.snapshot() as snapshot:
        assert texts(snapshot) == sorted(FRUIT)
    assert reader.check() == []
    reader.close()
    assert (tmp_path / "c" / "qdrant").is_dir()


def test_a_local_collection_is_written_and_searched_without_qdrant_s_client(tmp_path: Path) -> None:
    """It takes a second to import."""
    code = (
        "import sys; from pathlib import Path; import pagelens.api.cli.main\n"
        "from pagelens.index.layout import Layout; from pagelens.index.creation import create\n"
        "from pagelens.index.reader import CollectionReader\n"
        "from tests.index.fixtures import TEXT, new_pages, vector, write\n"
        "root = Path(sys.argv[1]); create(Layout(root), profile='test', lanes=[TEXT])\n"
        "write(root, new_pages(sys.argv[2], ['apple']))\n"
        "with CollectionReader(root).snapshot() as s: [_], _ = s.vectors('text').search(vector('apple'), 1)\n"
        "assert 'qdrant_client' not in sys.modules"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "c"), path_of(tmp_path, "a.pdf")]
    subprocess.run(command, check=True, cwd=REPOSITORY)


@pytest.mark.parametrize("storage", ["int8", "float16"])
def test_a_page_s_tokens_come_back_to_the_last_bit(storage: Storage) -> None:
    rows = pack_tokens([tokens(text) for text in FRUIT], PAGE.space.dim, storage=storage)
    for row in range(len(rows)):
        again, packed = unpack_page(pack_page(rows, row), PAGE.space.dim).matrix(0), rows.matrix(row)
        assert again.vectors.tobytes() == packed.vectors.tobytes()
        assert again.boxes.tobytes() == packed.boxes.tobytes()
    with pytest.raises(ValueError, match="expected the tokens of a page"):
        unpack_page(pack_page(rows, 0)[:-4], PAGE.space.dim)
