"""A collection moved to other lanes: what is found before, between and after, and what a broken-off move leaves."""

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pagelens.core.errors import CollectionLocked, CollectionMismatch, UsageError
from pagelens.core.keys import page_of
from pagelens.core.spaces import Space
from pagelens.core.types import Guess, TokenMatrix
from pagelens.index.admin.reembed import CollectionReembedding, ReembeddedPages
from pagelens.index.catalog.databases import open_for_reading
from pagelens.index.catalog.reads import PageRow
from pagelens.index.layout import CatalogRecord, LaneRecord, Layout, create, load
from pagelens.index.reader import CollectionReader
from pagelens.index.records import DenseRows, DocumentPages
from pagelens.index.writer import CollectionWriter
from tests.index.fixtures import TEXT, make, new_pages, vector, write

NEW_TEXT = LaneRecord("text", "turned", Space("test/turned", "2", 8), "passages")
IMAGE = LaneRecord("image", "looks", Space("test/looks", "1", 8), "pages")
PAGE = LaneRecord("page", "tokens", Space("test/tokens", "1", 8, multi_vector=True), "pages")
LANES = [NEW_TEXT, IMAGE, PAGE]

FRUIT = ["apple one", "banana two", "cherry three"]
TREES = ["oak four", "pine five"]
WEEDS = ["nettle six"]


@pytest.fixture
def root(tmp_path: Path, database: CatalogRecord | None) -> Path:
    """A collection of two documents in one lane."""
    root = tmp_path / "collection"
    make(root, database)
    for name in ("a.pdf", "b.pdf", "c.pdf"):
        (tmp_path / name).write_text("stands for a file that exists")
    write(root, new_pages(str(tmp_path / "a.pdf"), FRUIT), new_pages(str(tmp_path / "b.pdf"), TREES))
    return root


def rows_of(pages: Sequence[PageRow], *, blind: Sequence[int] = ()) -> ReembeddedPages:
    """Rows that can be told from the old ones: a text's vector turned round. `blind` pages have no picture."""
    turned = np.array([-vector(page.text.text) for page in pages], np.float32)
    seen = [page for page in pages if page.number not in blind]
    looks = np.array([vector("look " + page.text.text) for page in seen], np.float32).reshape(-1, 8)
    tokens = [TokenMatrix(row[None], np.array([[0, 0, 1, 1]], np.float32)) for row in turned]
    return ReembeddedPages(
        [page.key for page in pages],
        {
            "text": DenseRows([1] * len(pages), turned),
            "image": DenseRows([int(page in seen) for page in pages], looks),
        },
        {"page": tokens},
        problems={page.key: "no picture" for page in pages if page not in seen},
    )


def fill(move: CollectionReembedding, *, limit: int = 100, blind: Sequence[int] = ()) -> int:
    """Add rows page by page, a commit after each; return how many were added."""
    keys = [key for _, some in move.pending_pages() for key in some][:limit]
    for key in keys:
        move.add(rows_of(move.pages([key]), blind=blind))
        move.commit()
    return len(keys)


def moved(root: Path, lanes: Sequence[LaneRecord] = LANES) -> CollectionReembedding:
    return CollectionReembedding(root, profile="other", lanes=lanes)


def old_texts(root: Path) -> list[str]:
    """Every text whose vector is the old one, as a reader that opens now has it."""
    reader = CollectionReader(root)
    assert reader.manifest.lanes == {"text": TEXT}
    with reader.snapshot() as snapshot:
        vectors = snapshot.vectors("text")
        pages = snapshot.pages([page_of(key) for key in vectors.keys.tolist()])
        for row, key in zip(vectors.matrix, vectors.keys.tolist(), strict=True):
            assert np.allclose(row, vector(pages[page_of(key)].text.text), atol=1e-3)
        assert len(pages) == snapshot.page_count
        return sorted(page.text.text for page in pages.values())


def new_texts(root: Path) -> list[str]:
    """Every text that is in all the new lanes with the rows that `rows_of` gives."""
    reader = CollectionReader(root)
    assert reader.manifest.lanes == {lane.name: lane for lane in LANES}
    assert reader.check() == []
    with reader.snapshot() as snapshot:
        vectors, looks, tokens = snapshot.vectors("text"), snapshot.vectors("image"), snapshot.tokens("page")
        pages = snapshot.pages([page_of(key) for key in vectors.keys.tolist()])
        for row, key in zip(vectors.matrix, vectors.keys.tolist(), strict=True):
            assert np.allclose(row, -vector(pages[page_of(key)].text.text), atol=1e-3)
        for row, key in zip(looks.matrix, looks.keys.tolist(), strict=True):
            assert np.allclose(row, vector("look " + pages[page_of(key)].text.text), atol=1e-3)
        for key in tokens.keys.tolist():
            matrix = tokens.page(key)
            assert matrix is not None
            assert np.allclose(matrix.vectors, -vector(pages[key].text.text), atol=0.01)
        assert len(tokens.keys) == len(looks.keys) == len(pages) == snapshot.page_count
        return sorted(page.text.text for page in pages.values())


def test_the_old_vectors_serve_until_the_switch_and_are_gone_after_it(root: Path) -> None:
    with moved(root) as move:
        assert [len(keys) for _, keys in move.pending_pages()] == [3, 2]
        assert fill(move) == 5
        assert move.pending_pages() == []
        assert old_texts(root) == sorted(FRUIT + TREES)
        move.finish()
    assert new_texts(root) == sorted(FRUIT + TREES)
    stores = {path.name for path in (root / "vectors").iterdir()}
    assert stores == {lane.store for lane in LANES}
    assert not Layout(root).next_manifest.exists()
    assert load(Layout(root)).profile == "other"


def test_a_move_broken_off_goes_on_behind_what_was_committed(root: Path) -> None:
    with moved(root) as move:
        fill(move, limit=2)
    assert old_texts(root) == sorted(FRUIT + TREES)
    with moved(root) as move:
        assert move.resumed
        assert fill(move) == 3
        move.finish()
    assert new_texts(root) == sorted(FRUIT + TREES)


def test_what_is_pending_when_an_error_ends_a_move_is_made_again(root: Path) -> None:
    with pytest.raises(RuntimeError), moved(root) as move:
        move.add(rows_of(move.pages(move.pending_pages()[0][1])))
        raise RuntimeError
    with moved(root) as move:
        assert fill(move) == 5
        move.finish()
    assert new_texts(root) == sorted(FRUIT + TREES)


def test_indexing_between_a_move_and_its_resumption_works_and_is_taken_up(root: Path, tmp_path: Path) -> None:
    with moved(root) as move:
        fill(move, limit=4)
    write(root, new_pages(str(tmp_path / "c.pdf"), WEEDS))
    write(root, new_pages(str(tmp_path / "b.pdf"), ["oak changed"]))  # replaces what was partly moved
    assert old_texts(root) == sorted([*FRUIT, *WEEDS, "oak changed"])
    with moved(root) as move:
        assert move.resumed
        assert fill(move) == 2
        move.finish()
    assert new_texts(root) == sorted([*FRUIT, *WEEDS, "oak changed"])


def test_half_read_documents_go_and_are_read_from_the_beginning(root: Path, tmp_path: Path) -> None:
    many = ["reed seven", "rush eight"]
    write(root, new_pages(str(tmp_path / "c.pdf"), many, until=1))
    with moved(root) as move:
        assert fill(move) == 5
        move.finish()
        assert move.unfinished_documents == 1
    with CollectionWriter(root) as writer:
        assert writer.resume_page(new_pages("c", many).document.sha256) is None
        for first in (1, 2):
            new = new_pages(str(tmp_path / "c.pdf"), many, first=first, until=first)
            writer.add(_with_all_lanes(new))
    assert new_texts(root) == sorted(FRUIT + TREES + many)


def _with_all_lanes(new: DocumentPages) -> DocumentPages:
    pages = [PageRow(0, p.number, None, 1, 1, p.text, "", "", ()) for p in new.pages]
    made = rows_of(pages)
    return replace(new, vectors=made.vectors, tokens=made.tokens)


def test_when_the_switch_is_made_half_read_documents_are_gone_and_reasons_noted(root: Path, tmp_path: Path) -> None:
    """A kill right after it must leave nothing that the next writer would go on with in the new lanes."""
    write(root, new_pages(str(tmp_path / "c.pdf"), ["reed seven", "rush eight"], until=1))
    seen: list[tuple[int, int]] = []
    watched = {str(Layout(root).manifest)}

    def look(event: str, arguments: tuple[object, ...]) -> None:
        if event == "os.rename" and str(arguments[1]) in watched:
            watched.clear()  # hooks stay for good: this one sleeps from here on
            with open_for_reading(Layout(root), load(Layout(root))).connect() as connection:
                half_read = connection.exec_driver_sql("SELECT count(*) FROM documents WHERE live = 0").scalar_one()
                noted = connection.exec_driver_sql("SELECT count(*) FROM pages WHERE problem != ''").scalar_one()
            seen.append((half_read, noted))

    with moved(root) as move:
        fill(move, blind=[2])
        sys.addaudithook(look)
        move.finish()
    assert seen == [(0, 2)]


def test_a_move_to_other_lanes_starts_afresh_and_drops_what_the_first_left(root: Path) -> None:
    """Both moves fill one store: half of it by the first alone would count as done."""
    with moved(root, [NEW_TEXT]) as move:
        fill(move, limit=3)
    with moved(root) as move:
        assert not move.resumed
        assert fill(move) == 5
        move.finish()
    assert new_texts(root) == sorted(FRUIT + TREES)


def test_a_move_back_to_what_the_collection_is_drops_the_one_that_was_begun(root: Path) -> None:
    with moved(root) as move:
        fill(move, limit=3)
    with CollectionReembedding(root, profile="test", lanes=[TEXT]) as back:
        assert back.unchanged
        assert back.pending_pages() == []
        back.finish()
    assert old_texts(root) == sorted(FRUIT + TREES)
    assert not Layout(root).next_manifest.exists()
    assert [path.name for path in (root / "vectors").iterdir()] == [TEXT.store]


def test_a_lane_that_keeps_its_space_is_kept_as_it_is(root: Path) -> None:
    [before] = Layout(root).vectors(TEXT.store).iterdir()
    with moved(root, [replace(TEXT, model="same weights, another name"), IMAGE]) as move:
        assert [lane.name for lane in move.new] == ["image"]
        assert fill(move) == 5
        move.finish()
    assert list(Layout(root).vectors(TEXT.store).iterdir()) == [before]
    manifest = load(Layout(root))
    assert manifest.lanes["text"].model == "same weights, another name"
    assert CollectionReader(root).check() == []


def test_a_lane_in_the_same_space_that_covers_other_things_cannot_be_moved_to(root: Path) -> None:
    with (
        pytest.raises(UsageError, match=r"to cover passages.*found photos"),
        moved(root, [replace(TEXT, covers="photos")]),
    ):
        pass
    assert old_texts(root) == sorted(FRUIT + TREES)
    assert not Layout(root).next_manifest.exists()


def test_dropping_a_lane_makes_nothing_anew(root: Path) -> None:
    with moved(root) as move:
        fill(move)
        move.finish()
    with moved(root, [NEW_TEXT]) as move:
        assert move.pending_pages() == []
        move.finish()
    assert set(load(Layout(root)).lanes) == {"text"}
    assert [path.name for path in (root / "vectors").iterdir()] == [NEW_TEXT.store]
    assert CollectionReader(root).check() == []


def test_a_page_that_could_not_be_pictured_gets_its_reason_with_the_switch(root: Path) -> None:
    with moved(root) as move:
        fill(move, blind=[2])
        with CollectionReader(root).snapshot() as snapshot:
            assert snapshot.unread_pages() == []
        move.finish()
    reader = CollectionReader(root)
    assert reader.check() == []
    with reader.snapshot() as snapshot:
        assert [(number, why) for _, number, why in snapshot.unread_pages()] == [(2, "no picture")] * 2
        assert len(snapshot.vectors("image").keys) == 3


def test_documents_without_pictures_may_be_tried_again_when_a_move_goes_on(root: Path) -> None:
    with moved(root) as move:
        fill(move, limit=3, blind=[2])
    with moved(root) as move:
        [row] = move.documents_without_images()
        assert Path(row.path).name == "a.pdf"
        move.requeue([row.key])
        assert move.documents_without_images() == []
        assert fill(move) == 5
        move.finish()
    assert new_texts(root) == sorted(FRUIT + TREES)


def test_guesses_are_kept_with_their_pages(root: Path) -> None:
    with moved(root) as move:
        [(_, keys), *_] = move.pending_pages()
        made = rows_of(move.pages(keys[:1]))
        move.add(replace(made, guesses={keys[0]: [Guess("pear", 0.5)]}))
        move.commit()
        [page] = move.pages(keys[:1])
    assert page.guesses == (Guess("pear", 0.5),)


def test_a_reader_that_is_open_across_the_switch_says_to_open_it_again(root: Path) -> None:
    reader = CollectionReader(root)
    with reader.snapshot() as before:
        with moved(root) as move:
            fill(move)
            move.finish()
        assert len(before.vectors("text").keys) == 5  # what is open stays whole
    with pytest.raises(CollectionMismatch, match=r"profile 'test'.*found 'other'.*Open it again"), reader.snapshot():
        pass


def test_a_reader_that_opened_just_before_the_switch_says_so_too(root: Path) -> None:
    reader = CollectionReader(root)
    with moved(root) as move:
        fill(move)
        move.finish()
    with pytest.raises(CollectionMismatch), reader.snapshot():
        pass


def test_a_reader_goes_on_when_only_names_changed(root: Path) -> None:
    reader = CollectionReader(root)
    with reader.snapshot() as snapshot:
        assert snapshot.page_count == 5
    with moved(root, [replace(TEXT, model="another name")]) as move:
        move.finish()
    with reader.snapshot() as snapshot:
        assert snapshot.page_count == 5
    assert reader.manifest.profile == "other"


def test_a_writer_that_waited_for_the_move_writes_for_the_new_lanes(root: Path, tmp_path: Path) -> None:
    writer = CollectionWriter(root)
    with moved(root) as move:
        with pytest.raises(CollectionLocked), writer:
            pass
        fill(move)
        move.finish()
    with writer:
        assert set(writer.manifest.lanes) == {"text", "image", "page"}


def test_old_vectors_that_a_kill_left_after_the_switch_go_with_the_next_writer(root: Path) -> None:
    with moved(root) as move:
        fill(move)
    layout = Layout(root)
    layout.next_manifest.replace(layout.manifest)  # the switch, and not an instant more
    assert new_texts(root) == sorted(FRUIT + TREES)
    reader = CollectionReader(root)
    with CollectionWriter(root):
        pass
    assert {path.name for path in (root / "vectors").iterdir()} == {lane.store for lane in LANES}
    with reader.snapshot() as snapshot:
        assert snapshot.page_count == 5
    assert new_texts(root) == sorted(FRUIT + TREES)


def test_a_next_manifest_that_says_nothing_is_no_move(root: Path) -> None:
    Layout(root).next_manifest.write_text("{", "utf-8")
    write(root)
    assert old_texts(root) == sorted(FRUIT + TREES)
    with moved(root) as move:
        assert not move.resumed
        fill(move)
        move.finish()
    assert new_texts(root) == sorted(FRUIT + TREES)


def test_the_next_manifest_is_what_the_manifest_will_be(root: Path) -> None:
    made = json.loads(Layout(root).manifest.read_text("utf-8"))
    with moved(root) as move:
        planned = json.loads(Layout(root).next_manifest.read_text("utf-8"))
        assert planned["created"] == made["created"]
        fill(move)
        move.finish()
    assert json.loads(Layout(root).manifest.read_text("utf-8")) == planned


def test_an_empty_collection_is_moved_by_its_manifest_alone(tmp_path: Path) -> None:
    create(Layout(tmp_path / "empty"), profile="test", lanes=[TEXT])
    with moved(tmp_path / "empty") as move:
        assert move.pending_pages() == []
        move.finish()
    assert new_texts(tmp_path / "empty") == []
