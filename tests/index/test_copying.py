"""Collections copied from a folder to Qdrant and back: nothing lost, nothing added, continued after an interruption."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pagelens.core.errors import CollectionDamaged, CollectionMismatch
from pagelens.core.tables.outlines import TableOutline
from pagelens.core.types import Box, QueryTokens
from pagelens.index.admin.archive import write_snapshot
from pagelens.index.admin.copying import CopyReport, copy_latest_commit
from pagelens.index.creation import create
from pagelens.index.layout import Layout, ServerRecord
from pagelens.index.reader import CollectionReader, Snapshot
from pagelens.index.writer import CollectionWriter
from tests.index.fixtures import TEXT, search_words, vector
from tests.index.qdrant_process import QdrantProcess
from tests.index.test_token_collection import FRUIT, PAGE, texts, tokens, with_tokens, write

TREES = ["apple tree", "pear tree old", "", "cherry tree young and green"]
TABLES = {1: [TableOutline("Timber 2023", "Table 2", Box(0.0, 0.25, 0.5, 1.0))], 2: []}
Contents = dict[tuple[str, int], list[bytes]]


@pytest.fixture(scope="module")
def server() -> Iterator[QdrantProcess]:
    with QdrantProcess() as process:
        yield process


@pytest.fixture
def original(tmp_path: Path) -> Path:
    root = tmp_path / "original"
    create(Layout(root), profile="test", lanes=[TEXT, PAGE])
    for name, pages in (("a", FRUIT), ("b", TREES)):
        path = tmp_path / f"{name}.pdf"
        path.write_text("any content")
        write(root, replace(with_tokens(str(path), pages), perceptual_hashes={1: 2**63 + 5, 2: 7}, tables=TABLES))
    return root


def copy(original: Path, to: Path, server: ServerRecord | None, *, stop_after: int = 0) -> CopyReport:
    if not Layout(to).manifest.exists():
        create(Layout(to), profile="test", lanes=[TEXT, PAGE], server=server)

    def on_progress(done: int, _total: int) -> None:
        if done == stop_after:
            raise KeyboardInterrupt

    reader = CollectionReader(original)
    try:
        return copy_latest_commit(reader, to, on_progress, window=1)
    finally:
        reader.close()


def contents(root: Path) -> tuple[Contents, dict[str, tuple[str, ...]]]:
    """Every live page with its rows' bytes, and every document's paths."""
    reader = CollectionReader(root)
    found: Contents = {}
    with reader.snapshot() as snapshot:
        vectors, lane = snapshot.vectors("text"), snapshot.tokens("page")
        order = np.argsort(vectors.keys)
        for key, row in zip(vectors.keys[order].tolist(), np.asarray(vectors.matrix)[order], strict=True):
            found["text", key] = [row.astype(np.float16).tobytes()]
        for key in lane.keys.tolist():
            matrix = lane.page(key)
            assert matrix is not None
            found["page", key] = [matrix.vectors.tobytes(), matrix.boxes.tobytes()]
        for page, bits in snapshot.perceptual_hashes().items():
            found["perceptual_hash", page] = [bits.to_bytes(8, "big")]
        for page, row in snapshot.pages(lane.keys.tolist()).items():
            found["tables", page] = [repr(row.tables).encode()]
        paths = {row.document.sha256: row.paths for row in snapshot.documents.values()}
    reader.close()
    return found, paths


def best(snapshot: Snapshot, text: str) -> list[list[int]]:
    dense, _ = snapshot.vectors("text").search(vector(text), 5)
    late, _ = snapshot.tokens("page").search(QueryTokens(tokens(text).vectors, text.split(), window=4), 5)
    return [dense.tolist(), late.tolist(), [page for page, _ in search_words(snapshot, text.split(), 5)]]


def test_there_and_back_again_every_byte_is_the_same(original: Path, tmp_path: Path, server: QdrantProcess) -> None:
    there = copy(original, tmp_path / "there", ServerRecord(server.url, tmp_path.name))
    assert (there.documents, there.pages, there.problems) == (2, 7, [])
    assert there.matching_searches == there.searches > 0
    back = copy(tmp_path / "there", tmp_path / "back", None)
    assert (back.documents, back.problems) == (2, [])
    assert contents(original) == contents(tmp_path / "there") == contents(tmp_path / "back")
    for root in ("there", "back"):
        ours, theirs = CollectionReader(original), CollectionReader(tmp_path / root)
        with ours.snapshot() as one, theirs.snapshot() as other:
            for text in (FRUIT[0], "cherry tree", "three ripe apple"):
                assert best(one, text) == best(other, text)


def test_an_interrupted_copy_continues_after_what_it_has(original: Path, tmp_path: Path, server: QdrantProcess) -> None:
    record = ServerRecord(server.url, tmp_path.name)
    with pytest.raises(KeyboardInterrupt):
        copy(original, tmp_path / "there", record, stop_after=1)
    reader = CollectionReader(tmp_path / "there")
    with reader.snapshot() as snapshot:
        assert len(snapshot.documents) == 1
    report = copy(original, tmp_path / "there", record)
    assert (report.documents, report.kept, report.problems) == (1, 1, [])
    assert contents(original) == contents(tmp_path / "there")


def test_copying_again_brings_a_copy_up_to_date(original: Path, tmp_path: Path, server: QdrantProcess) -> None:
    record = ServerRecord(server.url, tmp_path.name)
    copy(original, tmp_path / "there", record)
    write(original, with_tokens(str(tmp_path / "a.pdf"), ["quite another fruit"]))
    with CollectionWriter(original) as writer:
        writer.record_failure("/nowhere.pdf", None, "denied", "no permission")
    report = copy(original, tmp_path / "there", record)
    assert (report.documents, report.kept, report.removed, report.problems) == (1, 1, 1, [])
    assert contents(original) == contents(tmp_path / "there")
    with CollectionReader(tmp_path / "there").snapshot() as snapshot:
        assert texts(snapshot) == sorted(["quite another fruit", *TREES])
        assert [failure.path for failure in snapshot.failures()] == ["/nowhere.pdf"]


def test_a_copy_can_be_written_to_and_its_keys_never_meet_the_original_s(
    original: Path, tmp_path: Path, server: QdrantProcess
) -> None:
    copy(original, tmp_path / "there", ServerRecord(server.url, tmp_path.name))
    (tmp_path / "c.pdf").write_text("any content")
    write(tmp_path / "there", with_tokens(str(tmp_path / "c.pdf"), ["plum"]))
    reader = CollectionReader(tmp_path / "there")
    with reader.snapshot() as snapshot:
        assert texts(snapshot) == sorted([*FRUIT, *TREES, "plum"])
    assert reader.check(deep=True) == []


def test_a_copy_into_a_collection_of_other_lanes_is_refused(original: Path, tmp_path: Path) -> None:
    create(Layout(tmp_path / "other"), profile="test", lanes=[TEXT])
    with pytest.raises(CollectionMismatch, match=r"expected .* to have the original's lanes"):
        copy(original, tmp_path / "other", None)


def test_a_copy_that_was_interrupted_says_so_until_it_is_finished(original: Path, tmp_path: Path) -> None:
    to = tmp_path / "copy"
    with pytest.raises(KeyboardInterrupt):
        copy(original, to, None, stop_after=1)
    with CollectionReader(to).snapshot() as half, CollectionReader(original).snapshot() as whole:
        assert half.path_and_failure_rows()[1] == whole.path_and_failure_rows()[1]  # no key will be given twice
    [problem] = CollectionReader(to).check()
    assert f"found an unfinished copy of {original}" in problem
    assert f"pagelens copy -c {original} --to {to}" in problem
    with pytest.raises(CollectionDamaged, match="an unfinished copy"):
        write_snapshot(to, tmp_path / "c.tar")  # which would pass for the whole
    copy(original, to, None)
    assert (contents(to), CollectionReader(to).check()) == (contents(original), [])
    assert not Layout(to).unfinished_copy.exists()


def test_a_collection_that_a_copy_does_not_fit_into_is_not_taken_for_one(original: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    create(Layout(other), profile="test", lanes=[TEXT])
    with pytest.raises(CollectionMismatch):
        copy(original, other, None)
    assert CollectionReader(other).check() == []
