"""Data that was damaged at rest: nothing is lost, nothing is laundered, and no answer is wrong in silence."""

import contextlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pagelens.core.errors import CollectionDamaged, CollectionReadOnly
from pagelens.index.admin.archive import write_snapshot
from pagelens.index.admin.copying import copy_latest_commit
from pagelens.index.admin.repair import repair
from pagelens.index.catalog.reads import DAMAGED
from pagelens.index.creation import create
from pagelens.index.layout import Layout
from pagelens.index.lexical.local_lexical_index import LocalLexicalIndex
from pagelens.index.lexical.tantivy_index import TantivyIndex, _errors_translated
from pagelens.index.reader import CollectionReader
from pagelens.index.segments import VERIFIED_BYTES, check_segment
from pagelens.index.stores import compaction, local_store
from pagelens.index.writer import CollectionWriter
from tests.index import at_rest
from tests.index.at_rest import NEW, answers, make_collection, outcomes
from tests.index.fixtures import TEXT, search_words
from tests.index.test_token_collection import PAGE, with_tokens, write

IN_SUITE = {  # kinds of file -> places at which a byte is flipped; the command that writes the table takes 20 for all
    "collection.json": 20,
    "catalog.sqlite": 20,
    "vectors, dense: keys.npy": 1,
    "vectors, dense: vectors.npy": 1,
    "vectors, dense: segment.json": 3,
    "vectors, multi-vector: offsets.npy": 1,
    "vectors, multi-vector: boxes.npy": 1,
    "words/: meta.json": 1,
    "words/: .term": 1,
    "pictures/": 2,
    "originals/": 1,
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    make_collection(tmp_path / "collection", tmp_path / "files")
    return tmp_path / "collection"


def segments(root: Path) -> set[str]:
    return {path.name for path in (root / "vectors").glob("*/*")}


def flip(path: Path, place: int = -1) -> None:
    """Change a byte in place: a file that another thread has mapped must not get shorter, not even for a moment."""
    with path.open("r+b") as file:
        place = file.seek(place, os.SEEK_SET if place >= 0 else os.SEEK_END)
        byte = file.read(1)[0]
        file.seek(place)
        file.write(bytes([byte ^ 1]))


def problems(root: Path, *, deep: bool = False) -> list[str]:
    reader = CollectionReader(root)
    try:
        return reader.check(deep=deep)
    finally:
        reader.close()


@pytest.mark.parametrize("kind", IN_SUITE)
def test_no_damage_ends_in_a_traceback_or_a_wrong_answer_in_silence(root: Path, tmp_path: Path, kind: str) -> None:
    rows = outcomes(root, kind, tmp_path / "work", IN_SUITE[kind])
    assert {"gone", "empty", "truncated", "byte flipped"} <= set(rows)


def test_the_table_has_a_row_for_every_kind_of_file(root: Path) -> None:
    text = (Path(__file__).parents[2] / "docs" / "at-rest.md").read_text("utf-8")
    for kind in at_rest.KINDS:
        assert f"| {kind} | gone |" in text
    for path in root.rglob("*"):
        known = any(path.match(pattern) for pattern in at_rest.KINDS.values())
        assert path.is_dir() or known or path.name.endswith(".lock") or path.suffix == ".del", path


def remove(path: Path) -> None:
    path.unlink()


def clear(path: Path) -> None:
    path.write_bytes(b"")


def drop_tables(path: Path) -> None:
    path.unlink()
    sqlite3.connect(path).execute("VACUUM")
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE other (x)")
    connection.commit()
    connection.close()


@pytest.mark.parametrize("damage", [remove, clear, drop_tables])
def test_a_lost_catalog_is_no_empty_collection_and_no_vectors_are_removed(
    root: Path, damage: Callable[[Path], None]
) -> None:
    before = segments(root)
    damage(root / "catalog.sqlite")
    with pytest.raises(CollectionDamaged, match=r"expected the collection's catalog .* restore the file"):
        CollectionReader(root)
    with pytest.raises(CollectionDamaged, match="Nothing was changed"):
        write(root, with_tokens("/new.pdf", NEW))
    with pytest.raises(CollectionDamaged):
        repair(root)
    assert segments(root) == before


def test_a_catalog_that_is_older_than_the_vectors_removes_none_of_them(root: Path, tmp_path: Path) -> None:
    shutil.copy(root / "catalog.sqlite", tmp_path / "backup")
    write(root, with_tokens("/new.pdf", NEW))
    before = segments(root)
    shutil.copy(tmp_path / "backup", root / "catalog.sqlite")
    with pytest.raises(CollectionDamaged, match=r"it is older than the vectors\. Nothing was removed"):
        write(root, with_tokens("/other.pdf", NEW))
    assert segments(root) == before


def test_segments_of_a_killed_writer_are_removed_still(root: Path) -> None:
    before = segments(root)
    with pytest.raises(KeyError), CollectionWriter(root) as writer:
        writer.add(with_tokens("/new.pdf", NEW))
        for lane in writer.manifest.lanes.values():
            writer._write_rows(lane, writer._pending.new)  # what a killed commit leaves
        raise KeyError
    assert segments(root) > before
    with CollectionWriter(root):
        pass
    assert segments(root) == before


def test_a_new_collection_is_not_made_over_the_data_of_one_without_its_manifest(root: Path) -> None:
    (root / "collection.json").unlink()
    with pytest.raises(CollectionDamaged, match=r"expected collection\.json beside catalog\.sqlite and vectors"):
        create(Layout(root), profile="test", lanes=[TEXT])


def test_lanes_edited_in_the_manifest_are_damage_and_an_address_may_be_edited(root: Path) -> None:
    text = (root / "collection.json").read_text("utf-8")
    (root / "collection.json").write_text(text.replace('"covers": "pages"', '"covers": "photos"'))
    with pytest.raises(CollectionDamaged, match="its lanes are not those that were written"):
        CollectionReader(root)


def test_a_damaged_segment_is_not_compacted_and_so_stays_known_as_damaged(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Layout(root).vectors(TEXT.store)
    first, second = sorted(path.name for path in folder.iterdir())
    flip(folder / first / "vectors.npy")
    monkeypatch.setattr(compaction, "MAX_SMALL_SEGMENTS", 1)
    write(root, with_tokens("/new.pdf", NEW))
    assert (folder / first).is_dir()
    assert "expected SHA-256" in str(check_segment(folder, first))
    assert not (folder / second).exists()
    assert any(first in problem for problem in problems(root))


@pytest.mark.parametrize("limit", [VERIFIED_BYTES, 0], ids=["small", "too large to verify on opening"])
@pytest.mark.parametrize("lane", [TEXT, PAGE])
def test_damaged_vectors_are_neither_copied_nor_put_into_a_snapshot(
    root: Path, tmp_path: Path, lane: object, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_store, "VERIFIED_BYTES", limit)
    assert isinstance(lane, type(TEXT))
    [array, *_] = sorted(Layout(root).vectors(lane.store).glob("*/vectors.npy"))
    flip(array)
    with pytest.raises(CollectionDamaged, match="expected SHA-256"):
        write_snapshot(root, tmp_path / "c.tar")
    create(Layout(tmp_path / "copy"), profile="test", lanes=[TEXT, PAGE])
    reader = CollectionReader(root)
    with pytest.raises(CollectionDamaged, match="expected SHA-256"):
        copy_latest_commit(reader, tmp_path / "copy")
    reader.close()
    assert not (tmp_path / "c.tar").exists()


def test_a_damaged_segment_costs_its_lane_and_not_the_search(root: Path) -> None:
    [array, *_] = sorted(Layout(root).vectors(TEXT.store).glob("*/vectors.npy"))
    whole, _ = answers(root)
    flip(array)
    found, reported = answers(root)
    assert reported == ["lane left out: text"]
    assert "text" not in found
    assert found["words"] == whole["words"] and found["page"] == whole["page"]


@pytest.mark.parametrize("change", ["rows = rows + 1", "rows = rows - 1", "start = start + 1", "document = 99"])
def test_a_run_that_differs_from_its_segment_is_reported(root: Path, change: str) -> None:
    with contextlib.closing(sqlite3.connect(Layout(root).catalog)) as catalog, catalog:
        catalog.execute(f"UPDATE runs SET {change} WHERE rowid = (SELECT max(rowid) FROM runs)")
    assert any("do not belong to document" in problem or "expected" in problem for problem in problems(root))


def test_a_header_that_differs_from_its_segment_is_damage(root: Path) -> None:
    [header, *_] = sorted(Layout(root).vectors(TEXT.store).glob("*/segment.json"))
    header.write_text(header.read_text().replace('"rows": 3', '"rows": 4'))
    assert any("segment.json" in problem for problem in problems(root))


def test_a_damaged_row_costs_its_page_and_the_repair_removes_its_document_only(root: Path, tmp_path: Path) -> None:
    connection = sqlite3.connect(root / "catalog.sqlite")
    connection.execute("UPDATE pages SET text = replace(text, 'banana', 'bandana')")
    connection.commit()
    connection.close()
    reader = CollectionReader(root)
    with reader.snapshot() as snapshot:
        [document, other] = snapshot.documents
        pages = snapshot.pages([document << 20 | 1, document << 20 | 2, other << 20 | 1])
        assert [page.problem for page in pages.values()] == ["", DAMAGED, ""]
        assert pages[document << 20 | 2].text.text == ""
    reader.close()
    with pytest.raises(CollectionDamaged, match="page 2: expected the row that was written"):
        write_snapshot(root, tmp_path / "c.tar")
    assert problems(root) == []
    assert any("page 2: expected the row that was written" in problem for problem in problems(root, deep=True))
    report = repair(root)
    assert [Path(path).name for path in report.removed_paths] == ["a.pdf"]
    assert problems(root, deep=True) == []


def test_a_damaged_title_or_text_that_is_no_longer_utf8_does_not_end_a_search(root: Path) -> None:
    connection = sqlite3.connect(root / "catalog.sqlite")
    connection.execute("UPDATE documents SET metadata = '{\"auth', title = CAST(x'ff41' AS TEXT) WHERE key = 1")
    connection.commit()
    connection.close()
    _, reported = answers(root)
    assert set(reported) == {"page left out"}
    assert any("document 1, its entry" in problem for problem in problems(root, deep=True))


class PanicException(BaseException):
    """Named as pyo3's, which cannot be imported."""


@pytest.mark.parametrize("error", [PanicException("index out of bounds"), ValueError("Data corrupted")])
def test_an_error_or_a_panic_of_tantivy_is_damage_and_an_interrupt_stays_one(error: BaseException) -> None:
    with pytest.raises(CollectionDamaged, match="It is built again"), _errors_translated(Path("words")):
        raise error
    with pytest.raises(KeyboardInterrupt), _errors_translated(Path("words")):
        raise KeyboardInterrupt


def test_a_damaged_lexical_index_is_built_again_by_reader_and_writer(root: Path) -> None:
    for change in (lambda: answers(root), lambda: write(root, with_tokens("/new.pdf", NEW)), lambda: repair(root)):
        whole, _ = answers(root)
        for file in (root / "words").glob("*/*.term"):
            flip(file, 10)
        damaged = {file.read_bytes() for file in (root / "words").glob("*/*.term")}
        change()
        assert damaged and not damaged & {file.read_bytes() for file in (root / "words").glob("*/*.term")}
        TantivyIndex(root / "words").verify()
        found, reported = answers(root)
        assert not reported
        assert np.allclose(len(found["words"]), len(whole["words"]), atol=1)  # type: ignore[arg-type]


def test_a_reader_that_may_not_write_builds_a_damaged_lexical_index_in_memory(root: Path) -> None:
    for file in (root / "words").glob("*/*.term"):
        flip(file, 10)
    reader = CollectionReader(root)
    with CollectionWriter(root) as writer, reader.snapshot() as snapshot:  # the writer has the lock, and has rebuilt
        assert writer.manifest == reader.manifest
        for file in (root / "words").glob("*/*.term"):
            flip(file, 10)
        words = LocalLexicalIndex(root / "words", reader._engine)
        view = words.view(snapshot._connection, snapshot.live, snapshot.page_count)
        assert len(view) == snapshot.page_count and view.problem == ""
        assert search_words(snapshot, ["banana"], 5)
    reader.close()


def in_mount(mount: str, folder: Path, code: str, *arguments: Path) -> subprocess.CompletedProcess[str]:
    """Run Python code in a process for which `mount` has mounted something at `folder`."""
    unshare = ["unshare", "--mount", "--map-root-user", "sh", "-c", mount, str(folder)]
    if not shutil.which("unshare") or subprocess.run([*unshare, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine lets no test mount a folder")
    command = [*unshare, sys.executable, "-c", code, *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=300)


_SEARCH_READ_ONLY = """
import json, sys
from pathlib import Path
from pagelens.core.errors import PageLensError
from tests.index.at_rest import NEW, answers
from tests.index.test_token_collection import with_tokens, write
root = Path(sys.argv[1])
found, reported = answers(root)
assert not reported, reported
print(json.dumps([found["words"], found["text"], found["page"]]))
try:
    write(root, with_tokens("/new.pdf", NEW))
except PageLensError as exc:
    print(type(exc).__name__, exc)
"""


@pytest.mark.parametrize("words_kept", [True, False])
def test_a_read_only_mount_can_be_searched_and_a_writer_is_told(root: Path, tmp_path: Path, words_kept: bool) -> None:
    whole, _ = answers(root)
    if not words_kept:
        shutil.rmtree(root / "words")
    mount = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@"'
    done = in_mount(mount, root, _SEARCH_READ_ONLY, root)
    assert done.returncode == 0, done.stderr
    found, refused = done.stdout.splitlines()
    for lane, pairs in zip(("words", "text", "page"), json.loads(found), strict=True):
        assert [tuple(pair) for pair in pairs] == whole[lane]
    assert refused.startswith("CollectionReadOnly expected to write to the collection at")


_WRITE_TO_A_FULL_DISK = """
import shutil, sys
from pathlib import Path
from pagelens.core.errors import DiskFull
from pagelens.index.reader import CollectionReader
from tests.index.at_rest import answers
from tests.index.test_token_collection import with_tokens, write
root = Path(shutil.copytree(sys.argv[1], Path(sys.argv[2]) / "c"))
whole, _ = answers(root)
refused = 0
for free in (0, 20_000, 100_000, 250_000):  # bytes: the lock, the vectors, the words or the catalog find no room
    filling = Path(sys.argv[2]) / "filling"
    filling.write_bytes(bytes(max(0, shutil.disk_usage(filling.parent).free - free)))
    try:
        write(root, with_tokens(f"/{free}.pdf", [f"page {n} of {free}" * 40 for n in range(60)]))
    except DiskFull as exc:
        assert "What was committed is kept" in str(exc), exc
        refused += 1
    filling.unlink()
    found, reported = answers(root)
    assert not reported, reported
    assert all(found[key] == shown for key, shown in whole.items() if key.startswith("page ")), free
    reader = CollectionReader(root)
    assert reader.check(deep=True) == []
    reader.close()
print(refused)
"""


def test_a_full_disk_is_said_so_and_nothing_is_lost(root: Path, tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    mount = 'mount -t tmpfs -o size=3m tmpfs "$0" && exec "$@"'
    done = in_mount(mount, tmp_path / "disk", _WRITE_TO_A_FULL_DISK, root, tmp_path / "disk")
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 3


def test_commits_in_a_log_that_cannot_be_read_are_not_left_out_in_silence(root: Path) -> None:
    from pagelens.index.catalog.transactions import open_sqlite

    (root / "catalog.sqlite-wal").write_bytes(b"x" * 40)
    with pytest.raises(CollectionReadOnly, match="found commits in"):
        open_sqlite(root / "catalog.sqlite", writable=False)
