"""A collection written and read: what is visible when, what is replaced, what is left behind."""

import shutil
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pagelens.core.errors import (
    CollectionDamaged,
    CollectionLocked,
    CollectionMismatch,
    CollectionNotFound,
    ReadCode,
    UsageError,
)
from pagelens.core.keys import number_of, page_of
from pagelens.core.spaces import Space
from pagelens.index import reader
from pagelens.index.creation import create
from pagelens.index.layout import CatalogRecord, Layout, load, writer_lock
from pagelens.index.reader import CollectionReader, Snapshot
from pagelens.index.segments import check_segment
from pagelens.index.stores.compaction import MAX_SMALL_SEGMENTS
from pagelens.index.writer import CollectionWriter, words_flush_seconds
from tests.index.fixtures import SPACE, TEXT, make, new_pages, search_words, sha, vector, write

FRUIT = ["apple one", "banana two", "cherry three"]
TREES = ["oak four", "pine five"]


@pytest.fixture
def root(tmp_path: Path, database: CatalogRecord | None) -> Path:
    root = tmp_path / "collection"
    make(root, database)
    return root


@pytest.fixture
def pdf(tmp_path: Path) -> str:
    path = tmp_path / "a.pdf"
    path.write_text("any content")
    return str(path)


def texts(snapshot: Snapshot) -> list[str]:
    """Every live page's text, through the vectors, the words and the catalog at once."""
    vectors = snapshot.vectors("text")
    keys = [page_of(key) for key in vectors.keys.tolist()]
    pages = snapshot.pages(keys)
    assert snapshot.page_count == len(keys) == len(pages)
    for row, key in zip(vectors.matrix, keys, strict=True):
        text = pages[key].text.text
        assert np.allclose(row, vector(text), atol=1e-3), "a vector is not its page's"
        assert key in [page for page, _ in search_words(snapshot, [text.split()[1]], 50)]
    return sorted(page.text.text for page in pages.values())


def test_what_was_written_is_read_back(root: Path, pdf: str) -> None:
    new = new_pages(pdf, FRUIT, title="Fruit")
    write(root, new)
    with CollectionReader(root).snapshot() as snapshot:
        assert texts(snapshot) == sorted(FRUIT)
        [row] = snapshot.documents.values()
        assert row.document == new.document
        assert row.paths == (pdf,)
        for key, page in snapshot.pages([page_of(k) for k in snapshot.vectors("text").keys.tolist()]).items():
            written = new.pages[number_of(key) - 1]
            assert (page.number, page.label, page.width, page.height) == (written.number, written.label, 595.0, 842.0)
            assert (page.text.spans == written.text.spans).all()
            assert np.allclose(page.text.boxes, written.text.boxes, atol=1 / 65_535)
            assert page.passages == tuple(new.passages[written.number - 1])


def test_the_pages_of_a_commit_are_read_from_the_catalog_once(root: Path, pdf: str) -> None:
    write(root, new_pages(pdf, FRUIT))
    reader = CollectionReader(root)
    with reader.snapshot() as snapshot:
        keys = [page_of(key) for key in snapshot.vectors("text").keys.tolist()]
        first = snapshot.pages(keys[:2])
    with reader.snapshot() as snapshot:
        again = snapshot.pages([*reversed(keys), 999 << 20])
    assert list(again) == keys
    assert all(again[key] is first[key] for key in keys[:2])
    write(root, new_pages(str(Path(pdf).with_name("b.pdf")), TREES))
    with reader.snapshot() as snapshot:
        assert snapshot.pages(keys)[keys[0]] is not first[keys[0]]


def test_pages_without_words_do_not_fill_the_memory(root: Path, pdf: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "CACHED_PAGE_BYTES", 3_000)  # a page that holds nothing takes 683 bytes, by tracemalloc
    write(root, new_pages(pdf, [""] * 20))
    with CollectionReader(root).snapshot() as snapshot:
        keys = [page_of(key) for key in snapshot.vectors("text").keys.tolist()]
        first = snapshot.pages(keys)
        again = snapshot.pages(keys[-1:]) | snapshot.pages(keys[:-1])
    assert len(keys) == 20
    assert 1 <= sum(again[key] is first[key] for key in keys) <= 4


def test_a_document_is_invisible_until_its_last_page_is_in(root: Path, pdf: str) -> None:
    reader = CollectionReader(root)
    write(root, new_pages(pdf, FRUIT, until=2))
    with reader.snapshot() as snapshot:
        assert texts(snapshot) == []
        assert snapshot.documents == {}
    with CollectionWriter(root) as writer:
        assert writer.resume_page(sha(FRUIT)) == 3
        writer.add(new_pages(pdf, FRUIT, first=3))
    with reader.snapshot() as snapshot:
        assert texts(snapshot) == sorted(FRUIT)


def test_a_changed_file_replaces_its_old_version_in_one_step(root: Path, pdf: str) -> None:
    reader = CollectionReader(root)
    write(root, new_pages(pdf, FRUIT))
    with CollectionWriter(root) as writer:
        writer.add(new_pages(pdf, TREES, until=1))
        writer.commit()
        with reader.snapshot() as snapshot:
            assert texts(snapshot) == sorted(FRUIT)
        writer.add(new_pages(pdf, TREES, first=2))
        writer.commit()
        with reader.snapshot() as snapshot:
            assert texts(snapshot) == sorted(TREES)
            assert len(snapshot.words) == 2


def test_pages_without_vectors_are_found_sooner_than_others(root: Path, pdf: str) -> None:
    assert [words_flush_seconds(elapsed) for elapsed in (0.0, 10.0, 30.0, 1_000.0)] == [2.0, 2.0, 6.0, 10.0]
    reader = CollectionReader(root)
    with CollectionWriter(root, words_flush_seconds=lambda _: 0.0) as writer:
        writer.add(new_pages(pdf, FRUIT))
        with reader.snapshot() as snapshot:
            assert snapshot.documents == {}
        writer.commit()
        trees = new_pages(str(Path(pdf).with_name("b.pdf")), TREES)
        writer.add(replace(trees, vectors={}, embedded=False))
        with reader.snapshot() as snapshot:
            assert len(snapshot.documents) == 2
            assert len(search_words(snapshot, ["oak"], 5)) == 1


def test_an_open_snapshot_does_not_change(root: Path, pdf: str) -> None:
    reader = CollectionReader(root)
    write(root, new_pages(pdf, FRUIT))
    with reader.snapshot() as before:
        write(root, new_pages(pdf, TREES))
        assert texts(before) == sorted(FRUIT)
    with reader.snapshot() as after:
        assert texts(after) == sorted(TREES)


def test_the_same_bytes_under_two_paths_are_one_document_with_two_paths(root: Path, pdf: str) -> None:
    with CollectionWriter(root) as writer:
        writer.add(new_pages(pdf, FRUIT))
        assert writer.link("/elsewhere/b.pdf", sha(FRUIT))
        writer.commit()
        assert not writer.link("/elsewhere/b.pdf", sha(FRUIT))
    with CollectionReader(root).snapshot() as snapshot:
        [row] = snapshot.documents.values()
        assert set(row.paths) == {pdf, "/elsewhere/b.pdf"}
    with CollectionWriter(root) as writer:
        assert writer.remove_paths([pdf]) == [pdf]
    with CollectionReader(root).snapshot() as snapshot:
        assert texts(snapshot) == sorted(FRUIT)
    with CollectionWriter(root) as writer:
        writer.remove_paths(["/elsewhere/b.pdf"])
    with CollectionReader(root).snapshot() as snapshot:
        assert texts(snapshot) == []


def test_an_open_reader_sees_that_one_of_two_paths_is_removed(root: Path, pdf: str) -> None:
    with CollectionWriter(root) as writer:
        writer.add(new_pages(pdf, FRUIT))
        writer.link("/elsewhere/b.pdf", sha(FRUIT))
    reader = CollectionReader(root)
    with reader.snapshot() as before:
        assert len(before.documents[1].paths) == 2
    with CollectionWriter(root) as writer:
        writer.remove_paths(["/elsewhere/b.pdf"])
    with reader.snapshot() as after:
        assert list(after.documents[1].paths) == [pdf]
        assert texts(after) == sorted(FRUIT)
    assert reader.check() == []


def test_a_failure_is_kept_with_its_reason_and_known_by_its_bytes(root: Path, pdf: str) -> None:
    with CollectionWriter(root) as writer:
        writer.record_failure(pdf, "f" * 64, "damaged", "no trailer")
    with CollectionWriter(root) as writer:
        assert writer.resume_page("f" * 64) == 0
        assert writer.failed_before("f" * 64) == "no trailer"
        assert not writer.link(pdf, "f" * 64)
        assert writer.link("/copy.pdf", "f" * 64)
    with CollectionReader(root).snapshot() as snapshot:
        assert [(f.path, f.code, f.reason, f.attempts) for f in snapshot.failures()] == [
            ("/copy.pdf", "damaged", "no trailer", 1),
            (pdf, "damaged", "no trailer", 1),
        ]
    with CollectionWriter(root) as writer:
        assert writer.clear_failures() == ["/copy.pdf", pdf]
        assert writer.resume_page("f" * 64) is None


def test_a_file_that_fails_half_way_leaves_nothing(root: Path, pdf: str) -> None:
    with CollectionWriter(root) as writer:
        writer.add(new_pages(pdf, FRUIT, until=1))
        writer.commit()
        writer.add(new_pages(pdf, FRUIT, first=2, until=2))
        writer.record_failure(pdf, sha(FRUIT), "damaged", "page 3")
        writer.add(new_pages("/other.pdf", FRUIT))  # the same bytes, healthy elsewhere
    with CollectionReader(root).snapshot() as snapshot:
        assert texts(snapshot) == sorted(FRUIT)
        assert len(snapshot.words) == 3


@pytest.mark.parametrize(("code", "stays"), [("damaged", False), ("denied", True), ("changed", True)])
def test_an_older_version_stays_only_when_the_failure_says_nothing_of_the_content(
    root: Path, pdf: str, code: ReadCode, stays: bool
) -> None:
    write(root, new_pages(pdf, FRUIT))
    with CollectionWriter(root) as writer:
        writer.record_failure(pdf, None, code, "why")
    with CollectionReader(root).snapshot() as snapshot:
        assert texts(snapshot) == (sorted(FRUIT) if stays else [])


def test_two_writers_at_once_and_the_second_is_told_who_has_the_lock(root: Path, pdf: str) -> None:
    with CollectionWriter(root) as writer:
        writer.add(new_pages(pdf, FRUIT))
        with pytest.raises(CollectionLocked, match=r"process \d+.*Nothing was changed"), CollectionWriter(root):
            pass
    write(root)  # and the lock is free again
    with CollectionReader(root).snapshot() as snapshot:
        assert texts(snapshot) == sorted(FRUIT)


def test_an_error_in_the_middle_drops_what_was_pending_and_frees_the_lock(root: Path, pdf: str) -> None:
    with pytest.raises(ZeroDivisionError), CollectionWriter(root) as writer:
        writer.add(new_pages(pdf, FRUIT))
        raise ZeroDivisionError
    with CollectionReader(root).snapshot() as snapshot:
        assert texts(snapshot) == []
    write(root, new_pages(pdf, FRUIT))


def test_an_interrupt_keeps_the_pages_read_so_far(root: Path, pdf: str) -> None:
    with pytest.raises(KeyboardInterrupt), CollectionWriter(root) as writer:
        writer.add(new_pages("/whole.pdf", TREES))
        writer.add(new_pages(pdf, FRUIT, until=2))
        raise KeyboardInterrupt
    with CollectionReader(root).snapshot() as snapshot:
        assert texts(snapshot) == sorted(TREES)
    with CollectionWriter(root) as writer:
        assert writer.resume_page(sha(FRUIT)) == 3


def test_the_words_lane_is_a_cache_that_comes_back_when_deleted(root: Path, pdf: str) -> None:
    write(root, new_pages(pdf, FRUIT))
    shutil.rmtree(root / "words")
    with CollectionReader(root).snapshot() as snapshot:
        assert texts(snapshot) == sorted(FRUIT)


def test_segments_that_the_catalog_has_not_registered_are_deleted(root: Path, pdf: str) -> None:
    write(root, new_pages(pdf, FRUIT))
    stray, half = (
        Layout(root).vectors(TEXT.store) / "000099-deadbeef",
        Layout(root).vectors(TEXT.store) / ".000100-deadbeef",
    )
    stray.mkdir()
    half.mkdir()
    write(root)
    assert not stray.exists()
    assert not half.exists()
    with CollectionReader(root).snapshot() as snapshot:
        assert texts(snapshot) == sorted(FRUIT)


def test_many_small_segments_are_compacted_and_nothing_is_lost(root: Path, tmp_path: Path) -> None:
    reader = CollectionReader(root)
    wanted = [f"page {'x' * (i + 1)}" for i in range(MAX_SMALL_SEGMENTS + 3)]
    for index, text in enumerate(wanted):
        write(root, new_pages(str(tmp_path / f"{index}.pdf"), [text]))
        with reader.snapshot() as snapshot:
            assert texts(snapshot) == sorted(wanted[: index + 1])
    folders = [path for path in Layout(root).vectors(TEXT.store).iterdir() if path.is_dir()]
    assert len(folders) <= MAX_SMALL_SEGMENTS
    assert all(check_segment(folder.parent, folder.name) is None for folder in folders)


def test_a_long_run_is_compacted_before_its_end(root: Path, tmp_path: Path) -> None:
    count = MAX_SMALL_SEGMENTS + 3
    with CollectionWriter(root, compact_pages=count) as writer:
        for index in range(count):
            folders = list(Layout(root).vectors(TEXT.store).glob("0*"))
            assert len(folders) == index
            writer.add(new_pages(str(tmp_path / f"{index}.pdf"), [f"page {'x' * (index + 1)}"]))
            writer.commit()
        assert len(list(Layout(root).vectors(TEXT.store).glob("0*"))) == 1
        with CollectionReader(root).snapshot() as snapshot:
            assert len(texts(snapshot)) == count


def test_a_flipped_byte_in_a_segment_is_found(root: Path, pdf: str) -> None:
    write(root, new_pages(pdf, FRUIT))
    [segment] = Layout(root).vectors(TEXT.store).iterdir()
    data = bytearray((segment / "vectors.npy").read_bytes())
    data[-1] ^= 1
    (segment / "vectors.npy").write_bytes(data)
    assert "expected SHA-256" in str(check_segment(segment.parent, segment.name))


def test_removed_pages_leave_the_term_statistics(root: Path, tmp_path: Path) -> None:
    """BM25 scores after a removal equal those of a collection that never had the document."""
    keep, gone = (
        new_pages(str(tmp_path / "k.pdf"), FRUIT),
        new_pages(str(tmp_path / "g.pdf"), ["apple six", "apple seven"]),
    )
    write(root, gone, keep)
    with CollectionWriter(root) as writer:
        writer.remove_paths([gone.path])
    with CollectionReader(root).snapshot() as snapshot:
        [(_, after)] = search_words(snapshot, ["appl"], 10)
    make(tmp_path / "fresh")
    write(tmp_path / "fresh", keep)
    with CollectionReader(tmp_path / "fresh").snapshot() as snapshot:
        [(_, fresh)] = search_words(snapshot, ["appl"], 10)
    assert after == fresh


def test_opening_a_folder_without_a_collection_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CollectionNotFound, match="pagelens index"):
        CollectionReader(tmp_path)
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(UsageError, match=r"letter\.txt"):
        create(Layout(tmp_path), profile="test", lanes=[])


def test_another_model_than_the_one_it_was_made_with_is_refused_naming_both(root: Path) -> None:
    with pytest.raises(CollectionMismatch, match=r"test/letters.*other/model"):
        load(Layout(root)).require("text", Space(model="other/model", revision="2", dim=8))
    load(Layout(root)).require("text", SPACE)


@pytest.mark.parametrize(
    ("content", "error"),
    [
        ("{", CollectionDamaged),
        ('{"pagelens": 99, "profile": "x", "created": "", "lanes": {}}', CollectionMismatch),
        ('{"pagelens": 3}', CollectionDamaged),
    ],
)
def test_a_manifest_that_cannot_be_used_is_an_error_with_a_way_out(
    root: Path, content: str, error: type[Exception]
) -> None:
    (root / "collection.json").write_text(content)
    with pytest.raises(error):
        load(Layout(root))


def test_a_healthy_collection_has_no_damage_and_a_lost_segment_is_named(root: Path, pdf: str) -> None:
    write(root, new_pages(pdf, FRUIT), new_pages("/b.pdf", TREES))
    assert CollectionReader(root).check() == []
    [segment] = Layout(root).vectors(TEXT.store).iterdir()
    (segment / "vectors.npy").unlink()
    assert any(segment.name in problem for problem in CollectionReader(root).check())


def test_a_writer_waits_for_a_lock_that_is_held_for_a_moment(root: Path) -> None:
    wrote: list[bool] = []

    def write_meanwhile() -> None:
        with CollectionWriter(root):
            wrote.append(True)

    writer = threading.Thread(target=write_meanwhile)
    with writer_lock(Layout(root)):  # as a reader has it that brings the lexical index in step
        writer.start()
        writer.join(0.2)
        assert not wrote
    writer.join()
    assert wrote
